"""Figures as SVG or PNG with the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure


def to_svg(make: Callable[[], Figure | None], salt: str, **style: Any) -> str:
    """SVG text of the figure that a function makes, empty where it makes none; the same bytes every time.

    Parameters
    ----------
    make
        Called under the suite's own style, whatever the user's is.
    salt
        Makes the identifiers within the SVG, so that two figures in one page do not share any.
    style
        Further settings of matplotlib, with ``_`` in place of the dots in their names.
    """
    with _own_style({name.replace("_", "."): value for name, value in style.items()} | {"svg.hashsalt": salt}):
        figure = make()
        if figure is None:
            return ""
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    return text[text.index("<svg") :].strip()


def to_png(make: Callable[[], Figure]) -> bytes:
    """PNG of the figure that a function makes, 100 pixels an inch; the same bytes every time.

    Parameters
    ----------
    make
        Called under the suite's own style, whatever the user's is.
    """
    buffer = io.BytesIO()
    with _own_style({"font.size": 8}):
        make().savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _own_style(settings: Mapping[Any, Any]) -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.family": "DejaVu Sans", "font.size": 10, **settings})
        yield
