"""Passwords: which are good enough, and how they are kept and checked.

Checking takes as long for a person who is not there as for one who is.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from feedsrv.publishing.access.refusals import WeakPasswordError
from feedsrv.publishing.people import folded

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters."""
_AT_ONCE: Final = BoundedSemaphore(4)
"""How many are worked on at once in this process: each takes 64 MiB."""

_COMMON: Final = frozenset(
    """
    123456789012 1234567890123 12345678901234 123456789123 1234567891011 012345678901 987654321098
    111111111111 000000000000 aaaaaaaaaaaa password1234 password12345 passwordpassword password123456
    passw0rd1234 mypassword123 changeme1234 changemechangeme letmeinletmein letmein12345 adminadminadmin
    administrator administrator1 qwertyuiopas qwertyuiop123 qwertyuiop12 qwerty123456 qwerty1234567
    qwertyqwerty qwertyuiop[] 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde3 abcdefghijkl abcdefghijklm
    abcd12345678 abc123abc123 iloveyou1234 iloveyouiloveyou welcome12345 welcomewelcome
    correcthorsebatterystaple feedsrvfeedsrv feedsrv12345 mitigation123 trustno1trustno1 monkeymonkey
    dragondragon sunshine1234 princess1234 football1234 baseball1234 superman1234 unknownunknown
    testtesttest secretsecret secret123456 default12345 companyname123
    """.split()  # noqa: SIM905 -- a list of words, wrapped as words
)


class Passwords:
    """Makes and checks hashes with argon2id; a lower `hasher` is for tests alone."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher: Final = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with _AT_ONCE:
            return self._hasher.hash(_bytes(password))

    def is_right(self, kept: str | None, password: str) -> bool:
        """True where that is the password; the same work is done where none is kept."""
        decoy = self._decoy
        given = _bytes(password[: LONGEST + 1])
        with _AT_ONCE:
            try:
                is_same = bool(self._hasher.verify(kept or decoy, given))
            except (VerificationError, InvalidHashError):
                return False
        return is_same and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """True where it was made with less work than is asked for now."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))


def check_password(password: str, *, name: str) -> None:
    """Refuse a password that others would guess, for the person of that name.

    Raises:
        WeakPasswordError: too short or long, the name, or one of those that everybody tries.
    """
    plain = _plain(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise WeakPasswordError(f"write {SHORTEST} to {LONGEST} characters; several words are best")
    bare = _bare(plain)
    if _bare(name) and _bare(name) in bare and len(bare) - len(_bare(name)) < SHORTEST - 4:
        raise WeakPasswordError("it is little more than the name; write several words that belong to nobody")
    if bare in _COMMON or len(set(plain)) < 5:
        raise WeakPasswordError("it is one of those that everybody tries first; write several words")


def _plain(password: str) -> str:
    # The same characters from every keyboard and system.
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    # Half a surrogate pair, from a form or a terminal, is a wrong password and no crash.
    return _plain(password).encode("utf-8", "surrogatepass")


def _bare(text: str) -> str:
    return "".join(folded(text).split())
