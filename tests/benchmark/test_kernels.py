"""The same kernels of OpenBLAS on every processor that can, unless the user says otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.kernels import KERNELS, NEEDED, VARIABLE, choose_kernels

CPUINFO = Path("/proc/cpuinfo")
_PROGRAM = """
from benchmark.cli import main
main(["--version"])
import json, numpy, scipy.linalg
from threadpoolctl import threadpool_info
print(json.dumps([each["architecture"] for each in threadpool_info() if each["internal_api"] == "openblas"]))
"""


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """What is chosen for a processor with such flags, as /proc/cpuinfo tells them of each core."""
    # Set before it is deleted, so that it is as it was when the test is over.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)

    def choose(flags):
        file = tmp_path / "cpuinfo"
        file.write_text(f"processor\t: 0\nmodel name\t: Some 9\nflags\t\t: {flags}\nbugs\t\t: \n\nprocessor\t: 1\n")
        choose_kernels(file)
        return os.environ.get(VARIABLE)

    return choose


def test_a_processor_with_avx_512_gets_its_kernels_whatever_its_model(chosen):
    assert chosen(f"fpu sse2 avx2 {' '.join(NEEDED)} avx512_bf16") == KERNELS


@pytest.mark.parametrize("lacking", sorted(NEEDED))
def test_a_processor_that_lacks_a_part_of_it_keeps_what_openblas_finds(chosen, lacking):
    assert chosen(f"fpu sse2 avx2 {' '.join(NEEDED - {lacking})}") is None


def test_a_choice_of_the_user_is_kept(chosen, monkeypatch):
    monkeypatch.setenv(VARIABLE, "Haswell")
    assert chosen(" ".join(NEEDED)) == "Haswell"


def test_nothing_is_chosen_where_nothing_is_told_of_the_processor(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    choose_kernels(tmp_path / "cpuinfo")
    assert VARIABLE not in os.environ


def test_the_command_line_chooses_before_numpy_and_scipy_are_loaded():
    if not CPUINFO.is_file() or not set(CPUINFO.read_text(encoding="utf-8").split()) >= NEEDED:
        pytest.skip("this processor has no AVX-512")
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env=environment)
    assert set(json.loads(done.stdout.splitlines()[-1])) == {KERNELS}
