"""What a sweep tells while it runs, beside the CSV logs; nothing here can change a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from benchmark.errors import UserError

Mode = Literal["auto", "offline", "online"]


@dataclass(frozen=True)
class WandbSettings:
    """Where Weights & Biases keeps the runs of a sweep.

    Attributes
    ----------
    project, entity
        As Weights & Biases knows them; no entity for the user's own.
    mode
        ``offline``, ``online``, or ``auto``: online where there is a key, else offline.
    """

    project: str = "seada-bench"
    entity: str | None = None
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UserError(
                f"field 'tracking.wandb.mode': '{self.mode}' is not allowed; allowed: auto, offline, online"
            )
        if not isinstance(self.project, str) or not self.project or set(self.project) & set("/\\#?%:"):
            raise UserError(
                f"field 'tracking.wandb.project': '{self.project}' is not allowed; "
                "it must be a name without any of / \\ # ? % :"
            )


@dataclass(frozen=True)
class TrackingSettings:
    """The ``tracking`` section of a sweep file.

    Attributes
    ----------
    wandb
        Weights & Biases; None for none.
    probes_every
        Epochs between two points of the curves of :class:`benchmark.train.tracking.probes.ProbeCurves`; 0 for none.
    images
        Training scans whose reconstructions :class:`benchmark.train.tracking.images.Reconstructions` draws at the end;
        0 for none.
    images_every
        Epochs between two such drawings during training; 0 for the end alone.
    """

    wandb: WandbSettings | None = None
    probes_every: int = 0
    images: int = 0
    images_every: int = 0

    def __post_init__(self) -> None:
        for name in ("probes_every", "images", "images_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise UserError(f"field 'tracking.{name}': {value} is not allowed; it must be an integer >= 0")

    def callbacks(self) -> list[dict[str, Any]]:
        """Callbacks for ``trainer.callbacks``."""
        found = []
        if self.probes_every:
            found.append(_callback("probes.ProbeCurves", every=self.probes_every))
        if self.images:
            found.append(_callback("images.Reconstructions", scans=self.images, every=self.images_every))
        return found


@dataclass(frozen=True)
class Tracking:
    """Tracking of one run.

    Attributes
    ----------
    settings
        Of the sweep.
    group
        Name that the runs of the sweep share.
    """

    settings: TrackingSettings
    group: str


def _callback(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": f"benchmark.train.tracking.{name}", "init_args": arguments}
