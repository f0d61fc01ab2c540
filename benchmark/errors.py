"""Errors that are addressed to the user of the suite."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave cannot be used; the message says what, where and what is allowed.

    The command line prints the message alone and exits with status 2. Messages are a single line,
    unless they list several problems, one a line.
    """
