"""`seada-bench manifest`: from a download folder to per-site manifests, and what is wrong with them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError

USAGE = """\
usage: seada-bench manifest build IMPORTER --images FOLDER --out FOLDER [options]
       seada-bench manifest check --manifests FILE ... [options]

Write per-site manifests from a downloaded dataset; check manifests, whoever wrote them.

importers:
{importers}

'seada-bench manifest build IMPORTER --help' lists the options of an importer.
"""


def main(args: list[str]) -> int:
    """Run ``manifest`` with the arguments after that word.

    Raises
    ------
    UserError
        For an unknown action or importer, and whatever the importer finds wrong.
    """
    actions = {"build": _build, "check": _check}
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0 if args else 2
    if args[0] not in actions:
        raise UserError(f"unknown action 'manifest {args[0]}'; allowed: {', '.join(actions)}")
    return actions[args[0]](args[1:])


def _usage() -> str:
    from benchmark.prepare.importers.registry import importers

    lines = [f"  {name:<8} {(module.__doc__ or '').splitlines()[0]}" for name, module in importers().items()]
    return USAGE.format(importers="\n".join(lines))


def _build(args: list[str]) -> int:
    from benchmark.parsing import Parser
    from benchmark.prepare.importers.registry import importers
    from benchmark.prepare.importers.write import SiteFrom, pseudonymous, summary, write_manifests
    from benchmark.pseudonyms import read_or_make_salt

    known = importers()
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0 if args else 2
    if args[0] not in known:
        raise UserError(f"unknown importer '{args[0]}'; allowed: {', '.join(known)}")
    module: Any = known[args[0]]
    parser = Parser(f"manifest build {args[0]}", module.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Folder for the manifests, one CSV file per site.")
    parser.add_argument(
        "--site_from",
        type=SiteFrom,
        default="dataset",
        help="What a site is: the dataset, or within it the scanner (manufacturer and model), its field strength, or "
        "its manufacturer.",
    )
    parser.add_argument("--overwrite", type=bool, default=False, help="Replace manifests that are there and differ.")
    parser.add_argument(
        "--pseudonymize",
        type=Path | None,
        default=None,
        help="File with a salt, made where it is not there: subjects get pseudonyms, and the archive's image "
        "identifiers are left out. Paths of images still name them; preprocess writes images under the pseudonyms.",
    )
    parser.add_argument(
        "--split",
        type=Literal["train", "val", "test"] | None,
        default=None,
        help="Split that the manifests state for all scans, such as test where others train; subjects are split by "
        "hash without it.",
    )
    parser.add_class_arguments(module.Options, None)
    options = parser.parse_args(args[1:])
    names = module.Options.__dataclass_fields__
    found = module.collect(module.Options(**{name: options[name] for name in names}))
    if options.pseudonymize is not None:
        found.scans = pseudonymous(found.scans, read_or_make_salt(options.pseudonymize))
    if options.split is not None:
        found.scans = [replace(scan, extra={**scan.extra, "split": options.split}) for scan in found.scans]
    written = write_manifests(found, options.out, args[0], options.site_from, options.overwrite)
    sys.stdout.write(summary(written, found))
    return 0


def _check(args: list[str]) -> int:
    from benchmark.folders import expanded
    from benchmark.parsing import Parser, at_least_one
    from benchmark.prepare.checks import Depth

    parser = Parser(
        "manifest check",
        "Check manifests and their images; exit status 1 if a scan cannot be used, 2 if a manifest cannot.",
    )
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="CSV files, one a site, or patterns.")
    parser.add_argument("--data_root", type=Path | None, default=None, help="Folder that paths may be relative to.")
    parser.add_argument(
        "--images",
        type=Depth,
        default="read",
        help="How closely images are looked at: not at all, whether they are there, every voxel, or every voxel with a "
        "search for scans that are equal.",
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Images at a time.")
    parser.add_argument("--out", type=Path | None, default=None, help="New CSV file for the findings, a row each.")
    options = parser.parse_args(args)
    at_least_one("processes", options.processes)
    if options.out is not None and options.out.exists():
        raise UserError(f"--out: {options.out} is already there; name another file, or remove it first")

    manifests = expanded("manifests", options.manifests)

    import pandas as pd

    from benchmark.data.atomic import atomic_path
    from benchmark.data.manifest import read_manifests
    from benchmark.prepare.checks.design import design_of
    from benchmark.prepare.checks.images import Finding, check_images
    from benchmark.prepare.checks.text import check_text

    scans = read_manifests(manifests, options.data_root, check_images=False)
    found: list[Finding] = check_images(scans, options.images, options.processes)
    sys.stdout.write(check_text(design_of(scans), found, len(scans)))
    if options.out is not None:
        rows = [[one.scan, "error" if one.serious else "remark", one.message] for one in found]
        with atomic_path(options.out) as temporary:
            pd.DataFrame(rows, columns=["scan", "kind", "message"]).to_csv(temporary, index=False, lineterminator="\n")
    return 1 if any(one.serious for one in found) else 0
