"""A model that carries its own preprocessing: one folder, without pickles, that embeds files and needs nothing else."""

from __future__ import annotations

import hashlib
import re
from argparse import ArgumentError
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import safetensors.torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from benchmark.data.preprocessing import Preprocessing
from benchmark.errors import UserError, cause
from benchmark.methods.card import MethodCard
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import RepresentationModule
from benchmark.parsing import in_one_line
from benchmark.train.description import DESCRIPTION, STATISTICS, WEIGHTS, digest_of, read_description
from benchmark.train.loaded_method import LoadedMethod
from benchmark.train.packed import HIDDEN, hidden_modules, unpack
from benchmark.train.resolve import instantiate_model
from benchmark.train.space import check_space

#: Folder within a model's with files that its settings name.
FILES = "files"
#: Ending of the only kind of such files: others hold pickles, or programs.
ENCODER = ".onnx"
#: Packages whose classes a model may name.
PACKAGES = ("benchmark", "baselines", "seada")
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass
class ExportedModel(LoadedMethod):
    """A trained method out of the folder that ``seada-bench export`` writes.

    Attributes
    ----------
    description
        Content of ``model.json``.
    centre
        Mean LDR of the training scans, shape (dimension,), float64.
    covariance
        Covariance of the training scans' LDRs, shape (dimension, dimension), float64, over n - 1.
    digest
        SHA-256, in hexadecimal, of the weights and of everything else that can change an embedding. Versions of
        libraries are no part of it; ``description["libraries"]`` has them.
    typical
        What the training's volumes are like on average, by name (:mod:`benchmark.search.gate`), shape (x, y, z) each;
        empty where their files were not at hand when the model was exported.
    """

    description: dict[str, Any]
    centre: NDArray[np.float64]
    covariance: NDArray[np.float64]
    digest: str
    typical: dict[str, NDArray[np.float32]]

    @property
    def name(self) -> str:
        """Of the method, as the tables call it."""
        return str(self.description["method"])

    @property
    def dimension(self) -> int:
        """Length of an LDR."""
        return len(self.centre)

    @property
    def scores(self) -> pd.DataFrame | None:
        """What the tables have of the model itself, one row per score; None where it was exported without."""
        found = self.description["scores"]
        return None if found is None else pd.DataFrame(found["rows"])

    @property
    def card(self) -> MethodCard:
        """What its YAML file states of the method."""
        return MethodCard(**self.description["card"] or {})

    def volumes_of(self, scans: pd.DataFrame) -> NDArray[np.float32]:
        """Volumes of scans as the network sees them, shape (scans, x, y, z); parameters as for :meth:`ldrs_of`."""
        return cast(NDArray[np.float32], self.batch_of(scans)["volume"][:, 0].float().numpy())

    def check(self, scans: pd.DataFrame) -> None:
        """See that scans can be embedded; parameters and errors as for :meth:`ldrs_of`."""
        raw = "" if self.description["raw"] is None else ", or embed it as a raw image (--raw)"
        for path in scans["image"]:
            check_space(Path(path), self.description["space"], f"prepare it as these were{raw}")
        super().check(scans)

    def ldrs_of(self, scans: pd.DataFrame, volumes: Sequence[NDArray[np.float16]] | None = None) -> NDArray[np.float32]:
        """LDRs of some scans as one batch.

        Parameters
        ----------
        scans
            Columns ``image``, ``mask``, ``site``, ``age`` and ``sex``, "" or NaN where unknown. Checked before, by
            :meth:`check`.
        volumes
            As for :meth:`batch_of`.

        Returns
        -------
        numpy.ndarray
            Shape (scans, dimension).

        Raises
        ------
        UserError, MethodError
            As :meth:`embed_files`.
        """
        return self.embedded(self.batch_of(scans, volumes))


def load_model(folder: str | Path, trust: Sequence[str] = ()) -> ExportedModel:
    """A model as ``seada-bench export`` wrote it.

    Parameters
    ----------
    folder
        The model.
    trust
        Classes, or modules and packages of classes, that a model may name beside those of this suite: they are
        imported and called.

    Raises
    ------
    UserError
        For a folder that is none, of a later format, with a file that is missing or was changed, or that names another
        class; one line.
    """
    folder = Path(folder)
    description = read_description(folder)
    contents = {name: _content(folder, name, wanted) for name, wanted in description["files"].items()}
    if digest_of(description) != description["digest"]:
        raise UserError(f"{folder / DESCRIPTION}: its digest is not that of its content; export the model again")
    check_classes(folder / DESCRIPTION, description["model"], trust)
    tensors, statistics = (_tensors(folder / name, contents.pop(name)) for name in (WEIGHTS, STATISTICS))
    model = _model(folder, description, tensors)
    return ExportedModel(
        model,
        Preprocessing(**description["preprocessing"]),
        description["masks"],
        description["held_out_site"],
        description["precision"],
        description,
        statistics.pop("centre").numpy(),
        statistics.pop("covariance").numpy(),
        description["digest"],
        {name: tensor.numpy() for name, tensor in statistics.items()},
    )


def check_classes(path: Path, config: Any, trust: Sequence[str]) -> None:
    """Refuse settings that name a class from elsewhere, before anything is imported.

    Raises
    ------
    UserError
        For the first one, in the name of a file.
    """
    for name in named_classes(config):
        if not any(name.startswith(f"{each}.") or name == each for each in (*PACKAGES, *trust)):
            raise UserError(
                f"{path}: names '{name}', which would be imported; allowed: classes of {', '.join(PACKAGES)}, and what "
                "is named with --trust"
            )


def named_classes(config: Any, key: str = "") -> Iterator[str]:
    """Class paths of settings, and all other texts that a parser could take for one, or for a file that holds one."""
    if isinstance(config, dict):
        for inner, value in config.items():
            yield from named_classes(value, inner)
    elif isinstance(config, list):
        for value in config:
            yield from named_classes(value, key)
    elif isinstance(config, str) and (
        key == "class_path" or (key != "file" and ("/" in config or _NAME.fullmatch(config)))
    ):
        yield config


def _content(folder: Path, name: str, wanted: str) -> bytes:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{folder / DESCRIPTION}: names the file '{name}'; files of a model lie in its folder")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; the model is not whole") from None
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise UserError(f"{path}: was changed after it was written: its sha256 is {found}, not {wanted}")
    return content


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise UserError(f"{path}: cannot be read as safetensors: {cause(error)}") from None


def _model(folder: Path, description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> RepresentationModule:
    path, spec = folder / DESCRIPTION, dict(description["spec"])
    if spec["spacing"] is None:
        del spec["spacing"]
    located = _located(folder, description["model"], description["files"])
    try:
        model = cast(RepresentationModule, instantiate_model(located))
    except ArgumentError as error:
        raise UserError(f"{path}: {in_one_line(str(error))}") from error
    try:
        model.ensure_built(DataSpec.from_state(spec))
        state = unpack(tensors, description["state"])
        model.load_state_dict({name: value for name, value in state.items() if not name.startswith(HIDDEN)})
        for prefix, module in hidden_modules(model).items():
            # A class that brings weights of its own gets those that the run had.
            begin = f"{prefix}."
            module.load_state_dict({k.removeprefix(begin): v for k, v in state.items() if k.startswith(begin)})
    except MethodError:
        raise
    except (RuntimeError, KeyError, ValueError) as error:
        raise UserError(
            f"{folder / WEIGHTS}: does not fit the method as this seada-bench has it: {cause(error)[:300]}"
        ) from error
    return model


def _located(folder: Path, config: Any, files: Container[str]) -> Any:
    """Settings with the paths of a model's own files."""
    if isinstance(config, list):
        return [_located(folder, value, files) for value in config]
    if not isinstance(config, dict):
        return config
    located = {name: _located(folder, value, files) for name, value in config.items()}
    file = config.get("file")
    if isinstance(file, str):
        if file not in files or Path(file).suffix != ENCODER:
            raise UserError(f"{folder / DESCRIPTION}: names the file '{file}'; allowed: {ENCODER} files of the model")
        located["file"] = str(folder / file)
    return located
