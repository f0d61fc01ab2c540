"""Kernels of numerical libraries are chosen by what a processor can, unless the user says otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.kernels import AVX512, MKL, OPENBLAS, choose_kernels

CPUINFO = Path("/proc/cpuinfo")
_KERNELS = """
import benchmark, json, numpy, scipy.linalg
from threadpoolctl import threadpool_info
print(json.dumps([each["architecture"] for each in threadpool_info() if each["internal_api"] == "openblas"]))
"""


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """What is chosen for a processor, as /proc/cpuinfo tells of each of its cores."""
    for variable in (OPENBLAS, MKL):
        # Set before it is deleted, so that it is as it was when the test is over.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)

    def choose(vendor, flags):
        file = tmp_path / "cpuinfo"
        core = f"vendor_id\t: {vendor}\nmodel name\t: Some 9\nflags\t\t: fpu sse2 {' '.join(flags)}\nbugs\t\t: \n\n"
        file.write_text(f"processor\t: 0\n{core}processor\t: 1\n{core}")
        choose_kernels(file)
        return os.environ.get(OPENBLAS), os.environ.get(MKL)

    return choose


def test_a_processor_of_intel_with_avx_512_gets_its_kernels_whatever_its_model(chosen):
    assert chosen("GenuineIntel", {"avx2", *AVX512, "avx512_bf16"}) == ("SkylakeX", "AVX512,STRICT")


@pytest.mark.parametrize("lacking", sorted(AVX512))
def test_a_processor_that_lacks_a_part_of_it_does_not(chosen, lacking):
    assert chosen("GenuineIntel", {"avx2", *AVX512 - {lacking}}) == (None, "AVX2,STRICT")


def test_mkl_is_told_nothing_elsewhere(chosen):
    assert chosen("AuthenticAMD", {"avx2", *AVX512}) == ("SkylakeX", None)
    assert chosen("GenuineIntel", {}) == ("SkylakeX", None)


def test_a_choice_of_the_user_is_kept(chosen, monkeypatch):
    monkeypatch.setenv(OPENBLAS, "Haswell")
    monkeypatch.setenv(MKL, "COMPATIBLE")
    assert chosen("GenuineIntel", AVX512) == ("Haswell", "COMPATIBLE")


def test_nothing_is_chosen_where_nothing_is_told_of_the_processor(chosen, tmp_path):
    choose_kernels(tmp_path / "missing")
    assert OPENBLAS not in os.environ
    assert MKL not in os.environ


def test_numpy_and_scipy_compute_with_the_chosen_kernels():
    if not CPUINFO.is_file() or not set(CPUINFO.read_text(encoding="utf-8").split()) >= AVX512:
        pytest.skip("this processor has no AVX-512")
    environment = {name: value for name, value in os.environ.items() if name not in (OPENBLAS, MKL)}
    done = subprocess.run([sys.executable, "-c", _KERNELS], capture_output=True, text=True, check=True, env=environment)
    assert set(json.loads(done.stdout)) == {"SkylakeX"}
