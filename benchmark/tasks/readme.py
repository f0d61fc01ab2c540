"""The page in a task's folder: what to do with it."""

from __future__ import annotations

from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.report.about import SYNTHETIC
from benchmark.report.text import count
from benchmark.tasks.card import TEMPLATE
from benchmark.tasks.export import how
from benchmark.tasks.task import TASK, Task

#: Runs whose files the page names; the others follow from them.
_SHOWN = 4


def readme(task: Task) -> str:
    """The page as Markdown."""
    runs = task.runs
    stems = [f"`{run.stem}`" for run in runs[:_SHOWN]] + (["…"] if len(runs) > _SHOWN else [])
    held_out = LEAVE_ONE_SITE_OUT in task.protocols
    parts = [
        f"# Task `{task.name}`",
        SYNTHETIC if task.synthetic else "",
        f"Embed the scans with any software, and `seada-bench submit` scores the vectors as rows of this task. Digest "
        f"of the task: `{task.digest}`.",
        "## 1. The data",
        *(_data(task, seed) for seed in sorted(task.data)),
        "`scans-SEED.csv` has the split of every scan, and the labels of those that are not scored.",
        "## 2. The rules",
        "\n".join(f"{number}. {rule}" for number, rule in enumerate(task.rules, 1)),
        "## 3. The files",
        f"{count(len(runs), 'run')}, a file each (`.parquet`, `.csv`, `.npz` with a table of rows, or `.h5ad`), named "
        f"after protocol{', held-out site' if held_out else ''} and seed: {', '.join(stems)}. Other names are told by "
        "a table: `--runs runs.csv` with the columns `file`, `protocol`, `held_out_site`, `seed`.",
        "A row per scan of the seed's table, in any order: `subject_id`, `session_id`, `site`, and the vector in `z0` "
        "to `zD-1`, finite. A scan that could not be embedded has zeros, and `true` in the column `failed`. Splits and "
        "labels may be left out; if they are there, they must be the task's"
        + (" (`unseen` for the held-out site's scans that are not `test`)." if held_out else "."),
        "## 4. The card",
        f"```yaml\n{TEMPLATE}```",
        "## 5. The row",
        "```\nseada-bench submit EMBEDDINGS --task . --card card.yaml --out mine\n```",
        "EMBEDDINGS is the folder of the files, or the files. Then `seada-bench merge mine OTHER --out all` joins them "
        f"with other rows of the task, and `seada-bench compare OTHER mine` says how they differ. `{TASK}` has the "
        "settings of the evaluation and the version of every metric.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(task: Task, seed: int) -> str:
    data = task.data[seed]
    lines = [f"Seed {seed}: {count(data.scans, 'scan')} of {count(len(data.sites), 'site')}."]
    names = ", ".join(f"`{name}`" for name in data.manifests)
    if data.command:
        lines.append(f"\n\n```\n{data.command}\n```\n\n")
        lines.append(f"The column `image` of its manifests ({names}) has each scan's path, from their folder.")
    else:
        lines.append(f"Manifests: {names}; {how(data)}.")
    images = (
        f"Digest of images and masks (`images` in `{TASK}`): `{data.images['images']}`; whoever exports the task where "
        "the images are gets the same."
        if data.images
        else "The images were not there when the task was written, so it has no digest of them."
    )
    lines.append(f"SHA-256 of every manifest: `{TASK}`. {images}")
    return " ".join(lines).replace(" \n", "\n").replace("\n ", "\n")
