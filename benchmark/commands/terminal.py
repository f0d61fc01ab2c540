"""What commands say."""

from __future__ import annotations

import sys
from typing import TextIO


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text for the user, who sees it at once; to stdout by default."""
    stream = sys.stdout if stream is None else stream
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()


def fail(message: str, status: int = 2) -> int:
    """Print an error, and give the exit status."""
    sys.stderr.write(f"error: {message}\n")
    return status
