"""`seada-bench evaluate`: score embeddings that are there."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import SCORE_FILES, check_can_be_made, expanded
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    from benchmark.metrics.settings import EvaluationSettings

    parser = Parser("evaluate", "Score embeddings, whatever software made them; see docs/embeddings.md.")
    parser.add_argument(
        "--embeddings",
        type=Path,
        required=True,
        help="Parquet, CSV, TSV, NPZ, NPY or AnnData (.h5ad) file, or a folder of them, each a method named after its "
        "file.",
    )
    parser.add_argument("--out", type=Path, required=True, help="Folder for scores and tables.")
    parser.add_argument(
        "--rows",
        type=Path | None,
        default=None,
        help="Table with the rows of an .npz or .npy array; same stem, .csv or .tsv by default.",
    )
    parser.add_argument("--key", type=str | None, default=None, help="Array of an .npz file, or entry of .h5ad's obsm.")
    parser.add_argument(
        "--manifest", type=Path, nargs="+", default=[], help="Manifests, or patterns, that know more of the scans."
    )
    parser.add_argument("--label", type=str | None, default=None, help="Column to retrieve by; diagnosis by default.")
    parser.add_argument("--site", type=str | None, default=None, help="Column in place of site.")
    parser.add_argument("--subject", type=str | None, default=None, help="Column in place of subject_id.")
    parser.add_argument("--session", type=str | None, default=None, help="Column in place of session_id.")
    parser.add_argument(
        "--vectors", type=str | None, default=None, help="Prefix of the vectors' columns; z by default."
    )
    parser.add_argument(
        "--map",
        type=str,
        nargs="+",
        default=[],
        help="Labels to read as others, such as 'diagnosis: control=CN, Dementia=AD' 'sex: 1=M, 2=F'.",
    )
    parser.add_argument(
        "--allow_different_scans", type=bool, default=False, help="Let the files of a folder have different scans."
    )
    parser.add_class_arguments(EvaluationSettings, "evaluation")
    options = parser.instantiate(parser.parse_args(args))
    if not options.embeddings.exists():
        raise UserError(f"{options.embeddings}: no such file")
    if options.embeddings.is_dir() and options.out.resolve() == options.embeddings.resolve():
        raise UserError(f"--out: {options.out} is the folder of the embeddings; name another folder")
    if any((options.out / name).exists() for name in SCORE_FILES):
        raise UserError(f"--out: {options.out} already holds scores; name another folder, or remove them first")
    check_can_be_made(options.out, "out")
    manifests = tuple(expanded("manifest", options.manifest))

    from benchmark.embeddings.labels import parse_maps
    from benchmark.embeddings.options import ForeignOptions
    from benchmark.report.evaluate import EVALUATED, UNKNOWN, evaluate
    from benchmark.report.tables import format_terminal
    from benchmark.report.verdict import not_scored, verdicts
    from benchmark.report.wide_tables import few_for_whitening

    names = ("rows", "key", "label", "site", "subject", "session", "vectors")
    maps = parse_maps(options.map)
    foreign = ForeignOptions(manifests=manifests, map=maps, **{name: options[name] for name in names})
    results = evaluate(
        options.embeddings,
        settings=options.evaluation,
        options=foreign,
        allow_different_scans=options.allow_different_scans,
    )
    results.save(options.out)
    say(format_terminal(results.scores, results.about))
    lines = few_for_whitening(results.scores)
    lines += not_scored(results.scores, results.provenance[EVALUATED][UNKNOWN])
    say("\n".join([*lines, f"every score and table: {options.out}", *verdicts(results.scores)]))
    return 0
