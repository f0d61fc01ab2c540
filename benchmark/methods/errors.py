"""Errors of methods that are addressed to the user."""

from __future__ import annotations


class MethodError(ValueError):
    """A method cannot work with the settings or scans it was given; the message is one line."""
