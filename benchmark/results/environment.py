"""Where numbers come from: code, libraries, hardware."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

_ROOT = Path(__file__).resolve().parents[2]

#: Libraries whose versions can change embeddings or scores.
COMPUTING = (
    "torch", "lightning", "torchio", "nibabel", "SimpleITK", "numpy", "pandas", "scipy", "scikit-learn",
    "neuroHarmonize", "neuroCombat",
)  # fmt: skip
#: Libraries whose versions are recorded, those of them that are installed.
RECORDED = (*COMPUTING, "numba", "seada-bench")


@cache
def environment() -> dict[str, Any]:
    """Commit, versions and machine of this process, as plain values for JSON.

    What only PyTorch knows, threads, GPUs and determinism, is there in a process that has imported it; so are the
    kernels that each OpenBLAS of this process computes with.
    """
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _dirty(),
        "python": platform.python_version(),
        "libraries": {name: found for name in RECORDED if (found := _version(name))},
        "platform": platform.platform(),
        "processor": _processor(),
        "openblas_kernels": sorted({each["architecture"] for each in threadpool_info() if "architecture" in each}),
        "cpu_count": os.cpu_count(),
        **_of_torch(),
    }


def _of_torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "torch_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 (fixed arguments)
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _dirty() -> bool | None:
    # Results that the run itself writes are not a change of the code.
    status = _git("status", "--porcelain", "--", ".", ":!results")
    return None if status is None else bool(status)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    except FileNotFoundError:
        return platform.processor()
