"""Install a wheel or an sdist into a new environment and run its commands in an empty folder; see ``make dist``.

``python tests/dist.py WHEEL [--python python3.13] [--extras train]``
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Whose versions depend on the version of Python.
TOLD = ("numpy", "pandas", "scipy", "torch")
#: Two sites of which one vector knows the site.
TABLE = "subject_id,session_id,site,diagnosis,z0,z1\n" + "".join(
    f"s{row},1,{'AB'[row % 2]},{('CN', 'AD')[row % 3 % 2]},{row % 2 + row / 100},{row * 37 % 11}\n" for row in range(40)
)


def main():
    """0 if every command ended as it should."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("file", type=Path, help="wheel or sdist")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    parser.add_argument("--extras", default="", help="with train, the sweep smoke is run, and types are checked")
    options = parser.parse_args()
    python = shutil.which(options.python) or parser.error(f"--python: there is no {options.python}")
    with tempfile.TemporaryDirectory(prefix="seada-bench-dist-") as folder:
        environment, empty = Path(folder, "environment"), Path(folder, "empty")
        empty.mkdir()
        trains = "train" in options.extras.split(",")
        file = f"{options.file.resolve()}[{options.extras}]" if options.extras else str(options.file.resolve())
        run(empty, Path(python).absolute(), "-m", "venv", environment)
        pip = (environment / "bin/python", "-m", "pip", "--disable-pip-version-check")
        run(empty, *pip, "install", "--quiet", "--no-compile", "-c", ROOT / "constraints.txt", file)
        run(empty, *pip, "check")
        version = run(empty, environment / "bin/python", "--version").stdout.strip()
        installed = run(empty, *pip, "list", "--format", "freeze").stdout.splitlines()
        told = [each for each in installed if each.split("==")[0].lower() in TOLD]
        sys.stdout.write(f"{version} of {python}, with {', '.join(told)}\n")
        try_commands(environment / "bin/seada-bench", empty, trains=trains)
        if trains:
            run(empty, *pip, "install", "--quiet", "-c", ROOT / "constraints.txt", "mypy", "pandas-stubs")
            shutil.copy(ROOT / "tests/typed_program.py", empty)
            run(empty, environment / "bin/mypy", "--strict", "typed_program.py")
    return 0


def try_commands(program, empty, *, trains):
    """What works without any extra, and the sweep or the line that says what it needs."""
    run(empty, program, "--version")
    run(empty, program, "--help")
    (empty / "mine.csv").write_text(TABLE)
    run(empty, program, "evaluate", "--embeddings", "mine.csv", "--out", "results/mine")
    run(empty, program, "tables", "results/mine")
    run(empty, program, "compare", "results/mine", "results/mine")
    if trains:
        run(empty, program, "sweep", "--config", "smoke")
        run(empty, program, "tables", "results/smoke")
    else:
        refused = run(empty, program, "sweep", "--config", "smoke", status=2).stderr
        if len(refused.splitlines()) != 1 or "pip install 'seada-bench[train]'" not in refused:
            raise SystemExit(f"sweep without its extra must be answered in one line, not by:\n{refused}")


def run(folder, *command, status=0):
    """Run a command in a folder, and print how long it took."""
    begun = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    words = " ".join(Path(each).name if Path(each).is_absolute() else str(each) for each in command)
    sys.stdout.write(f"{time.perf_counter() - begun:6.1f} s  {words}\n")
    sys.stdout.flush()
    if done.returncode != status or "Traceback" in done.stderr:
        raise SystemExit(
            f"status {done.returncode}, {status} was expected:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done


if __name__ == "__main__":
    sys.exit(main())
