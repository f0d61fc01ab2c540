"""Where numbers come from: code, libraries, hardware."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from typing import Any

import torch

from benchmark.sweep.keys import LIBRARIES, ROOT, SCORING_LIBRARIES, library_versions


@cache
def environment() -> dict[str, Any]:
    """Commit, versions and machine of this process, as plain values for JSON."""
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _dirty(),
        "python": platform.python_version(),
        "libraries": library_versions((*LIBRARIES, *SCORING_LIBRARIES, "seada-bench")),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 (fixed arguments)
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
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
