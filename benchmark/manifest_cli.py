"""`seada-bench manifest build IMPORTER`: from a download folder to per-site manifests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmark.errors import UserError

USAGE = """\
usage: seada-bench manifest build IMPORTER --images FOLDER --out FOLDER [options]

Write per-site manifests from a downloaded dataset.

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
    actions = {"build": _build}
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0 if args else 2
    if args[0] not in actions:
        raise UserError(f"unknown action 'manifest {args[0]}'; allowed: {', '.join(actions)}")
    return actions[args[0]](args[1:])


def _usage() -> str:
    from benchmark.importers.registry import importers

    lines = [f"  {name:<8} {(module.__doc__ or '').splitlines()[0]}" for name, module in importers().items()]
    return USAGE.format(importers="\n".join(lines))


def _build(args: list[str]) -> int:
    from jsonargparse import ArgumentParser

    from benchmark.importers.registry import importers
    from benchmark.importers.write import SiteFrom, summary, write_manifests

    known = importers()
    if not args or args[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0 if args else 2
    if args[0] not in known:
        raise UserError(f"unknown importer '{args[0]}'; allowed: {', '.join(known)}")
    module: Any = known[args[0]]
    parser = ArgumentParser(prog=f"seada-bench manifest build {args[0]}", description=module.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Folder for the manifests, one CSV file a site.")
    parser.add_argument(
        "--site_from",
        type=SiteFrom,
        default="dataset",
        help="What a site is: the dataset, or within it the scanner (manufacturer and model), its field strength, or "
        "its manufacturer.",
    )
    parser.add_argument("--overwrite", type=bool, default=False, help="Replace manifests that are there and differ.")
    parser.add_class_arguments(module.Options, None)
    options = parser.parse_args(args[1:])
    names = module.Options.__dataclass_fields__
    found = module.collect(module.Options(**{name: options[name] for name in names}))
    written = write_manifests(found, options.out, args[0], options.site_from, options.overwrite)
    sys.stdout.write(summary(written, found))
    return 0
