"""T1-weighted images of a BIDS dataset, through pybids, and the scanner in the JSON files that apply to each."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sessions import Image
from benchmark.prepare.importers.sidecar import Acquisition, acquisition, read_json

#: Session of images that name none.
NO_SESSION = "single"
#: Folders of the root that hold no raw images.
_ASIDE = ("derivatives", "sourcedata", "code", "models", "stimuli", "phenotype")
#: What pybids need not index: those folders, those of a subject that hold no anatomy, and files that are no T1w image.
_IGNORED = (
    re.compile(rf"^/(?:{'|'.join(_ASIDE)})(?:/|$)"),
    re.compile(r"^/sub-[^/]+/(?:ses-[^/]+/)?(?!anat$|ses-)[^/.]+$"),
    re.compile(r"/(?![^/]*_T1w\.nii(?:\.gz)?$)[^/]*\.[^/]+$"),
)
_SIDECAR = re.compile(r"(?:[^.].*_)?T1w\.json")
_SUFFIX = re.compile(r".*_([A-Za-z0-9]+)")
#: Entities that do not make an image a special one of its session.
_PLAIN = frozenset({"sub", "ses", "run", "part"})


def t1_images(root: Path, found: Import) -> list[Image]:
    """All T1w images of a dataset's raw data, whose root holds ``sub-*``; other images are left out."""
    paths = list(image_files(root, found))
    if not any(path.name.startswith("sub-") and path.is_dir() for path in root.iterdir()):
        raise UserError(f"{root}: holds no folder sub-LABEL; name the root of a BIDS dataset")
    indexed = set(_indexed(root))
    images = []
    for path in paths:
        image = _image(path) if path in indexed else ""
        if isinstance(image, str):
            found.leave_out(relative(path, root), image or _other(relative(path, root), path))
        else:
            images.append(image)
    return images


def _indexed(root: Path) -> list[Path]:
    # Loading it takes a second that no other importer should spend.
    from bids.layout import BIDSLayout, BIDSLayoutIndexer

    indexer = BIDSLayoutIndexer(validate=False, index_metadata=False, ignore=list(_IGNORED))
    layout = BIDSLayout(root.absolute(), validate=False, indexer=indexer)
    return [Path(name) for name in layout.get(suffix="T1w", return_type="filename")]


def _image(path: Path) -> Image | str:
    # Or why it is none, "" where its name is none of BIDS. From the name alone: pybids reads entities from the folders
    # above the root as well.
    pairs = [part.split("-", 1) for part in stem(path).split("_")[:-1]]
    if any(len(pair) != 2 for pair in pairs):
        return ""
    entities = {key: value for key, value in pairs}
    if "sub" not in entities or not entities.get("run", "1").isdecimal():
        return ""
    if entities.get("part", "mag") not in ("", "mag"):
        return "phase image"
    # Without contrast agent, with fewest further entities, of the lowest run.
    rank = ("ce" in entities, len(set(entities) - _PLAIN), int(entities.get("run", "1")))
    return Image(path, entities["sub"], entities.get("ses", NO_SESSION), rank)


def _other(name: str, path: Path) -> str:
    top = Path(name).parts[0]
    if top in _ASIDE:
        return f"below {top}, not among the raw data"
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return "not NIfTI"
    suffix = _SUFFIX.fullmatch(stem(path))
    if suffix is None or suffix[1] == "T1w":
        return "no name of BIDS"
    return f"kind of image that is no T1w: {suffix[1]}"


class Sidecars:
    """JSON files of a dataset: those of the same suffix in an image's folder or above, without other entities."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.of_folder: dict[Path, list[tuple[frozenset[str], Acquisition]]] = {}

    def of(self, image: Path) -> Acquisition:
        """What they say of an image, nearer files and more specific ones first."""
        parts = frozenset(stem(image).split("_"))
        found = Acquisition()
        for folder in image.parents:
            for needed, stated in self._files(folder):
                if needed <= parts:
                    found = found.filled(stated)
            if folder == self.root:
                break
        return found

    def _files(self, folder: Path) -> list[tuple[frozenset[str], Acquisition]]:
        if folder not in self.of_folder:
            paths = sorted(path for path in folder.iterdir() if _SIDECAR.fullmatch(path.name))
            read = [(frozenset(path.stem.split("_")), acquisition(read_json(path))) for path in paths]
            self.of_folder[folder] = sorted(read, key=lambda one: -len(one[0]))
        return self.of_folder[folder]
