"""What commands load before they say something for which no library is needed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmark.commands.lightning import HELP, OPTIONS

#: Libraries whose import takes a noticeable part of a second.
SLOW = (
    "SimpleITK", "anndata", "bids", "dicom2nifti", "intensity_normalization", "lightning", "matplotlib",
    "neuroHarmonize", "nibabel", "nilearn", "numba", "pandas", "pyarrow", "pydicom", "scipy", "sklearn", "statsmodels",
    "submitit", "torch", "torchio", "wandb",
)  # fmt: skip

_PROGRAM = f"""
import sys
from benchmark.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code or 0
sys.stderr.write("\\nloaded: " + " ".join(name for name in {SLOW!r} if name in sys.modules))
sys.exit(status)
"""


def called(*arguments):
    """Exit status, output, errors of a command in a new process, and the slow libraries that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    errors, _, loaded = done.stderr.rpartition("\nloaded: ")
    return done.returncode, done.stdout, errors, loaded.split()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--help",), "commands:"),
        (("bids", "--help"), "--participant_label"),
        (("check-method", "--help"), "--processes"),
        (("collect", "--help"), "results"),
        (("compare", "--help"), "--tolerance"),
        (("embed", "--help"), "--raw"),
        (("evaluate", "--help"), "--evaluation.bootstrap"),
        (("export", "--help"), "--results"),
        (("fit", "--help"), "--trainer.max_epochs"),
        (("index", "--help"), "index compact"),
        (("index", "build", "--help"), "--approximate"),
        (("list", "--help"), "methods|sweeps"),
        (("manifest", "--help"), "bids"),
        (("manifest", "build", "bids", "--help"), "--site_from"),
        (("manifest", "check", "--help"), "--data_root"),
        (("merge", "--help"), "--out"),
        (("leaderboard", "--help"), "--reports"),
        (("phantom", "--help"), "--layout {adni,"),
        (("predict", "--help"), "--ckpt_path"),
        (("preprocess", "--help"), "--manifests"),
        (("search", "--help"), "--one_per_subject"),
        (("status", "--help"), "results"),
        (("serve", "--help"), "--max_upload"),
        (("submit", "--help"), "--card"),
        (("sweep", "--help"), "--plan"),
        (("tables", "--help"), "--weights"),
        (("task", "--help"), "task export NAME"),
        (("task", "list"), "on_harmony"),
        (("task", "list", "--help"), "licence"),
        (("task", "show", "--help"), "from the archive to a row"),
        (("task", "export", "--help"), "--make"),
        (("verify", "--help"), "--runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_loads_no_slow_library(arguments, says):
    status, out, errors, loaded = called(*arguments)
    assert (status, errors, loaded) == (0, "", [])
    assert says in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fly",), "unknown command 'fly'"),
        (("bids", "absent", "out", "participant"), "absent: there is no such folder"),
        (("bids", "docs", "absent", "participant"), "--model: is missing; 'make benchmark' and 'seada-bench export"),
        (("collect", "absent"), "absent: no sweep was submitted"),
        (("compare", "absent", "none"), "absent: holds no scores.parquet"),
        (("embed", "--model", "none", "--images", "absent.nii", "--out", "none.csv"), "absent.nii: cannot be read: No"),
        (("evaluate", "--embeddings", "absent.csv", "--out", "none"), "absent.csv: no such file"),
        (("evaluate", "--colour", "red"), "unrecognized arguments: --colour red"),
        (("export", "absent", "--out", "none"), "absent: there is no such folder"),
        (("index", "add", "--index", "absent", "--manifest", "absent.csv"), "absent/index.json: there is no such file"),
        (("index", "info", "--index", "absent"), "absent/index.json: there is no such file"),
        (("search", "--index", "absent", "--scans", "a"), "absent/index.json: there is no such file"),
        (("fit", "--config", "absent.yaml"), "config: there is no such file: absent.yaml"),
        (("fit", "--config=absent.yaml"), "config: there is no such file: absent.yaml"),
        (("fit", "--colour=red"), "unrecognized arguments: --colour=red"),
        (("manifest", "check", "--manifests", "a.csv", "b.csv"), "a.csv: cannot be read: No such file or directory"),
        (("phantom", "--colour", "red"), "unrecognized arguments: --colour red"),
        (("preprocess", "--manifests", "a.csv", "--out", "none"), "a.csv: cannot be read: No such file or directory"),
        (("status", "absent"), "absent: no sweep was submitted"),
        (("sweep", "--config", "absent.yaml"), "absent.yaml: no such sweep file"),
        (("tables", "absent"), "absent: holds no scores.parquet"),
        (("task", "show", "absent"), "absent: no such task; there is"),
        (("verify", "absent"), "absent: holds no scores.parquet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_that_needs_no_library_loads_none(arguments, says):
    status, out, errors, loaded = called(*arguments)
    assert (status, out, loaded) == (2, "", [])
    assert errors.startswith(f"error: {says}")


@pytest.mark.needs("train")
@pytest.mark.parametrize("command", ["fit", "predict"])
def test_the_short_help_has_options_that_lightning_knows(command, inside):
    full = inside(command, "--help.full").stdout
    known = set(re.findall(r"--([a-z_]+(?:\.[a-z_]+)*)", full))
    shown = set(re.findall(r"^ +--([a-z_]+(?:\.[a-z_]+)*)", HELP[command], flags=re.MULTILINE))
    assert len(shown) > 8
    assert {name for name in shown if not name.startswith("model.")} <= known | {"plugins", "help.full"}


@pytest.mark.needs("train")
def test_first_words_of_options_are_those_that_lightning_knows(inside):
    full = inside("fit", "--help.full").stdout + inside("predict", "--help.full").stdout
    assert set(OPTIONS) - {"plugins"} == {word for word in re.findall(r"--([a-z_]+)", full)}
