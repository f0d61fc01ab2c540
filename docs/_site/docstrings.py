"""Docstrings for the site: roles of Sphinx, such as ``:func:`name```, are code there."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):`~?([^`]+)`")


class Roles(Extension):
    """Replace them before the docstring is parsed."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change the docstring of each object that is loaded."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
