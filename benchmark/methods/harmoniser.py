"""Harmoniser: what is fitted once on finished LDRs and takes the site out of them, whatever method they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Literal, get_type_hints

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.methods.errors import MethodError

Array = NDArray[np.float64]
Sites = NDArray[np.str_]
Covariate = Literal["age", "sex"]


class Fitted(ABC):
    """A fitted harmoniser: a frozen dataclass of arrays, tuples of strings, and others of its kind.

    Rows are given as three tables of equal length: ``features`` (scan, feature), ``site`` (scan,) and ``covariates``,
    one numeric column per covariate.
    """

    @abstractmethod
    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Harmonised features (scan, feature), finite; each row as it would be alone.

        Raises
        ------
        MethodError
            For a site without parameters, where sites have any; missing covariates; values that are not finite.
        """

    @abstractmethod
    def extended(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Fitted:
        """The same with a further site, fitted on scans of that site alone; all others stay as they are."""


class Harmoniser(ABC):
    """Settings of a harmoniser, each in an attribute of its name.

    Attributes
    ----------
    covariates
        Names of what is given as covariates, any of ``age`` and ``sex``.
    needs_site
        Whether the site of a scan must be known to harmonise it.
    fitted_type
        What :meth:`fit` gives, for checkpoints.
    """

    covariates: list[Covariate]
    needs_site: ClassVar[bool] = True
    fitted_type: ClassVar[type[Fitted]]

    @abstractmethod
    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Fitted:
        """Fit on training scans; rows as :class:`Fitted` has them. Never sees a diagnosis.

        Raises
        ------
        MethodError
            If these scans do not allow it; the message says why.
        """


def checked(name: str, features: Array, site: Sites, covariates: pd.DataFrame) -> None:
    """Refuse rows to fit on that are none, that are not finite, or one scan of a site.

    Raises
    ------
    MethodError
        Naming the harmoniser, and the site or row.
    """
    names, counts = np.unique(site, return_counts=True)
    if len(names) == 0:
        raise MethodError(f"{name} needs scans to fit, got none")
    for of_site, n in zip(names, counts, strict=True):
        if n < 2:
            raise MethodError(f"{name} needs at least 2 training scans of every site; site '{of_site}' has {n}")
    check_finite(name, features, covariates)


def check_finite(name: str, features: Array, covariates: pd.DataFrame) -> None:
    """Refuse features and covariates that are not finite.

    Raises
    ------
    MethodError
        Naming the harmoniser, the covariate, and the first row.
    """
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise MethodError(f"{name}: features of {len(bad)} scans are not finite, the first in row {bad[0]}")
    for column in covariates.columns:
        missing = np.flatnonzero(~np.isfinite(covariates[column].to_numpy(np.float64)))
        if len(missing):
            raise MethodError(
                f"{name}: covariate '{column}' is missing for {len(missing)} scans, the first in row {missing[0]}; "
                "fill it in the manifest or take it out of the method's covariates"
            )


def rows_of(name: str, sites: tuple[str, ...], site: Sites) -> list[int]:
    """Place of each scan's site among ``sites``.

    Raises
    ------
    MethodError
        For a site that is not among them.
    """
    unknown = sorted(set(site) - set(sites))
    if unknown:
        raise MethodError(f"{name} has no parameters for site '{unknown[0]}'; it was fitted on {', '.join(sites)}")
    return [sites.index(one) for one in site]


def one_new_site(name: str, sites: tuple[str, ...], site: Sites) -> str:
    """The site of all these scans, which has no parameters yet.

    Raises
    ------
    MethodError
        If they are of several sites, or of one that has.
    """
    if len(set(site)) != 1 or site[0] in sites:
        raise MethodError(f"{name} is extended by one new site at a time, got {', '.join(sorted(set(site)))}")
    return str(site[0])


def state_of(fitted: Fitted) -> dict[str, Any]:
    """Tensors, lists and such dicts, which load with ``weights_only=True``."""
    state: dict[str, Any] = {}
    for field in fields(fitted):  # type: ignore[arg-type]
        value = getattr(fitted, field.name)
        if isinstance(value, Fitted):
            state[field.name] = state_of(value)
        else:
            state[field.name] = torch.as_tensor(value) if isinstance(value, np.ndarray) else list(value)
    return state


def fitted_from(kind: type[Fitted], state: dict[str, Any]) -> Fitted:
    """Inverse of :func:`state_of`; what a state of before lacks has its default."""
    hints, values = get_type_hints(kind), dict[str, Any]()
    for name, value in state.items():
        if is_dataclass(hints[name]):
            values[name] = fitted_from(hints[name], value)
        else:
            values[name] = value.cpu().numpy() if isinstance(value, Tensor) else tuple(value)
    return kind(**values)
