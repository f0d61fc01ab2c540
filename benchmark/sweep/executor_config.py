"""The `executor` section of a sweep file: where runs are executed, and what each is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from benchmark.errors import UserError
from benchmark.sweep.fields import typed

LOCAL = "local"
SLURM = "slurm"
KINDS = (LOCAL, SLURM)

#: What worker processes of one machine can be told; all else is for a cluster.
_FOR_LOCAL = ("kind", "devices", "methods")


@dataclass(frozen=True)
class Resources:
    """What one run is given. None leaves it to the cluster's own default.

    Attributes
    ----------
    nodes
        Machines.
    devices
        Processes on each of them, with a GPU each where there are; by default ``gpus_per_node``, or 1.
    cpus_per_task
        CPU cores of each process.
    gpus_per_node
        GPUs that SLURM is asked for on each machine.
    mem_gb
        Memory on each machine, in GB.
    time_minutes
        Limit of one stretch of work; a run that reaches it is put back into the queue.
    partition, account
        SLURM's.
    """

    nodes: int = 1
    devices: int | None = None
    cpus_per_task: int | None = None
    gpus_per_node: int | None = None
    mem_gb: float | None = None
    time_minutes: int | None = None
    partition: str | None = None
    account: str | None = None

    @property
    def processes_per_node(self) -> int:
        """Processes of a run on each of its machines."""
        return self.devices or self.gpus_per_node or 1

    @property
    def processes(self) -> int:
        """Processes that train a run together."""
        return self.nodes * self.processes_per_node


@dataclass(frozen=True)
class ExecutorConfig(Resources):
    """Where the runs of a sweep are executed.

    Attributes
    ----------
    kind
        ``local`` for worker processes of this machine, ``slurm`` for jobs of a cluster.
    throttle
        Runs of one job array at a time; no limit by default.
    requeues
        How often a run that reaches its time limit is put back into the queue.
    setup
        Shell lines that each job begins with, such as ``module load cuda``.
    methods
        Method name to those of the fields of :class:`Resources` that are different for it.
    """

    kind: str = LOCAL
    throttle: int | None = None
    requeues: int = 10
    setup: list[str] = field(default_factory=list)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resources(self, method: str) -> Resources:
        """What a run of a method is given."""
        shared = {one.name: getattr(self, one.name) for one in fields(Resources)}
        return Resources(**{**shared, **self.methods.get(method, {})})


def check_executor(executor: ExecutorConfig, methods: Sequence[str]) -> None:
    """Check the section.

    Parameters
    ----------
    executor
        The section.
    methods
        Names of the sweep's methods.

    Raises
    ------
    UserError
        For fields, kinds, methods and values that are not allowed; the message names the field and what is.
    """
    if executor.kind not in KINDS:
        raise UserError(f"field 'executor.kind': '{executor.kind}' is not allowed; allowed: {', '.join(KINDS)}")
    if not isinstance(executor.methods, dict):
        raise UserError(f"field 'executor.methods' must be a mapping with any of: {', '.join(methods)}")
    for name in ExecutorConfig.__dataclass_fields__:
        if name not in ("kind", "methods"):
            _check(f"executor.{name}", name, getattr(executor, name), executor.kind)
    for method, changes in executor.methods.items():
        if method not in methods:
            raise UserError(f"field 'executor.methods.{method}' is no method of the sweep; its: {', '.join(methods)}")
        typed(f"executor.methods.{method}.", changes, Resources)
        for name, value in changes.items():
            _check(f"executor.methods.{method}.{name}", name, value, executor.kind)
    for method in methods if executor.kind == SLURM else []:
        _check_slurm(method, executor.resources(method))


def _check(path: str, name: str, value: Any, kind: str) -> None:
    default = ExecutorConfig.__dataclass_fields__[name].default
    if value is None or (type(value) is type(default) and value == default):
        return
    if kind == LOCAL and name not in _FOR_LOCAL and value != []:
        allowed = ", ".join(_FOR_LOCAL)
        raise UserError(f"field '{path}' is for kind: {SLURM}; allowed for kind: {LOCAL}: {allowed}")
    if name in ("partition", "account"):
        fine, wanted = isinstance(value, str) and bool(value.strip()), "a name"
    elif name == "setup":
        fine = isinstance(value, list) and all(isinstance(line, str) for line in value)
        wanted = "a list of shell lines"
    elif name == "mem_gb":
        fine, wanted = isinstance(value, int | float) and not isinstance(value, bool) and value > 0, "a number > 0"
    else:
        least = 0 if name in ("gpus_per_node", "requeues") else 1
        fine = isinstance(value, int) and not isinstance(value, bool) and value >= least
        wanted = f"an integer >= {least}"
    if not fine:
        raise UserError(f"field '{path}': {value!r} is not allowed; it must be {wanted}")


def _check_slurm(method: str, resources: Resources) -> None:
    if resources.time_minutes is None:
        raise UserError(
            f"field 'executor.time_minutes' is missing for method '{method}': SLURM must know how long a job may run"
        )
    if resources.gpus_per_node and resources.processes_per_node > resources.gpus_per_node:
        raise UserError(
            f"field 'executor.devices': {resources.processes_per_node} is not allowed for method '{method}'; there "
            f"are gpus_per_node: {resources.gpus_per_node} for it"
        )
