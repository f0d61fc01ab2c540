"""`seada-bench submit`: anybody's embeddings as rows of a task."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_can_be_made
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("submit", "Score embeddings as rows of a task, and write a results folder; see docs/submit.md.")
    parser.add_argument(
        "embeddings",
        type=Path,
        nargs="*",
        help="Files named PROTOCOL[_SITE]_SEED.parquet (.csv, .npz, .h5ad), or a folder.",
    )
    parser.add_argument("--task", type=str, required=True, help="Folder of an exported task, or a shipped sweep.")
    parser.add_argument("--card", type=Path, required=True, help="YAML file with what you state of the method.")
    parser.add_argument("--out", type=Path, required=True, help="New results folder.")
    parser.add_argument(
        "--runs",
        type=Path | None,
        default=None,
        help="CSV table in place of names of files: file, protocol, held_out_site, seed.",
    )
    parser.add_argument(
        "--manifests", type=Path, nargs="+", default=[], help="The task's manifests, where they lie elsewhere."
    )
    parser.add_argument(
        "--allow_missing", type=bool, default=False, help="Score what there is, though runs are missing."
    )
    options = parser.parse_args(args)
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out: {out} is already there; name a new folder")
    check_can_be_made(out, "out")
    for path in (*options.embeddings, options.card, *([options.runs] if options.runs else [])):
        if not path.exists():
            raise UserError(f"{path}: no such file")

    from benchmark.report.tables import format_terminal
    from benchmark.report.text import count
    from benchmark.tasks.card import read_card
    from benchmark.tasks.files import files_of_runs
    from benchmark.tasks.submit import checked_runs, scored
    from benchmark.tasks.task import read_task, sha256_of_file

    card = read_card(options.card)
    if Path(options.task).is_dir():
        task = read_task(Path(options.task))
    else:
        from benchmark.tasks.export import sweep_named, task_of

        task, _ = task_of(sweep_named(options.task), Path(options.task).stem)
    files = files_of_runs(options.embeddings, task, options.runs, options.allow_missing)
    runs = checked_runs(task, files, options.manifests)
    say(f"{count(len(runs), 'run')} of task {task.name} (digest {task.digest[:16]}) checked")
    results = scored(task, card, sha256_of_file(options.card), runs)
    results.save(out)
    say(format_terminal(results.scores, results.about))
    missing = [run.stem for run in task.runs if run not in files]
    if missing:
        say(f"missing: {', '.join(missing)}")
    say(f"{out}: {count(len(runs), 'row')} of '{card.name}'; 'seada-bench merge {out} OTHER --out ALL' joins others")
    return 0
