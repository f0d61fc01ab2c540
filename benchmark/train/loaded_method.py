"""A trained method out of its run folder, for files that it has not seen."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import yaml
from lightning import Fabric
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.datamodule import Masks, SiteDataModule
from benchmark.data.dataset import VolumeDataset
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.sampling import EVALUATION
from benchmark.data.store import one_thread, stored_volume
from benchmark.errors import UserError
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch, RepresentationModule
from benchmark.parsing import in_one_line
from benchmark.train.checkpoints import AtomicCheckpointIO
from benchmark.train.description import DESCRIPTION
from benchmark.train.resolve import instantiate_model
from benchmark.train.run_folder import CONFIG, MODEL

#: Files that are embedded at a time.
BATCH = 16


@dataclass
class LoadedMethod:
    """A trained method with what it knows of the scans that it was trained on.

    Attributes
    ----------
    model
        The method, in evaluation mode.
    preprocessing
        What its volumes are made by.
    masks
        How many of the scans that it was trained on had a mask.
    held_out_site
        The site that training did not see, under leave-one-site-out; None otherwise.
    precision
        That it was trained in, as the trainer calls it.
    """

    model: RepresentationModule
    preprocessing: Preprocessing
    masks: Masks
    held_out_site: str | None
    precision: str

    def __post_init__(self) -> None:
        # One process, wherever it runs: left to look for a cluster, Lightning tells users to start with srun.
        self._fabric = Fabric(devices=1, precision=cast(Any, self.precision), plugins=[LightningEnvironment()])
        # On the device, and in the precision's type.
        self._fabric.setup_module(self.model.eval())

    @property
    def sites(self) -> tuple[str, ...]:
        """Sites of the training scans."""
        return cast(DataSpec, self.model.spec).sites

    def embed_files(
        self,
        paths: Sequence[str | Path],
        masks: Sequence[str | Path] | None = None,
        sites: Sequence[str] | None = None,
        ages: Sequence[float] | None = None,
        sexes: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """LDRs of images, preprocessed as those of the training.

        Parameters
        ----------
        paths
            One 3D image each, in any orientation and size.
        masks
            Their brain masks; needed where training had them, and refused where it had none.
        sites
            Their sites; needed by a method whose LDR depends on the site of a scan, such as ComBat.
        ages, sexes
            Years, and F or M; for methods with such covariates.

        Returns
        -------
        pandas.DataFrame
            One row per file, indexed by its path as given, columns ``z0`` to ``zD-1``, float32.

        Raises
        ------
        UserError
            For a file that cannot be used, and for what differs from the training.
        MethodError
            For scans that the method itself refuses.
        """
        scans = pd.DataFrame({"image": [str(path) for path in paths]})
        given: dict[str, Any] = {"mask": masks, "site": sites, "age": ages, "sex": sexes}
        for name, column in given.items():
            if column is not None and len(column) != len(paths):
                raise UserError(f"{name}s: {len(column)} are given for {len(paths)} files; one a file is needed")
            scans[name] = column if column is not None else np.nan if name == "age" else ""
        if scans.empty:
            raise UserError("paths: no file is given")
        scans = scans.fillna({"mask": "", "site": "", "sex": ""})
        self.check(scans)
        starts = range(0, len(scans), BATCH)
        values = np.concatenate([self.embedded(self.batch_of(scans[start : start + BATCH])) for start in starts])
        names = [f"z{number}" for number in range(values.shape[1])]
        return pd.DataFrame(values, pd.Index(scans["image"], name="file"), names)

    def batch_of(self, scans: pd.DataFrame, volumes: Sequence[NDArray[np.float16]] | None = None) -> Batch:
        """Scans as the method is given them.

        Parameters
        ----------
        scans
            Columns ``image``, ``mask``, ``site``, ``age`` and ``sex``, "" or NaN where unknown.
        volumes
            Their volumes, shape (x, y, z) each, where :func:`benchmark.data.store.stored_volume` has made them before
            by this preprocessing; None to read the files.

        Raises
        ------
        UserError
            For a file that cannot be used.
        """
        if volumes is None:
            rows = scans[["image", "mask"]].astype(str).to_dict("records")
            with one_thread():
                volumes = [stored_volume(row, self.preprocessing)[0] for row in rows]
        codes = {site: code for code, site in enumerate(self.sites)}
        table = scans.assign(scan_key=scans["image"], site_code=[codes.get(site, len(codes)) for site in scans["site"]])
        batch = VolumeDataset(np.stack(volumes), table)[EVALUATION, list(range(len(scans)))]
        return cast(Batch, {**batch, "index": torch.tensor(scans.index.to_numpy(np.int64))})

    def embedded(self, batch: Batch) -> NDArray[np.float32]:
        """LDRs of a batch, shape (scans, dimension)."""
        return cast(NDArray[np.float32], self._run(self.model.embed, batch).numpy())

    def reconstructed(self, batch: Batch) -> NDArray[np.float32] | None:
        """What the method makes of the LDRs of a batch, shape (scans, x, y, z); None where it reconstructs nothing."""
        made = self._run(lambda moved: self.model.reconstruct(moved, self.model.embed(moved)), batch)
        return None if made is None else cast(NDArray[np.float32], made[:, 0].numpy())

    def added(self, batch: Batch) -> dict[str, NDArray[np.float32]]:
        """What the reconstructions of a batch hold beside what the LDRs say, by name, shape (scans, x, y, z) each.

        Of the volumes that sum up to a reconstruction
        (:meth:`benchmark.methods.representation.RepresentationModule.summands`) those that another LDR leaves as they
        are, such as what PL-SE-ADA makes of the style code. None for a method whose reconstruction is no such sum.
        """
        names: list[str] = []

        def work(moved: Batch) -> Tensor | None:
            ldr = self.model.embed(moved)
            parts, others = (self.model.summands(moved, one) for one in (ldr, ldr + 1))
            # Not to the last bit: on a GPU sums may be taken in another order.
            names.extend(name for name in parts if torch.allclose(parts[name], others[name], 1e-3, 1e-4, True))
            return torch.stack([parts[name][:, 0] for name in names]) if names else None

        made = self._run(work, batch)
        return {} if made is None else dict(zip(names, made.numpy(), strict=True))

    def check(self, scans: pd.DataFrame) -> None:
        """See that scans can be embedded, but for what is in their files.

        Parameters
        ----------
        scans
            As for :meth:`batch_of`.

        Raises
        ------
        UserError
            For what differs from the training.
        """
        masked = scans["mask"].astype(str) != ""
        if self.masks == "all" and not masked.all():
            missing = scans["image"][~masked].iloc[0]
            raise UserError(f"masks: none is given for {missing}; the method was trained on scans with a mask each")
        if self.masks == "none" and masked.any():
            raise UserError("masks: they are not allowed; the method was trained on scans without masks")
        wrong = sorted(set(scans["sex"]) - {"F", "M", ""})
        if wrong:
            raise UserError(f"sexes: '{wrong[0]}' is not allowed; it must be F, M, or empty where unknown")
        allowed = [*self.sites, *([self.held_out_site] if self.held_out_site else [])]
        unknown = [site for site in scans["site"] if site not in allowed]
        if unknown:
            batch = self.batch_of(scans[:1])
            one, two = (self.embedded({**batch, "site": torch.full_like(batch["site"], code)}) for code in (0, 1))
            if not np.array_equal(one, two):
                what = f"'{unknown[0]}' is not allowed" if unknown[0] else "one a file is needed"
                raise UserError(f"sites: {what}; the LDR depends on the site of a scan; allowed: {', '.join(allowed)}")

    @torch.no_grad()
    def _run(self, work: Callable[[Batch], Tensor | None], batch: Batch) -> Any:
        """What a part of the method makes of a batch, on its device and in its precision; float32 on the CPU."""
        moved = self._fabric.to_device({**batch, "volume": batch["volume"].to(next(self.model.parameters()).dtype)})
        with self._fabric.autocast():
            made = work(moved)
        return None if made is None else made.float().cpu()


def load_method(folder: str | Path) -> LoadedMethod:
    """A method as a finished training left it.

    Parameters
    ----------
    folder
        Of a run: of ``seada-bench fit``, of :func:`benchmark.train.fit`, or of a sweep; or of an exported model, as
        for :func:`benchmark.train.exported_model.load_model`.

    Raises
    ------
    UserError
        For a folder without ``config.yaml`` or ``model.ckpt``, or whose model cannot be made.
    """
    if (Path(folder) / DESCRIPTION).is_file():
        from benchmark.train.exported_model import load_model

        return load_model(folder)
    config_file, checkpoint = Path(folder) / CONFIG, Path(folder) / MODEL
    for file in (config_file, checkpoint):
        if not file.is_file():
            raise UserError(f"{file}: there is no such file; the folder of a finished training is needed")
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    try:
        model = cast(RepresentationModule, instantiate_model(config["model"]))
    except ArgumentError as error:
        raise UserError(f"{config_file}: {in_one_line(str(error))}") from error
    state = AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="cpu")
    if SiteDataModule.__name__ not in state:
        raise UserError(f"{checkpoint}: does not say how its scans were preprocessed; train it again")
    model.on_load_checkpoint(state)
    model.load_state_dict(state["state_dict"])
    about = state[SiteDataModule.__name__]
    return LoadedMethod(
        model, Preprocessing(**about["preprocessing"]), about["masks"], about["held_out_site"],
        config["trainer"]["precision"] or "32-true",
    )  # fmt: skip
