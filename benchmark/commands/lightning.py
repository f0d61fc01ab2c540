"""`seada-bench fit` and `predict`: Lightning's own command line over the methods."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from benchmark.commands.terminal import say
from benchmark.configs import METHODS
from benchmark.configs.shipped import shipped_file, shipped_names
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.data.manifest import ManifestError

#: First words of the options that LightningCLI has for these commands, with those of this suite.
OPTIONS = (
    "card", "ckpt_path", "compute", "config", "data", "help", "lr_scheduler", "model", "optimizer", "own_distance",
    "plugins", "print_config", "return_predictions", "seed_everything", "trained_base", "trainer", "weights_only",
)  # fmt: skip
CONFIG = ("--config", "-c")
FULL_HELP = "--help.full"

HELP = {
    "fit": """\
usage: seada-bench fit --config METHOD.yaml [options]

Train one method, and write its embeddings to the folder trainer.default_root_dir: embeddings.parquet, model.ckpt, logs.
The command is a LightningCLI. These are the options that are needed most, of more than a hundred.

  --config FILE                         YAML file of the method, or the name of a shipped one, such as seada; of
                                        several, each overrides those before. What all methods share, such as
                                        data.manifests, has the defaults of benchmark/configs/defaults.yaml
  --plugins FOLDER                      Folder with modules of class paths, beside that of the --config file
  --data.manifests '[A.csv,B.csv]'      Manifests, one a site
  --data.data_root FOLDER               Folder that the manifests' paths may be relative to
  --data.truth FILE                     Truth table of the phantom; null for real data
  --data.preprocessing.shape '[X,Y,Z]'  Voxels of a volume
  --data.preprocessing.spacing MM       Size of a voxel
  --data.held_out_site SITE             Site that training does not see
  --data.batch_size N                   Scans of a step, of all processes together
  --data.seed N                         Seed of splits, order and augmentation
  --data.num_workers N                  Processes that load and augment
  --data.cache_dir FOLDER               Folder for preprocessed volumes
  --seed_everything N                   Seed of the initial weights
  --model.init_args.NAME VALUE          Setting of the method, as in its YAML file
  --compute.accumulate N                Batches whose gradients make one step
  --compute.checkpoint_activations true Less memory, one more forward pass
  --trainer.max_epochs N                Epochs
  --trainer.accelerator NAME            auto, cpu, gpu, ...
  --trainer.devices N                   Processes that train together; more than one needs
                                        --trainer.strategy ddp_find_unused_parameters_true
  --trainer.precision NAME              32-true, bf16-mixed, 16-mixed, ...
  --trainer.logger CLASS                Logger beside the CSV log, such as WandbLogger
  --trainer.default_root_dir FOLDER     Folder of the run
  --ckpt_path FILE                      Checkpoint to go on from; an interrupted run goes on from its last by itself
  --trained_base FILE                   Checkpoint of the model's base, which is then not trained again
  --print_config                        Print the configuration that would be run, with all defaults, and exit
  --help.full                           All options that Lightning knows, with types and defaults (takes seconds)
  --model.help CLASS                    Settings of a method's class, such as seada.seada.SEADA (takes seconds)

See docs/training.md and docs/tracking.md.
""",
    "predict": """\
usage: seada-bench predict --config METHOD.yaml --ckpt_path MODEL.ckpt [options]

Embed scans with a trained model, and write embeddings.parquet to the folder trainer.default_root_dir.
The command is a LightningCLI. These are the options that are needed most.

  --config FILE                         YAML file of the method that was trained
  --ckpt_path FILE                      model.ckpt of its run
  --plugins FOLDER                      Folder with modules of class paths, beside that of the --config file
  --data.manifests '[A.csv,B.csv]'      Manifests, one a site
  --data.data_root FOLDER               Folder that the manifests' paths may be relative to
  --data.truth FILE                     Truth table of the phantom; null for real data
  --data.preprocessing.shape '[X,Y,Z]'  Voxels of a volume, as the model was trained with
  --data.preprocessing.spacing MM       Size of a voxel, likewise
  --data.cache_dir FOLDER               Folder for preprocessed volumes
  --trainer.accelerator NAME            auto, cpu, gpu, ...
  --trainer.default_root_dir FOLDER     New folder for the embeddings
  --print_config                        Print the configuration that would be run, with all defaults, and exit
  --help.full                           All options that Lightning knows, with types and defaults (takes seconds)

See docs/training.md.
""",
}


def main(args: list[str]) -> int:
    """Run the command, whose name is the first of the arguments; its exit status.

    Raises
    ------
    UserError
        For what can be found wrong without Lightning, whose import takes seconds, and for what it finds itself.
    """
    command, *options = args
    if "-h" in options or "--help" in options:
        say(HELP[command])
        return 0
    options = _with_shipped_files(options)
    _check(command, options)

    from benchmark.data.manifest import ManifestError
    from benchmark.plugins import use_plugins, without_plugins
    from benchmark.train.cli import run
    from benchmark.train.tracking.loggers import wandb_finished

    kept, folders = without_plugins([command, *("--help" if one == FULL_HELP else one for one in options)])
    use_plugins(folders)
    try:
        with wandb_finished():
            run(kept)
    except ManifestError as error:
        if text := _no_phantom(error):
            raise UserError(text) from error
        raise
    except UserError as error:
        if "no file matches 'data_manifests/phantom/" in str(error):
            raise UserError(
                f"{error}, which a clone of the repository has. Elsewhere 'seada-bench phantom --out data/phantom' "
                """makes a phantom with manifests of its own: --data.manifests '["data/phantom/phantom-*.csv"]' """
                "--data.data_root data/phantom --data.truth data/phantom/truth.csv"
            ) from error
        raise
    except UnpicklingError as error:
        raise UserError("ckpt_path: the file is damaged or not a checkpoint of this suite") from error
    return 0


def _with_shipped_files(options: list[str]) -> list[str]:
    """Options with the file of a shipped method where ``--config`` has its name."""
    found = list(options)
    for place, (before, option) in enumerate(pairwise(["", *options])):
        name, equals, value = option.partition("=")
        given = option if before in CONFIG else value if name in CONFIG and equals else ""
        shipped = shipped_file(METHODS, given) if given and not Path(given).is_file() else None
        if shipped is not None:
            found[place] = f"{name}={shipped}" if equals else str(shipped)
    return found


def _no_phantom(error: ManifestError) -> str:
    """One line in place of thousands where the default manifests lack their volumes; "" where more is wrong."""
    if not all(
        one.file.parent.parts[-2:] == ("data_manifests", "phantom") and one.column in ("image", "mask")
        for one in error.problems
    ):
        return ""
    return (
        f"{error.problems[0]} ({len(error.problems)} of the kind). 'seada-bench phantom --out data/phantom' makes the "
        "phantom's volumes; --data.manifests and --data.data_root name other data"
    )


def _check(command: str, options: list[str]) -> None:
    """See that the files of ``--config`` are there, and that options begin with words that Lightning knows."""
    listed = f"'seada-bench {command} --help' lists the options"
    for place, option in enumerate(options):
        name, equals, value = option.partition("=")
        if name in CONFIG:
            file = value if equals else next(iter(options[place + 1 :]), "")
            # A configuration may also be given itself, as text.
            if file and "\n" not in file and not file.lstrip().startswith("{") and not Path(file).is_file():
                known = f"; shipped: {shipped_names(METHODS)}" if not Path(file).suffix else ""
                raise UserError(f"config: there is no such file: {file} ({listed}){known}")
        elif name.startswith("--") and not any(word.startswith(name[2:].partition(".")[0]) for word in OPTIONS):
            raise UserError(f"unrecognized arguments: {option} ({listed})")
