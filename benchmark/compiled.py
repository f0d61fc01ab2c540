"""Loops that Numba compiles, where NumPy would need many passes over all pairs of scans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers at its first call; it lets go of the interpreter's lock.

    The machine code is kept beside the source or in the user's cache folder. Where neither can be written, as in some
    containers, every process compiles anew, which takes seconds.
    """
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(Function, numba.njit(nogil=True)(function))
