"""Secrets that are shown once: made here, kept only as digests, known again by their form."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final
from zlib import crc32

PREFIX: Final = "fst_"
"""What every token begins with, so that those who look for secrets in files and logs find it."""
_BYTES: Final = 32
_FORM: Final = re.compile(r"fst_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})")


def new_secret() -> str:
    """A secret for a browser's cookie; 256 bits of chance."""
    return secrets.token_urlsafe(_BYTES)


def new_token() -> str:
    """A secret for a program: a prefix, 256 bits of chance, and a checksum over them."""
    chance = secrets.token_urlsafe(_BYTES)
    return f"{PREFIX}{chance}{_checksum(chance)}"


def is_token(text: str) -> bool:
    """True for what `new_token` makes; a mistyped one is known without asking the store."""
    match = _FORM.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def digest_of(secret: str) -> str:
    """What is kept of a secret. It has too much chance in it to be guessed, so it needs no slow hash."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(chance: str) -> str:
    return urlsafe_b64encode(crc32(chance.encode()).to_bytes(4)).decode().rstrip("=")
