"""Fields of a sweep file's sections, before anything is made of them."""

from __future__ import annotations

from typing import Any

from benchmark.errors import UserError


def checked(prefix: str, content: Any, kind: type[Any]) -> dict[str, Any]:
    """Content of a section, if it is a mapping with no other fields than a dataclass has.

    Parameters
    ----------
    prefix
        Name of the section with a dot at its end; "" for the whole file.
    content
        What the file has there.
    kind
        Dataclass that is to be made of it.

    Raises
    ------
    UserError
        If it is something else; the message names the field and what is allowed.
    """
    allowed = list(kind.__dataclass_fields__)
    if not isinstance(content, dict):
        raise UserError(f"field '{prefix.rstrip('.')}' must be a mapping with any of: {', '.join(allowed)}")
    for name in content:
        if name not in allowed:
            raise UserError(f"field '{prefix}{name}' is unknown; allowed: {', '.join(allowed)}")
    return dict(content)
