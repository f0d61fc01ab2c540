"""The command line: `seada-bench COMMAND`."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from importlib import import_module
from importlib.metadata import version

from benchmark.commands.terminal import fail, say
from benchmark.errors import UserError, cause
from benchmark.extras import extra_of

#: Command to the module of :mod:`benchmark.commands` that has it, and to its function.
COMMANDS = {
    "sweep": ("sweep", "main"),
    "tune": ("tune", "main"),
    "status": ("cluster", "status"),
    "collect": ("cluster", "collect"),
    "evaluate": ("evaluate", "main"),
    "task": ("task", "main"),
    "submit": ("submit", "main"),
    "compare": ("compare", "main"),
    "merge": ("merge", "main"),
    "tables": ("tables", "main"),
    "leaderboard": ("leaderboard", "main"),
    "verify": ("verify", "main"),
    "manifest": ("manifest", "main"),
    "preprocess": ("preprocess", "main"),
    "bids": ("bids", "main"),
    "phantom": ("phantom", "main"),
    "list": ("listing", "main"),
    "check-method": ("check_method", "main"),
    "fit": ("lightning", "main"),
    "predict": ("lightning", "main"),
    "export": ("export", "main"),
    "embed": ("embed", "main"),
    "index": ("index", "main"),
    "search": ("search", "main"),
    "serve": ("serve", "main"),
}

USAGE = """\
usage: seada-bench COMMAND [options]

Benchmark of scanner-free representations of brain MRI.

commands:
  sweep        run methods x protocols x seeds, and write retrieval and leakage tables
  tune         choose settings of a sweep's methods by rules that use no test label
  status       say how the runs of a sweep on a cluster are
  collect      write the tables of what a cluster has done of a sweep so far
  fit          train one method from its YAML file, and write its embeddings (a LightningCLI)
  predict      embed scans with a trained model (a LightningCLI)
  export       write a finished run as a model that carries its own preprocessing
  embed        embed files with an exported model, raw T1 images too
  index        index an archive of scans: build, add, remove, compact, info
  search       find the scans of an index that are most similar to a query
  serve        search an index by image on a local page
  check-method try a method of your own on mock data, and say what breaks the contract
  evaluate     score embeddings made by this or any other software
  task         tasks for others to take part in: list, show, export
  submit       score embeddings as rows of a task, beside the suite's
  compare      say what differs between two results folders
  merge        join results folders that have different runs of one task
  tables       write a results folder's tables as Markdown, CSV, LaTeX and one HTML page
  leaderboard  write one page over several results folders, to sort and to filter
  verify       run the sweep of a results folder again, and say whether the same comes out
  manifest     write per-site manifests from a downloaded dataset
  preprocess   bring raw T1 images to template space
  bids         prepare, embed and score a dataset in BIDS, as a BIDS App
  phantom      generate the multi-site T1 phantom
  list         say what methods, sweeps, metrics and importers there are

'seada-bench COMMAND --help' lists the options of a command.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        0 if all went well, 1 if runs of a sweep failed or are missing or compared results differ, 2 for input that
        cannot be used, 130 if interrupted.
    """
    args = [_with_underscores(each) for each in (sys.argv[1:] if arguments is None else arguments)]
    if not args or args[0] in ("-h", "--help"):
        say(USAGE)
        return 0 if args else 2
    if args[0] == "--version":
        say(f"seada-bench {version('seada-bench')}")
        return 0
    if args[0] not in COMMANDS:
        return fail(f"unknown command '{args[0]}'; allowed: {', '.join(COMMANDS)}")
    try:
        return run(args[0], args[1:])
    except KeyboardInterrupt:
        fail(f"interrupted; the same command goes on from here: seada-bench {shlex.join(args)}")
        return 130
    except ModuleNotFoundError as error:
        extra = extra_of(error, "import" if args[0] in ("manifest", "preprocess", "bids") else "train")
        if extra is None:
            raise
        needed = f"'{args[0]}' needs the package {error.name}, which is not installed"
        return fail(f"{needed}; install what this command needs by: pip install 'seada-bench[{extra}]'")
    except (UserError, ValueError, OSError) as error:
        if os.environ.get("SEADA_BENCH_DEBUG"):
            traceback.print_exc()
        from benchmark.parsing import plain

        return fail(cause(error) if isinstance(error, OSError) else plain(str(error)))


def run(command: str, arguments: list[str]) -> int:
    """Run one of the :data:`COMMANDS`, which alone is loaded with what it needs; its exit status."""
    module, function = COMMANDS[command]
    # LightningCLI has its commands within one parser.
    given = [command, *arguments] if module == "lightning" else arguments
    status: int = getattr(import_module(f"benchmark.commands.{module}"), function)(given)
    return status


def _with_underscores(argument: str) -> str:
    """An option with the underscores that all have: ``--site-from=scanner`` is ``--site_from=scanner``."""
    name, equals, value = argument.partition("=")
    return name.replace("-", "_").replace("__", "--", 1) + equals + value if name.startswith("--") else argument


if __name__ == "__main__":
    sys.exit(main())
