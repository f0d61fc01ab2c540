"""`seada-bench preprocess`: raw T1 images to volumes in template space."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(args: list[str]) -> int:
    """Run ``preprocess`` with the arguments after that word; 1 if scans were quarantined."""
    from benchmark.folders import expanded
    from benchmark.parsing import Parser, at_least_one
    from benchmark.prepare.preprocess.settings import RawSettings

    parser = Parser(
        "preprocess",
        "Bring raw T1 images of manifests to template space; see docs/preprocessing.md.",
    )
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="CSV files, one a site, or patterns.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for volumes, manifests and report.")
    parser.add_argument("--data_root", type=Path | None, default=None, help="Folder that paths may be relative to.")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Scans at a time.")
    parser.add_argument(
        "--pseudonymize",
        type=Path | None,
        default=None,
        help="File with a salt, made where it is not there: volumes, manifests and report name subjects by pseudonyms.",
    )
    parser.add_class_arguments(RawSettings, None)
    options = parser.parse_args(args)
    at_least_one("processes", options.processes)
    manifests = expanded("manifests", options.manifests)
    names = RawSettings.__dataclass_fields__

    from benchmark.prepare.preprocess.run import no_extractor, preprocess
    from benchmark.pseudonyms import read_or_make_salt

    settings = RawSettings(**{name: options[name] for name in names})
    if told := no_extractor(manifests, settings, options.data_root):
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
    found = preprocess(
        manifests,
        options.out,
        settings,
        options.data_root,
        options.processes,
        salt=None if options.pseudonymize is None else read_or_make_salt(options.pseudonymize),
    )
    flagged = found.report[found.report["flags"] != ""]
    lines = [f"{len(found.report)} scans preprocessed, {len(flagged)} to look at, {len(found.quarantined)} quarantined"]
    lines += [f"  look at {scan}: {words}" for scan, words in flagged[["scan", "flags"]].head(10).to_numpy()]
    lines += [f"  quarantined: {reason}" for reason in found.quarantined["reason"].head(10)]
    lines.append(f"manifests: {', '.join(map(str, found.manifests))}")
    lines.append(f"report: {options.out}/quality.csv, {options.out}/quarantine.csv, slices of each site (.png)")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if len(found.quarantined) else 0
