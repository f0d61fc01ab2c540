"""Parsers of the command line whose errors are one line."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from benchmark.errors import UserError

#: Lines of jsonargparse's message that say no more than that a value may be of several types.
_IS_AN_ATTEMPT = re.compile(r"Does not validate against|Expected a <class 'NoneType'>")


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


def at_least_one(option: str, value: int) -> None:
    """Check an option that counts something.

    Raises
    ------
    UserError
        For a value below 1.
    """
    if value < 1:
        raise UserError(f"--{option}: {value} is not allowed; it must be a whole number of at least 1")
