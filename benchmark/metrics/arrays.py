"""From arrays to the scans that metrics are computed on, and what all functions on arrays can be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.feature_scaling import Coordinates
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings

#: How values that are not known are written, by the software that arrays come from.
UNKNOWN = ("None", "nan", "NaN", "<NA>", "NaT")

#: Coordinates that leakage is measured in, beside those of probes.
KINDS: tuple[Coordinates, ...] = ("standardised", "whitened")


class Options(TypedDict, total=False):
    """Options of every function on arrays; each function reads those that it needs.

    Attributes
    ----------
    scan, reference
        As for :func:`scans_of`; None by default.
    folds, bootstrap, seed
        As for :class:`benchmark.metrics.settings.EvaluationSettings`; 5, 1000 and 0 by default.
    """

    scan: npt.ArrayLike | None
    reference: npt.ArrayLike | None
    folds: int
    bootstrap: int
    seed: int


class SubjectOptions(Options, total=False):
    """:class:`Options` where scans may be without a subject: ``subject``, None by default, as for :func:`scans_of`."""

    subject: npt.ArrayLike | None


class CoordinateOptions(SubjectOptions, total=False):
    """:class:`SubjectOptions`, and in which ``coordinates`` LDRs are read, ``standardised`` by default.

    They are those of :func:`benchmark.metrics.feature_scaling.transform`.
    """

    coordinates: Coordinates


def scans_of(
    ldr: npt.ArrayLike,
    *,
    site: npt.ArrayLike | None = None,
    subject: npt.ArrayLike | None = None,
    diagnosis: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
    sex: npt.ArrayLike | None = None,
    age: npt.ArrayLike | None = None,
    scan: npt.ArrayLike | None = None,
    reference: npt.ArrayLike | None = None,
    reference_subject: npt.ArrayLike | None = None,
    reference_age: npt.ArrayLike | None = None,
    **settings: Any,
) -> tuple[Scans, EvaluationSettings]:
    """Scans in an order that does not depend on that of the rows, and how to score them.

    Parameters
    ----------
    ldr
        LDRs, shape (n_scans, n_dims), finite.
    site, subject
        Names or numbers, shape (n_scans,). All scans of a person have one subject, at all sites. None: one site; one
        subject per scan.
    diagnosis, sex
        Shape (n_scans,); empty, None or NaN for unknown. None: all unknown.
    labels
        Any other labels in the place of diagnoses, alike.
    age
        Years, shape (n_scans,); NaN for unknown. None: all unknown.
    scan
        Names of the scans, shape (n_scans,), in whose order ties are broken. None: the order of sites, subjects and
        LDRs.
    reference
        LDRs of the training scans, from which mean, scale, whitening and within-subject covariance come, shape
        (n_reference, n_dims), finite. None: the scans themselves.
    reference_subject, reference_age
        Of the reference, shape (n_reference,); only the distance ``within_subject`` reads them.
    **settings
        Fields of :class:`benchmark.metrics.settings.EvaluationSettings`.

    Raises
    ------
    UserError
        A ValueError of one line that names the argument, for a shape that does not fit, an LDR that is not finite, a
        scan without a site or subject, or a setting that is not allowed.
    """
    vectors = _vectors("ldr", ldr)
    number = len(vectors)
    place = _text("site", np.zeros(number, np.int64) if site is None else site, number, required=True)
    person = None if subject is None else _text("subject", subject, number, required=True)
    if scan is not None:
        key = _text("scan", scan, number, required=True)
        order = np.argsort(key, kind="stable")
    else:
        order = np.lexsort((*vectors.T[::-1], *([] if person is None else [person]), place))
        key = np.empty(number, f"U{len(str(number))}")
        key[order] = np.char.zfill(np.arange(number).astype(str), len(str(number)))
    basis = vectors[order] if reference is None else _vectors("reference", reference, vectors.shape[1])
    alone = np.char.add("reference ", np.arange(len(basis)).astype(str))
    scans = Scans(
        ldr=vectors[order],
        key=key[order],
        subject=(key if person is None else person)[order],
        site=place[order],
        diagnosis=(_text("diagnosis", diagnosis, number) if labels is None else _text("labels", labels, number))[order],
        sex=_text("sex", sex, number)[order],
        age=numbers("age", age, number)[order],
        other=pd.DataFrame({"row": order}),
        reference=basis,
        reference_subject=_text(
            "reference_subject", alone if reference_subject is None else reference_subject, len(basis), required=True
        ),
        reference_age=numbers("reference_age", reference_age, len(basis)),
        reference_is_train=reference is not None,
    )
    return scans, EvaluationSettings(**settings)


def options_of(scans: Scans, settings: EvaluationSettings) -> dict[str, Any]:
    """:class:`SubjectOptions` that give the numbers of scans and settings."""
    how = {name: getattr(settings, name) for name in ("folds", "bootstrap", "seed")}
    return {"subject": scans.subject, "scan": scans.key, "reference": scans.reference, **how}


def by_coordinates(
    scans: Scans, settings: EvaluationSettings
) -> Iterator[tuple[Scans, dict[str, Any], dict[str, str]]]:
    """The scans that leakage is measured on, in each of :data:`KINDS`, with options and parameters of measures."""
    part, told = sampled(scans, settings)
    for coordinates in KINDS:
        yield part, {**options_of(part, settings), "coordinates": coordinates}, {"coordinates": coordinates, **told}


def numbers(name: str, values: npt.ArrayLike | None, scans: int) -> npt.NDArray[np.float64]:
    """Numbers, one per scan, shape (scans,); NaN for unknown, as all are for None.

    Raises
    ------
    UserError
        For another shape, or what is no number.
    """
    given = np.full(scans, np.nan) if values is None else _floats(name, values)
    if given.shape != (scans,):
        raise UserError(f"{name}: shape {given.shape} is not allowed; it must be ({scans},), one value per scan")
    return given


def matrix(name: str, values: npt.ArrayLike, scans: int) -> npt.NDArray[np.float64]:
    """Numbers, one row per scan, shape (scans, columns); NaN for unknown. Raises as :func:`numbers`."""
    given = _floats(name, values)
    if given.ndim != 2 or len(given) != scans or given.shape[1] == 0:
        raise UserError(f"{name}: shape {given.shape} is not allowed; it must be ({scans}, columns), one row per scan")
    return given


def _vectors(name: str, values: npt.ArrayLike, dimensions: int | None = None) -> npt.NDArray[np.float64]:
    given = _floats(name, values)
    if given.ndim != 2 or given.shape[1] == 0 or dimensions not in (None, given.shape[1]):
        wanted = "n_dims" if dimensions is None else dimensions
        raise UserError(f"{name}: shape {given.shape} is not allowed; it must be (n_scans, {wanted})")
    bad = np.argwhere(~np.isfinite(given))
    if len(bad):
        row, column = bad[0]
        raise UserError(
            f"{name}: {given[row, column]} at scan {row}, dimension {column} is not allowed; it must be a finite number"
        )
    return given


def _floats(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name}: not an array of numbers") from None


def _text(name: str, values: npt.ArrayLike | None, scans: int, *, required: bool = False) -> npt.NDArray[np.str_]:
    if values is None:
        return np.full(scans, "")
    # A list of text and NaN would become text throughout, and NaN a name.
    given = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    if given.shape != (scans,):
        raise UserError(f"{name}: shape {given.shape} is not allowed; it must be ({scans},), one value per scan")
    if given.dtype.kind == "U":
        text = given
    else:
        known = [str(one) for one in given.tolist()]
        text = np.array([one if one not in UNKNOWN else "" for one in known], dtype=np.str_)
    if required and (text == "").any():
        raise UserError(f"{name}: scan {int(np.argmax(text == ''))} has none; every scan must have one")
    return text
