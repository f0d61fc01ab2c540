"""Errors that are addressed to the user of the suite."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave cannot be used; the message says what, where and what is allowed.

    The command line prints the message alone and exits with status 2. Messages are a single line,
    unless they list several problems, one a line.
    """


def cause(error: Exception) -> str:
    """What an exception says, on one line; of one of the operating system the file and the cause."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
