"""`seada-bench phantom`: the phantom, or a replica of a download made with it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    from benchmark.prepare.phantom.downloads.registry import replicas
    from benchmark.prepare.phantom.settings import PhantomSettings

    parser = Parser("phantom", "Generate the multi-site T1 phantom: volumes, masks, manifests, truth table.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the phantom.")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Processes that generate volumes.")
    parser.add_argument(
        "--layout",
        choices=list(replicas()),
        default=None,
        help="Write a small replica of an archive's download instead, with made-up subjects, to try importers on.",
    )
    parser.add_argument("--subjects", type=int, default=12, help="Subjects of a replica (--layout).")
    parser.add_argument(
        "--croissant",
        action="store_true",
        help="Write croissant.json beside the manifests: metadata of the phantom in the format of MLCommons.",
    )
    parser.add_class_arguments(PhantomSettings, None)
    options = parser.parse_args(args)
    names = PhantomSettings.__dataclass_fields__
    settings = PhantomSettings(**{name: options[name] for name in names})
    if options.layout is not None and options.croissant:
        raise UserError("--croissant: is for the phantom; a replica (--layout) has no manifests")
    if options.layout is not None:
        return _replica(options.layout, options.out, options.subjects, settings)

    from benchmark.prepare.phantom.generate import generate

    manifests = generate(settings, options.out, processes=options.processes)
    if options.croissant:
        from benchmark.prepare.phantom.croissant import write_croissant

        write_croissant(settings, manifests, options.out)
    say(f"{len(manifests)} manifests in {options.out}\n")
    return 0


def _replica(layout: str, out: Path, subjects: int, settings: Any) -> int:
    from benchmark.folders import make_writable
    from benchmark.prepare.phantom.downloads.registry import import_options, replicas
    from benchmark.prepare.phantom.replica_heads import phantom_heads

    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--out: {out} holds files already; name an empty or a new folder")
    make_writable(out, "--out")
    replicas()[layout].describe(settings.seed, subjects).write(out, phantom_heads(settings))
    command = shlex.join(["seada-bench", "manifest", "build", layout, *import_options(layout, out)])
    say(f"replica of {layout} in {out}; import it by:\n{command} --out manifests\n")
    return 0
