"""Whether a method keeps the contract of :class:`RepresentationModule`: a suite of checks on mock data."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor

from benchmark.methods.card import MethodCard
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import BATCH, SITES, MockData
from benchmark.methods.representation import Batch, RepresentationModule

#: Largest difference between LDRs of one scan that is rounding, relative to the LDRs' standard deviation.
ROUNDING = 1e-3

_LOOKED = (
    "other diagnoses of the scans give other LDRs; methods must not look at diagnoses, unless the card states "
    "'uses: [diagnosis]', and then at those of training scans alone"
)
_PEEKED = (
    "other diagnoses of scans that are not in training give other LDRs; read those of split 'train', and no others"
)

Make = Callable[[], LightningModule]


@dataclass(frozen=True)
class Finding:
    """What is wrong with a method.

    Attributes
    ----------
    check
        Which check found it.
    problem
        What is wrong, and what to do about it.
    """

    check: str
    problem: str


def check_method(make: Make, card: MethodCard | None = None, processes: int = 2) -> list[Finding]:
    """Train a method on mock data, several times, and say what breaks the contract.

    Parameters
    ----------
    make
        Makes the method anew, untrained.
    card
        What its YAML file states of it.
    processes
        CPU processes that train together in the last check; 1 to leave it out.

    Returns
    -------
    list of Finding
        Empty for a method that can be used. Where it cannot be trained at all, that alone.
    """
    card = card or MethodCard()
    with tempfile.TemporaryDirectory() as folder, _quiet():
        try:
            model = _trained(make, MockData(), Path(folder))
        except Exception as error:  # noqa: BLE001 (whatever an author's code raises is a finding)
            return [Finding("training", f"two epochs on mock data end in {_named(error)}")]
        data = MockData()
        found = _tried("embedding", lambda: _shapes(model, data))
        if found:
            # Nothing else could be compared.
            return found
        found += _tried("embedding", lambda: [*_alone(model, data), *_site(model, data, card)])
        found += _tried("unseen site", lambda: _unseen(model, data))
        found += _same(
            "determinism", "two trainings with one seed give other LDRs; draw by torch's seeded generator",
            model, lambda: _trained(make, MockData(), Path(folder)),
        )  # fmt: skip
        # A method that sees diagnoses sees those of training scans; of the others nothing may change a bit.
        others = MockData(diagnoses=1, of_training=0 if card.sees_diagnoses else None)
        found += _same(
            "diagnoses", _PEEKED if card.sees_diagnoses else _LOOKED,
            model, lambda: _trained(make, others, Path(folder)),
        )  # fmt: skip
        found += _same(
            "checkpoint", "a model loaded from its checkpoint gives other LDRs; keep what is fitted in parameters, "
            "buffers or get_extra_state", model, lambda: _loaded(make, model, Path(folder)),
        )  # fmt: skip
        if processes > 1:
            found += _together(make, Path(folder), processes)
    return found


def _tried(check: str, findings: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a check, or that it could not be made."""
    try:
        return list(findings())
    except Exception as error:  # noqa: BLE001 (as above)
        return [Finding(check, f"ends in {_named(error)}")]


def _shapes(model: RepresentationModule, data: MockData) -> Iterator[Finding]:
    rows = data.rows("test")[: BATCH + 1]
    batch = data.batch(rows)
    ldrs = _ldr(model, batch)
    if ldrs.ndim != 2 or len(ldrs) != len(rows):
        yield Finding(
            "shapes", f"embed gives shape {tuple(ldrs.shape)} for {len(rows)} scans; return (batch, dimension)"
        )
    elif not torch.isfinite(ldrs).all():
        yield Finding("finite values", "embed gives NaN or infinity; look at divisions, logarithms and learning rates")
    elif float(ldrs.std(dim=0).max()) == 0:
        yield Finding(
            "finite values", "embed gives the same vector for every scan; the LDR does not depend on the scan"
        )
    else:
        model.predict_step(batch, 0)


def _alone(model: RepresentationModule, data: MockData) -> Iterator[Finding]:
    rows = data.rows("test")[:BATCH]
    together = _ldr(model, data.batch(rows))
    if not torch.equal(together, _ldr(model, data.batch(rows))):
        yield Finding(
            "determinism", "embedding the same batch twice gives other LDRs; switch off dropout and draws in embed"
        )
        return
    alone = torch.cat([_ldr(model, data.batch(row[None])) for row in rows])
    if _differ(together, alone):
        yield Finding(
            "one scan at a time",
            "the LDR of a scan depends on which scans are embedded with it; use statistics of the training in embed, "
            "not of the batch",
        )


def _site(model: RepresentationModule, data: MockData, card: MethodCard) -> Iterator[Finding]:
    if card.needs_site_at_test:
        return
    batch = data.batch(data.rows("test")[:BATCH])
    other = cast(Batch, {**batch, "site": (batch["site"] + 1) % len(SITES)})
    if _differ(_ldr(model, batch), _ldr(model, other)):
        yield Finding(
            "site at test",
            "the LDR depends on the site label of the scan; state 'needs_site_at_test: true' in the card",
        )


def _unseen(model: RepresentationModule, data: MockData) -> Iterator[Finding]:
    rows = data.rows("test")[-BATCH // 2 :]
    batch = data.batch(rows)
    if (batch["site"] != len(SITES)).any():
        raise RuntimeError("the last test scans are those of the unseen site")
    try:
        ldrs = _ldr(model, batch)
    except MethodError:
        # It says so itself, in words for the user.
        return
    except Exception as error:  # noqa: BLE001
        yield Finding(
            "unseen site",
            f"a scan of a site that training has not seen (index len(sites)) ends in {_named(error)}; embed it, or "
            "raise MethodError with a line that says why not",
        )
        return
    if not torch.isfinite(ldrs).all():
        yield Finding("unseen site", "scans of a site that training has not seen get NaN or infinity")


def _same(
    check: str, problem: str, model: RepresentationModule, other: Callable[[], RepresentationModule]
) -> list[Finding]:
    """What a check finds where another model does not give the same LDRs."""
    return _tried(check, lambda: [] if torch.equal(_of_test(model), _of_test(other())) else [Finding(check, problem)])


def _loaded(make: Make, model: RepresentationModule, folder: Path) -> RepresentationModule:
    path = folder / "model.ckpt"
    model.trainer.save_checkpoint(path, weights_only=True)
    again = cast(RepresentationModule, make())
    state = torch.load(path, map_location="cpu", weights_only=True)
    again.on_load_checkpoint(state)
    again.load_state_dict(state["state_dict"])
    return again.eval()


class _SameEverywhere(Callback):
    """Fails where processes end with other parameters than the first."""

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, parameter in pl_module.named_parameters():
            everyone = cast(Tensor, pl_module.all_gather(parameter.detach()))
            if not torch.allclose(everyone, everyone[:1].expand_as(everyone), rtol=1e-4, atol=1e-6, equal_nan=True):
                raise RuntimeError(
                    f"parameter '{name}' differs between processes; step optimisers on every process alike and gather "
                    "what is not averaged"
                )


def _together(make: Make, folder: Path, processes: int) -> Iterator[Finding]:
    try:
        with _silent():
            _trained(make, MockData(), folder, processes)
    except Exception as error:  # noqa: BLE001
        # A process that fails is told of by the text of its traceback.
        last = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        yield Finding("several processes", f"training in {processes} CPU processes (DDP) ends in {last}")


def _trained(make: Make, data: MockData, folder: Path, processes: int = 1) -> RepresentationModule:
    seed_everything(0, verbose=False)
    model = make()
    if not isinstance(model, RepresentationModule):
        raise MethodError(f"{type(model).__name__} is no benchmark.methods.representation.RepresentationModule")
    # Several processes train as a sweep's do: two optimisers leave parameters unused in turn.
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", devices=processes,
        strategy="ddp_spawn_find_unused_parameters_true" if processes > 1 else "auto",
        deterministic=True, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False, default_root_dir=folder,
        callbacks=[_SameEverywhere()] if processes > 1 else [],
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    model.eval()
    model.use_average()
    if processes == 1:
        with torch.no_grad():
            model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
    return model


def _of_test(model: RepresentationModule) -> Tensor:
    data = MockData()
    return torch.cat(
        [_ldr(model, batch) for batch in data.split_dataloader("test") if (batch["site"] < len(SITES)).all()]
    )


@torch.no_grad()
def _ldr(model: RepresentationModule, batch: Batch) -> Tensor:
    return model.embed(batch).float()


def _differ(one: Tensor, other: Tensor) -> bool:
    scale = float(one.std(dim=0).max()) if len(one) > 1 else 1.0
    return one.shape != other.shape or float((one - other).abs().max()) > ROUNDING * max(scale, 1e-12)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing on standard error, of this process or of those that it starts, which log as Lightning does."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers: list[Any] = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    deterministic = torch.are_deterministic_algorithms_enabled()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
