"""The settings of a stress sweep: its own, and those that differ from it in one thing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.sweep.executor_config import LOCAL
from benchmark.sweep.fields import filled, typed

if TYPE_CHECKING:
    from benchmark.sweep.config import SweepConfig

#: Name of the sweep's own setting.
BASE = "base"
#: Stands for the folder name of the setting that a phantom is made for.
SETTING = "{setting}"
#: Options that say which phantom is read.
_PLACES = ("data.manifests", "data.data_root", "data.truth")


@dataclass(frozen=True)
class Change:
    """What differs from a sweep's own setting at a value of an axis.

    Attributes
    ----------
    phantom
        Fields of :class:`benchmark.prepare.phantom.settings.PhantomSettings`.
    overrides
        Options of `seada-bench fit`, over those of the sweep.
    """

    phantom: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)


def settings_of(sweep: SweepConfig) -> dict[str, SweepConfig]:
    """An ordinary sweep for each setting of a stress sweep, by folder name, its own first where an axis has it.

    ``{setting}`` in strings of ``overrides`` and in ``phantom.out`` stands for the folder name of the setting; for
    ``base`` where the setting changes nothing of the phantom, so that these share one.

    Raises
    ------
    UserError
        For axes that are not allowed; the message names the field.
    """
    if sweep.executor.kind != LOCAL:
        raise UserError(f"field 'executor.kind': '{sweep.executor.kind}' is not allowed with 'axes'; allowed: {LOCAL}")
    if sum(map(bool, sweep.seeds.values())) != 1:
        raise UserError("field 'seeds': a sweep with 'axes' must have seeds of one protocol")
    settings: dict[str, SweepConfig] = {}
    for axis, values in _changes(sweep.axes).items():
        for value, change in values.items():
            name = _name(axis, value, change)
            settings[name] = _setting(sweep, f"axes.{axis}.{value}", name, change)
    return dict(sorted(settings.items(), key=lambda item: item[0] != BASE))


def setting_names(sweep: SweepConfig) -> dict[str, dict[str, str]]:
    """Folder name of the setting at each value, by axis, then value."""
    return {
        axis: {value: _name(axis, value, change) for value, change in values.items()}
        for axis, values in _changes(sweep.axes).items()
    }


def _name(axis: str, value: str, change: Change) -> str:
    return f"{axis}-{value}" if change.phantom or change.overrides else BASE


def _changes(axes: Any) -> dict[str, dict[str, Change]]:
    if not isinstance(axes, dict):
        raise UserError("field 'axes' must be a mapping of the axes' names to their values")
    changes: dict[str, dict[str, Change]] = {}
    for axis, values in axes.items():
        if not re.fullmatch(r"\w+", str(axis)):
            raise UserError(f"field 'axes': name '{axis}' is not allowed; allowed: letters, digits and _")
        if not isinstance(values, dict) or not values:
            raise UserError(f"field 'axes.{axis}' must be a mapping of values to what differs there")
        of_axis = changes.setdefault(str(axis), {})
        for value, content in values.items():
            where = f"axes.{axis}.{value}"
            if not re.fullmatch(r"\w[\w.+-]*", str(value)):
                raise UserError(
                    f"field 'axes.{axis}': value '{value}' is not allowed; it names a folder, of letters, digits and "
                    "any of _ . + -"
                )
            change = of_axis[str(value)] = typed(f"{where}.", content, Change)
            for name in ("phantom", "overrides"):
                if not isinstance(getattr(change, name), dict):
                    raise UserError(f"field '{where}.{name}' must be a mapping")
    return changes


def _setting(sweep: SweepConfig, where: str, name: str, change: Change) -> SweepConfig:
    overrides, phantom = {**sweep.overrides, **change.overrides}, sweep.phantom
    if change.phantom:
        phantom = _phantom_of(sweep, where, overrides, change)
    made_for = name if change.phantom else BASE
    if phantom is not None:
        phantom = replace(phantom, out=filled(phantom.out, SETTING, made_for))
    return replace(sweep, axes={}, overrides=filled(overrides, SETTING, made_for), phantom=phantom)


def _phantom_of(sweep: SweepConfig, where: str, overrides: dict[str, Any], change: Change) -> Any:
    if sweep.phantom is None:
        raise UserError(f"field '{where}.phantom' is not allowed: the sweep has no field 'phantom'")
    known = PhantomSettings.__dataclass_fields__
    for name in change.phantom:
        if name not in known:
            raise UserError(f"field '{where}.phantom.{name}' is unknown; allowed: {', '.join(known)}")
    # Otherwise this setting would read another's phantom.
    given = {
        f"overrides.{option}": overrides.get(option, "") for option in _PLACES if overrides.get(option, "") is not None
    }
    for name, value in {"phantom.out": sweep.phantom.out, **given}.items():
        if SETTING not in str(value):
            raise UserError(f"field '{name}': '{value}' must have {SETTING} in it, as {where} changes the phantom")
    phantom = replace(sweep.phantom, settings=sweep.phantom.settings | change.phantom)
    try:
        phantom.of_seed(next(seed for seeds in sweep.seeds.values() for seed in seeds))
    except (UserError, TypeError) as error:
        raise UserError(f"field '{where}.phantom': {error}") from None
    return phantom
