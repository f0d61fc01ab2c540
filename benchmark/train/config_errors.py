"""Errors of a configuration with the file and the line that they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from benchmark.errors import UserError


def config_files(args: Sequence[str]) -> list[Path]:
    """Files that ``--config FILE`` or ``--config=FILE`` name in a command line, where they are there.

    Raises
    ------
    UserError
        For one that is no mapping in YAML; the message names the file and the line.
    """
    given = [after if name == "--config" else name.removeprefix("--config=") for name, after in _pairs(args)]
    files = [Path(name) for name in given if Path(name).is_file()]
    for file in files:
        _composed(file)
    return files


def located(message: str, args: Sequence[str]) -> str:
    """A message of jsonargparse's behind the file, and line, of what it is about; as it is for other options."""
    files = config_files(args)
    # The innermost option comes last: within a class, by its own name alone.
    names = re.findall(r"""(?:[Oo]ption|[Kk]ey|class_path) ['"]([\w.]+)['"]""", message)
    names = names or re.findall(r"^([\w.]+): ", message)
    on_command_line = {arg.partition("=")[0].rpartition(".")[2].lstrip("-") for arg in args if arg.startswith("--")}
    for name in reversed(names):
        if name.rpartition(".")[2] in on_command_line:
            return message
        for file in reversed(files):
            for path, line in _scalars(_composed(file)):
                if name in (path, path.rpartition(".")[2]):
                    return f"{file}:{line}: {message}"
    return f"{files[-1]}: {message}" if files and "required" in message else message


def _pairs(args: Sequence[str]) -> list[tuple[str, str]]:
    pairs = zip(args, [*args[1:], ""], strict=True)
    return [(name, after) for name, after in pairs if name == "--config" or name.startswith("--config=")]


def _composed(file: Path) -> yaml.MappingNode:
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        context = f" ({error.context})" if error.context else ""
        raise UserError(f"{file}:{line}: not YAML: {error.problem}{context}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{file}: not a YAML file in UTF-8: {' '.join(str(error).split())}") from None
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{file}:1: options and their values are needed, such as 'model: ...'")
    return node


def _scalars(node: yaml.Node, path: str = "") -> Iterator[tuple[str, int]]:
    """Dotted path of every key, and every class path, with its line from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield inner, key.start_mark.line + 1
            yield from _scalars(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, path)
    elif path.endswith("class_path"):
        yield str(node.value), node.start_mark.line + 1
