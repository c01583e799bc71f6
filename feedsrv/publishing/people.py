"""Names of people, as far as publishing needs them: who is who, and who is the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from feedsrv.publishing.refusals import BadNameError

LONGEST: Final = 64
"""Characters."""
KEEPER: Final = "keeper"
"""Who acts where nobody does: the program that keeps feeds fresh. No person is called so."""

# Printable, says Python, and yet nobody sees them: joiners, fillers and variation selectors
# (Default_Ignorable_Code_Point of the Unicode character database), and the empty Braille pattern.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LOOK_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""Scripts that share the shapes of many letters."""


def checked_name(name: str) -> str:
    """A name that can stand in the audit log, without white space around it.

    Raises:
        BadNameError: it is empty, too long, holds characters that cannot be seen, or letters of scripts
            that look alike.
    """
    trimmed = name.strip()
    if not trimmed or len(trimmed) > LONGEST or not trimmed.isprintable() or _UNSEEN.search(trimmed):
        raise BadNameError(
            f"{name[:LONGEST]!a} is no name for the audit log: write 1 to {LONGEST} visible characters"
        )
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in trimmed if one.isalpha()}
    if len(scripts & _LOOK_ALIKE) > 1:
        raise BadNameError(f"{name[:LONGEST]!a} mixes scripts that look alike: write a name in one of them")
    return trimmed


def refuse_keeper(name: str) -> None:
    """No person acts as the program.

    Raises:
        BadNameError: that is what it is called.
    """
    if is_among(name, (KEEPER,)):
        raise BadNameError(f"{KEEPER} is what a program here is called: act under a name of your own")


def is_among(name: str, names: Iterable[str]) -> bool:
    """True where the same person is named, however it is typed.

    >>> is_among("Alice  Liddell ", {"alice liddell", "bob"})
    True
    """
    return folded(name) in map(folded, names)


def folded(name: str) -> str:
    """A name as it is compared: the same for every way to type it."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
