"""The one LightningDataModule that every method shares."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torchio
from lightning import LightningDataModule
from numpy.typing import NDArray

from benchmark.data.common_mask import CommonMask
from benchmark.data.counting_loader import CountingLoader
from benchmark.data.dataset import VolumeDataset
from benchmark.data.manifest import read_manifests
from benchmark.data.outline import Outline
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.sampling import EveryScanOnce, SiteBalancedSampler
from benchmark.data.splits import assign_splits, check_no_overlap
from benchmark.data.store import VolumeStore
from benchmark.errors import UserError
from benchmark.methods.data_spec import DataSpec
from benchmark.seeds import derive_seed

Masks = Literal["all", "some", "none"]

#: Split of scans of a held-out site that are neither trained on nor scored.
UNSEEN = "unseen"


class SiteDataModule(LightningDataModule):
    """Per-site manifests in; site-balanced training batches and exact evaluation batches out.

    Parameters
    ----------
    manifests
        CSV manifests, one a site; patterns such as ``data_manifests/phantom/*.csv`` are expanded.
    data_root
        Folder that image paths of the manifests may be relative to, beside the manifest's own.
    preprocessing
        Grid, spacing and normalisation of the volumes.
    held_out_site
        Site that training must not see (leave-one-site-out), or None (pooled).
    batch_size
        Scans of a training batch over all processes together.
    seed
        Of splits, sampling and augmentation.
    val_fraction, test_fraction
        Shares of subjects for the splits, where a manifest does not state them.
    augmentation
        A torchio transform applied to training volumes, or None.
    truth
        The phantom's truth table, for the true-anatomy ceiling; None for real data.
    cache_dir
        Folder of the preprocessed volume stores.
    num_workers
        Loader processes; 0 is right for volumes that are already memory-mapped.
    store_processes
        Processes that build a missing volume store.

    Raises
    ------
    UserError
        For manifests, images, splits or settings that cannot be used; the message names each.
    """

    def __init__(
        self,
        manifests: list[str],
        data_root: str | None = None,
        preprocessing: Preprocessing = Preprocessing(),  # noqa: B008 (frozen; the default shows in --print_config)
        held_out_site: str | None = None,
        batch_size: int = 16,
        seed: int = 0,
        val_fraction: float = 0.0,
        test_fraction: float = 0.25,
        augmentation: torchio.Transform | None = None,
        truth: str | None = None,
        cache_dir: str = "data/cache",
        num_workers: int = 0,
        store_processes: int = 1,
    ) -> None:
        super().__init__()
        self.manifests = manifests
        self.data_root = data_root
        self.preprocessing = preprocessing
        self.held_out_site = held_out_site
        self.batch_size = batch_size
        self.seed = seed
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.augmentation = augmentation
        self.truth = truth
        self.cache_dir = cache_dir
        self.num_workers = num_workers
        self.store_processes = store_processes
        self._scans: pd.DataFrame | None = None
        self._store: VolumeStore | None = None
        self._outline: Outline | None = None

    @property
    def scans(self) -> pd.DataFrame:
        """The scans table with final ``split`` and ``site_code`` columns, in store order."""
        if self._scans is None:
            self._scans = self._read_scans()
        return self._scans

    @property
    def store(self) -> VolumeStore:
        """The preprocessed volumes, row for row with :attr:`scans`."""
        if self._store is None:
            self._store = VolumeStore.open_or_build(
                self.scans, self.preprocessing, Path(self.cache_dir), processes=self.store_processes
            )
        return self._store

    @property
    def outline(self) -> Outline | None:
        """Principal components of the masks and common mask, from the training scans' masks.

        None where a volume's background doesn't show its mask: a scan has none, or ``mask_background`` is false.
        """
        if self.masks != "all" or not self.preprocessing.mask_background:
            return None
        if self._outline is None:
            self._outline = Outline.cached(self.store, self._rows("train"))
        return self._outline

    @property
    def masks(self) -> Masks:
        """How many of the scans have a mask."""
        masked = self.scans["mask"].fillna("").astype(bool) if "mask" in self.scans else pd.Series([False])
        return "all" if masked.all() else "some" if masked.any() else "none"

    @property
    def spec(self) -> DataSpec:
        """Grid and training sites, in the form that the methods expect."""
        sites = self.scans.loc[self.scans["split"] == "train", "site"]
        return DataSpec(self.preprocessing.shape, tuple(sorted(set(sites))), self.preprocessing.spacing)

    def state_dict(self) -> dict[str, Any]:
        """Lightning hook: how volumes are made, and of which scans, as plain values for a checkpoint."""
        return {
            "preprocessing": {**asdict(self.preprocessing), "shape": list(self.preprocessing.shape)},
            "masks": self.masks,
            "held_out_site": self.held_out_site,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Lightning hook: a model sees volumes that are made as those it was trained on, or none.

        Raises
        ------
        UserError
            For a checkpoint of a training with another preprocessing, or of scans with masks where these have none.
        """
        trained, given = Preprocessing(**state_dict["preprocessing"]), self.preprocessing
        for field in fields(Preprocessing):
            before, now = getattr(trained, field.name), getattr(given, field.name)
            if before != now:
                raise UserError(
                    f"data.preprocessing.{field.name}: {now} is not allowed; the model was trained with {before}"
                )
        if {state_dict["masks"], self.masks} == {"all", "none"}:
            raise UserError(
                f"data.manifests: {self.masks} of the scans have a mask; the model was trained on scans of which "
                f"{state_dict['masks']} had one"
            )

    def prepare_data(self) -> None:
        """Lightning hook, on one process: build the store where it is missing."""
        _ = self.store

    def setup(self, stage: str) -> None:
        """Lightning hook: open the store on every process."""
        _ = self.store

    def train_dataloader(self) -> CountingLoader:
        """Site-balanced, augmented batches."""
        rows = self._rows("train")
        sites = self.scans["site"].to_numpy(str)[rows]
        rank, ranks = self._rank()
        seed = derive_seed(self.seed, "sampler")
        sampler = SiteBalancedSampler(rows, sites, self.batch_size, seed, rank, ranks)
        return self._loader(self._dataset(self.augmentation), sampler)

    def predict_dataloader(self) -> CountingLoader:
        """Every scan once over all ranks, as it is in the store, and cut to the common mask where there are masks."""
        rank, ranks = self._rank()
        rows = np.arange(len(self.scans))
        scored = (self.scans["split"] == "test").to_numpy(np.bool_)
        dataset = self._dataset(None, self._common_mask(), scored)
        return self._loader(dataset, EveryScanOnce(rows, self.batch_size, rank, ranks))

    def split_dataloader(self, split: Literal["train", "unseen"]) -> CountingLoader:
        """Every scan of one split once on every rank, for what is fitted after training."""
        return self._loader(self._dataset(None), EveryScanOnce(self._rows(split), self.batch_size))

    def _read_scans(self) -> pd.DataFrame:
        paths = [path for pattern in self.manifests for path in _expand(pattern)]
        root = None if self.data_root is None else Path(self.data_root)
        scans = read_manifests(paths, root)
        scans["split"] = assign_splits(scans, self.seed, self.val_fraction, self.test_fraction)
        check_no_overlap(scans)
        if self.held_out_site is not None:
            sites = sorted(set(scans["site"]))
            if self.held_out_site not in sites:
                raise UserError(
                    f"data.held_out_site: '{self.held_out_site}' is no site of the manifests; "
                    f"allowed: {', '.join(sites)}"
                )
            hidden = (scans["site"] == self.held_out_site) & (scans["split"] != "test")
            scans.loc[hidden, "split"] = UNSEEN
        _check_counts(scans)
        training = sorted(set(scans.loc[scans["split"] == "train", "site"]))
        codes = {site: code for code, site in enumerate(training)}
        scans["site_code"] = scans["site"].map(lambda site: codes.get(site, len(training))).astype(np.int64)
        return scans

    def _rows(self, split: str) -> NDArray[np.int64]:
        return np.flatnonzero((self.scans["split"] == split).to_numpy())

    def _rank(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)

    def _dataset(
        self, augmentation: Any, common: CommonMask | None = None, scored: NDArray[np.bool_] | None = None
    ) -> VolumeDataset:
        seed, anatomy = derive_seed(self.seed, "augmentation"), self.true_anatomy()
        values = None if anatomy is None else anatomy.to_numpy(np.float32)
        return VolumeDataset(self.store.volumes, self.scans, augmentation, seed, values, common, scored)

    def _common_mask(self) -> CommonMask | None:
        # Heads that are not aligned may have no voxel in common.
        if self.outline is None or not self.outline.common.any():
            return None
        return CommonMask(self.outline.common, self.preprocessing)

    def _loader(self, dataset: VolumeDataset, sampler: Any) -> CountingLoader:
        return CountingLoader(
            dataset,
            batch_size=None,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def true_anatomy(self) -> pd.DataFrame | None:
        """True anatomy of a phantom's scans, in their order, columns ``anatomy_...``; None for real data."""
        if self.truth is None:
            return None
        path = Path(self.truth)
        if not path.is_file():
            raise UserError(f"data.truth: {path} is not there; it is the truth.csv that 'seada-bench phantom' writes")
        truth = pd.read_csv(path).set_index("scan_key")
        missing = sorted(set(self.scans["scan_key"]) - set(truth.index))
        if missing:
            raise UserError(f"{path}: no row for {len(missing)} scans of the manifests, the first is {missing[0]}")
        columns = [column for column in truth.columns if column.startswith("bio_")]
        chosen = truth.loc[self.scans["scan_key"], columns].set_axis(self.scans.index).astype(np.float32)
        return chosen.rename(columns=lambda column: column.replace("bio_", "anatomy_", 1))


def _expand(pattern: str) -> list[Path]:
    path = Path(pattern)
    if not any(character in pattern for character in "*?["):
        return [path]
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    found = sorted(anchor.glob(str(path.relative_to(anchor)) if path.is_absolute() else pattern))
    if not found:
        raise UserError(f"data.manifests: no file matches '{pattern}'")
    return found


def _check_counts(scans: pd.DataFrame) -> None:
    training = scans[scans["split"] == "train"]
    counts = training["site"].value_counts()
    if training.empty:
        raise UserError("no training scans: every scan of the manifests is in another split")
    lonely = sorted(counts.index[counts < 2])
    if lonely:
        raise UserError(
            f"site '{lonely[0]}' has one training scan; every site in training needs at least 2 "
            "(give it more scans, or put the scan into the test split)"
        )
