"""A method's state as named tensors and plain values, of which neither is a pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from benchmark.errors import UserError

#: Begins the names of tensors that no state dict has; see :func:`hidden_modules`.
HIDDEN = "hidden:"


def pack(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Take a state dict apart.

    Parameters
    ----------
    state
        Of a module. What ``get_extra_state`` put into it may be of tensors, plain values, lists, tuples, and dicts by
        name, in any depth.

    Returns
    -------
    tuple
        Tensors by name, each in memory of its own; and for JSON the entries that are no tensor, by name.

    Raises
    ------
    UserError
        For anything else, by its name.
    """
    tensors: dict[str, Tensor] = {}
    others = {
        name: _encoded(name, value, tensors)
        for name, value in state.items()
        if not (isinstance(value, Tensor) and _add(name, value, tensors))
    }
    return tensors, others


def unpack(tensors: Mapping[str, Tensor], others: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of :func:`pack`.

    Raises
    ------
    UserError
        For a tensor that is named and not there.
    """
    inner: set[str] = set()
    decoded = {name: _decoded(value, tensors, inner) for name, value in others.items()}
    return {**{name: value for name, value in tensors.items() if name not in inner}, **decoded}


def hidden_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Modules that a method keeps where no state dict sees them, as a frozen encoder's, by the names of attributes."""
    return {
        f"{HIDDEN}{name}.{attribute}": value
        for name, module in model.named_modules()
        for attribute, value in vars(module).items()
        if isinstance(value, nn.Module) and value.state_dict()
    }


def _add(name: str, value: Tensor, tensors: dict[str, Tensor]) -> bool:
    tensors[name] = value.detach().cpu().contiguous().clone()
    return True


def _encoded(name: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, Tensor):
        _add(name, value, tensors)
        return {"tensor": name}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encoded(f"{name}/{place}", each, tensors) for place, each in enumerate(value)]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encoded(f"{name}/{key}", each, tensors) for key, each in value.items()}}
    raise UserError(f"the method's state has a {type(value).__name__} at '{name}'; allowed: tensors and plain values")


def _decoded(value: Any, tensors: Mapping[str, Tensor], inner: set[str]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        if content not in tensors:
            raise UserError(f"the weights lack the tensor '{content}'")
        inner.add(content)
        return tensors[content]
    if kind == "number":
        return float(content)
    if kind == "dict":
        return {key: _decoded(each, tensors, inner) for key, each in content.items()}
    found = [_decoded(each, tensors, inner) for each in content]
    return found if kind == "list" else tuple(found)
