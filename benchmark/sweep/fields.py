"""Dataclasses from the sections of a sweep file.

Not by jsonargparse: it reads strings among the values of ``dict[str, Any]`` as YAML, so that the override "null"
becomes None, and does not say which fields are allowed in place of an unknown one.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from benchmark.errors import UserError

T = TypeVar("T")


def typed(prefix: str, content: Any, kind: type[T]) -> T:
    """A dataclass from a mapping, with the dataclasses in it.

    Parameters
    ----------
    prefix
        Name of the section with a dot at its end; "" for the whole file.
    content
        What the file has there.
    kind
        The dataclass; types of other values are for it to check.

    Raises
    ------
    UserError
        If it is no mapping, or fields are unknown or missing; the message names the field and what is allowed.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    allowed = ", ".join(known)
    if not isinstance(content, dict):
        raise UserError(f"field '{prefix.rstrip('.')}' must be a mapping with any of: {allowed}")
    for name in content:
        if name not in known:
            raise UserError(f"field '{prefix}{name}' is unknown; allowed: {allowed}")
    hints = get_type_hints(kind)
    values = {}
    for name, field in known.items():
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if name not in content and not has_default:
            raise UserError(f"field '{prefix}{name}' is missing")
        inner = next((hint for hint in (hints[name], *get_args(hints[name])) if is_dataclass(hint)), None)
        value = content.get(name)
        if name not in content or (value is None and inner is not None):
            continue
        if inner is not None:
            value = typed(f"{prefix}{name}.", value, inner)  # type: ignore[arg-type]
        values[name] = tuple(value) if isinstance(value, list) and str(hints[name]).startswith("tuple") else value
    return kind(**values)


def filled(value: Any, mark: str, content: str | int) -> Any:
    """Replace a mark in every string of a nested value; a string that is just that becomes the content itself."""
    if value == mark:
        return content
    if isinstance(value, str):
        return value.replace(mark, str(content))
    if isinstance(value, list):
        return [filled(item, mark, content) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, mark, content) for key, item in value.items()}
    return value
