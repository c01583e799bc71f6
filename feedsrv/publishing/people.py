"""Names of people, as far as publishing needs them: who is who, and who is the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from feedsrv.publishing.refusals import BadNameError

LONGEST = 64
"""Characters."""


def checked_name(name: str) -> str:
    """A name that can stand in the audit log, without white space around it.

    Raises:
        BadNameError: it is empty, too long, or holds characters that cannot be seen.
    """
    trimmed = name.strip()
    if not trimmed or len(trimmed) > LONGEST or not trimmed.isprintable():
        raise BadNameError(
            f"{name[:LONGEST]!r} is no name for the audit log: write 1 to {LONGEST} visible characters"
        )
    return trimmed


def is_among(name: str, names: Iterable[str]) -> bool:
    """True where the same person is named, however it is typed.

    >>> is_among("Alice ", {"alice", "bob"})
    True
    """
    return _key(name) in map(_key, names)


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
