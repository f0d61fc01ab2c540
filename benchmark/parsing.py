"""Parsers of the command line whose errors are one line."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from benchmark.errors import UserError

#: Lines of jsonargparse's message that say no more than that a value may be of several types.
_IS_AN_ATTEMPT = re.compile(r"Does not validate against|Expected a <class 'NoneType'>")

#: What jsonargparse writes of a class and its options, and how it is said here.
_PLAINLY = {
    # Behind an option of a class that is wrong comes the whole of what was given for the class.
    r"; given value: (\{.*\}|NestedArg\(.*?\))": "",
    r"Problem with given class_path '([\w.]+)': ": r"\1: ",
    r'Parser key "([\w.]+)": ': r"\1: ",
    r"Expected a <class '(\w+)'>\. Got value: (\S+)": r"\2 is not allowed; it must be of type \1",
    r"Expected a typing\.Literal\[(.*?)\]\. Got value: (\S+)": r"\2 is not allowed; allowed: \1",
    r"Not a valid subclass of (\w+)\. Got value: (\S+).*\(implicit class_path\)": (
        r"\2 is not allowed; it must have the class_path of a \1"
    ),
}


class Parser(ArgumentParser):
    """Parser of a command's options, which are written out in full."""

    def __init__(self, command: str, description: str | None = None) -> None:
        super().__init__(prog=f"seada-bench {command}", description=description, allow_abbrev=False)

    def parse_path(self, cfg_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Options of a file, which an error about them names."""
        try:
            return super().parse_path(cfg_path, *args, **kwargs)
        except UserError as error:
            raise UserError(f"{cfg_path}: {error}") from error

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise a one-line error in place of printing the usage.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(f"{in_one_line(message)} ('{self.prog} --help' lists the options)") from ex


def in_one_line(message: str) -> str:
    """What jsonargparse found wrong, on one line, without the types that were tried in vain."""
    attempts = re.findall(r"^ *- (?!Expected a )(.*)", message, flags=re.MULTILINE)
    if message.startswith("Does not validate against any of the Union") and attempts:
        return " or ".join(attempts)
    key = re.match(r'Parser key "([^"]+)":\s*', message)
    if key is None:
        return " ".join(message.split())
    problems = re.findall(r"^ *- (.*(?:\n(?! *(?:- |Given|Does not|Subtypes|Errors)).*)*)", message, flags=re.MULTILINE)
    problems = [problem for problem in problems if not _IS_AN_ATTEMPT.match(problem)]
    given = re.search(r"Given value: (.*)", message)
    text = " ".join(" or ".join(problems).split()) or " ".join(message[key.end() :].split())
    return f"{key[1]}: {text}" + (f"; given value: {given[1]}" if given and problems else "")


def plain(message: str) -> str:
    """A message about a class and its options: what was given and what is allowed, in place of jsonargparse's types."""
    for pattern, text in _PLAINLY.items():
        message = re.sub(pattern, text, message)
    return re.sub(r"([\w.]+): (Option '\w+' is not accepted)", _with_allowed, message)


def _with_allowed(found: re.Match[str]) -> str:
    """The class and what is not accepted, with the options of the class and of those that it hands further ones to."""
    module, _, name = found[1].rpartition(".")
    try:
        classes = getattr(import_module(module), name).__mro__
    except (ImportError, AttributeError, ValueError):
        return found[0]
    allowed: list[str] = []
    for kind in classes:
        parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
        allowed += [each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return f"{found[0]}; allowed: {', '.join(dict.fromkeys(allowed)) or 'none'}"


def at_least_one(option: str, value: int) -> None:
    """Check an option that counts something.

    Raises
    ------
    UserError
        For a value below 1.
    """
    if value < 1:
        raise UserError(f"--{option}: {value} is not allowed; it must be a whole number of at least 1")
