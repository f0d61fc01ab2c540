import json
from dataclasses import asdict

import pytest
import yaml

from benchmark.errors import UserError
from benchmark.sweep.config import read_sweep
from benchmark.sweep.executor_config import ExecutorConfig, check_executor
from benchmark.sweep.fields import typed
from benchmark.sweep.runs import runs_of, with_processes

METHODS = ("seada", "combat")
SLURM = {"kind": "slurm", "time_minutes": 60}


def executor_of(section, methods):
    executor = typed("executor.", section, ExecutorConfig)
    check_executor(executor, methods)
    return executor


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("slurm", "field 'executor' must be a mapping with any of: nodes, devices,"),
        ({"queue": "gpu"}, "field 'executor.queue' is unknown; allowed: nodes, devices,"),
        ({"kind": "pbs"}, "field 'executor.kind': 'pbs' is not allowed; allowed: local, slurm"),
        ({"partition": "gpu"}, "field 'executor.partition' is for kind: slurm; allowed for kind: local: kind, devices"),
        ({"nodes": 2}, "field 'executor.nodes' is for kind: slurm"),
        ({"methods": {"seada": {"mem_gb": 4}}}, "field 'executor.methods.seada.mem_gb' is for kind: slurm"),
        ({"devices": 0}, "field 'executor.devices': 0 is not allowed; it must be an integer >= 1"),
        ({"methods": ["seada"]}, "field 'executor.methods' must be a mapping with any of: seada, combat"),
        ({"methods": {"dann": {}}}, "field 'executor.methods.dann' is no method of the sweep; its: seada, combat"),
        ({"methods": {"seada": {"gpus": 1}}}, "field 'executor.methods.seada.gpus' is unknown; allowed: nodes,"),
        ({"methods": {"seada": 2}}, "field 'executor.methods.seada' must be a mapping with any of: nodes,"),
        ({"kind": "slurm"}, "field 'executor.time_minutes' is missing for method 'seada'"),
        (SLURM | {"nodes": True}, "field 'executor.nodes': True is not allowed; it must be an integer >= 1"),
        (SLURM | {"mem_gb": "8G"}, "field 'executor.mem_gb': '8G' is not allowed; it must be a number > 0"),
        (SLURM | {"partition": ""}, "field 'executor.partition': '' is not allowed; it must be a name"),
        (SLURM | {"setup": "module load x"}, "'module load x' is not allowed; it must be a list of shell lines"),
        (SLURM | {"throttle": 0}, "field 'executor.throttle': 0 is not allowed; it must be an integer >= 1"),
        (SLURM | {"gpus_per_node": 1, "devices": 2}, "'executor.devices': 2 is not allowed for method 'seada'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(section, message):
    with pytest.raises(UserError) as caught:
        executor_of(section, METHODS)
    assert message in str(caught.value)


def test_a_method_has_the_shared_resources_but_for_its_own():
    executor = executor_of(SLURM | {"gpus_per_node": 2, "methods": {"seada": {"nodes": 3, "time_minutes": 9}}}, METHODS)
    seada, combat = (executor.resources(method) for method in METHODS)
    assert (seada.nodes, seada.processes_per_node, seada.processes, seada.time_minutes) == (3, 2, 6, 9)
    assert (combat.nodes, combat.processes, combat.time_minutes) == (1, 2, 60)


def test_a_recorded_section_can_be_read_again():
    for section in ({}, {"devices": 2}, SLURM | {"mem_gb": 1.5, "methods": {"seada": {"nodes": 2}}}):
        executor = executor_of(section, METHODS)
        assert executor_of(json.loads(json.dumps(asdict(executor))), METHODS) == executor
    assert executor_of({}, METHODS) == ExecutorConfig()


@pytest.mark.slow
def test_how_many_processes_train_a_run_is_part_of_its_key_and_where_they_are_is_not(smoke, tmp_path):
    def key(**executor):
        path = smoke(methods=["random_vectors"])
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"executor": executor}))
        (run,) = runs_of(read_sweep(path), tmp_path)
        return run.run_key, run.processes

    alone = key()
    assert alone[1] == 1
    assert key(**SLURM) == key(**SLURM, cpus_per_task=4, partition="gpu") == alone
    both = key(devices=2)
    assert both[1] == 2
    assert both[0] != alone[0]
    assert key(**SLURM, nodes=2) == key(**SLURM, devices=2) == key(**SLURM, gpus_per_node=2) == both


def test_a_batch_is_shared_evenly_or_not_at_all():
    config = {"trainer": {"devices": 1, "strategy": "auto"}, "data": {"batch_size": 8}}
    assert with_processes(config, 1) == config
    four = with_processes(config, 4)
    assert four["trainer"] == {"devices": 4, "strategy": "ddp_find_unused_parameters_true"}
    assert four["data"] == config["data"]
    own = with_processes({**config, "trainer": {"devices": 1, "strategy": "fsdp"}}, 2)
    assert own["trainer"]["strategy"] == "fsdp"
    with pytest.raises(UserError, match="data.batch_size: 8 is not allowed with 3 processes per run"):
        with_processes(config, 3)
