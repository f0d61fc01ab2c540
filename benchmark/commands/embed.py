"""`seada-bench embed`: embeddings of files by an exported model."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_are_there, check_can_be_made, expanded
from benchmark.parsing import Parser, at_least_one


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("embed", "Embed files with an exported model, which alone is needed; see docs/search.md.")
    parser.add_argument("--model", type=Path, required=True, help="Folder that seada-bench export wrote.")
    parser.add_argument("--images", type=Path, nargs="+", default=[], help="Images; with --raw DICOM folders, too.")
    parser.add_argument("--masks", type=Path, nargs="+", default=[], help="Their brain masks, one each.")
    parser.add_argument("--sites", type=str, nargs="+", default=[], help="Their sites, one each, or one for all.")
    parser.add_argument("--ages", type=float, nargs="+", default=[], help="Ages in years, one each.")
    parser.add_argument("--sexes", type=str, nargs="+", default=[], help="F or M, one each.")
    parser.add_argument("--manifest", type=Path, nargs="+", default=[], help="Manifests or patterns, not --images.")
    parser.add_argument("--data_root", type=Path | None, default=None, help="Folder that paths may be relative to.")
    parser.add_argument("--out", type=Path, required=True, help="New file for the embeddings, .parquet or .csv.")
    parser.add_argument(
        "--raw",
        action="store_true",
        help="Images are as a scanner left them: bring them to template space as the training's were.",
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Raw images prepared at a time.")
    parser.add_argument(
        "--trust", type=str, nargs="+", default=[], help="Classes, or modules of them, that the model may import."
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")
    options = parser.parse_args(args)
    at_least_one("processes", options.processes)
    if bool(options.images) == bool(options.manifest):
        raise UserError("embed: give either --images or --manifest")
    of_images = ("masks", "sites", "ages", "sexes")
    named = next((name for name in of_images if options.manifest and options[name]), None)
    if named is not None:
        raise UserError(f"--{named}: is for --images; manifests say it in a column")
    if options.out.suffix not in (".parquet", ".csv"):
        raise UserError(f"--out: '{options.out.name}' is not allowed; its name must end in .parquet or .csv")
    if options.out.exists():
        raise UserError(f"--out: {options.out} is already there; name another file, or remove it first")
    check_can_be_made(options.out.parent, "out")
    manifests = expanded("manifest", options.manifest)
    check_are_there([*options.images, *options.masks])
    if not (options.model / "model.json").is_file():
        raise UserError(f"{options.model}: holds no model.json; give a folder that seada-bench export wrote")

    from benchmark.plugins import use_plugins
    from benchmark.search.embed import embed_scans, write
    from benchmark.search.scans import scans_of_images, scans_of_manifests
    from benchmark.train.exported_model import load_model

    use_plugins(options.plugins)
    if options.manifest:
        scans = scans_of_manifests(manifests, options.data_root, options.raw)
    else:
        scans = scans_of_images(options.images, *(options[name] for name in of_images))
    model = load_model(options.model, options.trust)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    parts = options.out.with_name(f"{options.out.name}.parts")
    table = embed_scans(model, scans, parts, options.raw, options.processes, sys.stderr.isatty())
    write(model, table, options.out, parts)
    say(f"{options.out}: {len(table)} scans, {model.dimension} dimensions, model {model.digest[:16]}")
    return 0
