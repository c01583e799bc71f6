"""The words that a publisher and the child process with a vendor's module exchange.

Each request and each answer is one line of JSON on the child's pipes; bytes are in base64.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final

IDLE: Final = 30.0
"""Seconds after which a child that nobody asks anything logs out and ends: longer than one publication
rests between two signatures, and short enough that no session stays open from one to the next."""
GRACE: Final = 5.0
"""Seconds beyond its time that a child has before the operating system ends it, should its parent be gone."""


class Reason(StrEnum):
    """Why the child refuses."""

    MODULE = auto()
    TOKEN_MISSING = auto()
    TOKEN_AMBIGUOUS = auto()
    PIN_NEEDED = auto()
    PIN_WRONG = auto()
    PIN_LAST_TRY = auto()
    PIN_LOCKED = auto()
    PIN_UNSET = auto()
    KEY_MISSING = auto()
    KEY_AMBIGUOUS = auto()
    KEY_EXISTS = auto()
    KEY_KIND = auto()
    PUBLIC_MISSING = auto()
    NOT_ALLOWED = auto()
    NOT_EXPORTABLE = auto()
    READ_ONLY = auto()
    AWAY = auto()
    FAILED = auto()
