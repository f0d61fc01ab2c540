"""Arguments of imports with some of their tables."""

from __future__ import annotations


def only(given, *names):
    """Arguments with some tables."""
    places = [place for place in range(1, len(given), 2) if given[place][2:] in ("images", *names)]
    return given[0], *(word for place in places for word in given[place : place + 2])


def without(given, option):
    """Arguments without a table."""
    return only(given, *(word[2:] for word in given[1::2] if word != f"--{option}"))
