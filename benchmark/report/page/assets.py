"""Templates, styles and scripts of the pages, and what a page may load."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

#: What a page may load: nothing but pictures in data URIs, its own styles, and the one script with this digest.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def rendered(name: str, scripts: list[str], **values: Any) -> str:
    """A page from its template, with its policy, the styles that all have, and its script; equal input, equal text.

    Parameters
    ----------
    name
        The template's file.
    scripts
        Files that the script of the page is made of, in order.
    values
        What the template shows. All text is escaped.
    """
    script = "".join(asset(each) for each in scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    template = environment("benchmark.report.page").get_template(name)
    return template.render(
        policy=_POLICY.format(digest=digest),
        script=Markup(script),  # noqa: S704 (files of this package)
        style=Markup(asset("page.css")),  # noqa: S704 (a file of this package)
        **values,
    )


def data_uri(kind: str, content: bytes) -> str:
    """A file as an address that holds all of it.

    Parameters
    ----------
    kind
        Its media type, such as ``text/csv``.
    content
        Its bytes.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def asset(name: str) -> str:
    """A file beside the templates."""
    return files("benchmark.report.page").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def environment(package: str) -> Environment:
    """How pages are made of the templates of a package: all text is escaped, and what is not given is an error."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["code"] = _code
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def _code(text: str) -> Markup:
    """Escaped text in which what stands between backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    marked = (
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )
    return Markup("").join(marked)
