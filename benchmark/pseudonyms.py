"""Subject identifiers that say nothing to whoever does not hold the salt."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from benchmark.errors import UserError

#: Shortest salt, in characters.
SHORTEST = 16


def read_or_make_salt(path: Path) -> bytes:
    """Salt of a file; a file that is not there is made with a random one, for its owner's eyes alone.

    Whoever has the salt can tell which pseudonym a known identifier has: it stays where the data are. The same salt
    gives the same pseudonyms, so that one person stays one subject over several datasets and runs.

    Raises
    ------
    UserError
        For a file that cannot be read or made, or that holds fewer than :data:`SHORTEST` characters.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32) + "\n")
        salt = path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{path}: the salt cannot be read or made: {error.strerror}") from None
    if len(salt) < SHORTEST:
        raise UserError(f"{path}: the salt has {len(salt)} characters; at least {SHORTEST} are needed")
    return salt


def pseudonym(subject: str, salt: bytes) -> str:
    """``sub-`` and 16 hexadecimal digits of HMAC-SHA256 over the identifier."""
    return f"sub-{hmac.new(salt, subject.encode(), hashlib.sha256).hexdigest()[:16]}"
