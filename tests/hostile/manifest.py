"""The whole corpus: every class with its rows, and each row as the documents that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tests.hostile import (
    algorithms,
    attackers,
    bombs,
    certificates,
    covering,
    doubling,
    freshness,
    key_info,
    lifetimes,
    markup,
    rules,
    steering,
    tampering,
    usages,
    within,
    words,
    wrapping,
)
from tests.hostile.flaws import Flaw, Hostile


@cache
def classes() -> Mapping[str, tuple[Flaw, ...]]:
    """The rows of each class, by its name."""
    return {
        "tampering-everywhere": tampering.everywhere(),
        "tampering": tampering.BY_HAND,
        "doubled-parts": doubling.DOUBLED,
        "wrapping": wrapping.WRAPPINGS,
        "ids": covering.IDS,
        "second-signature": wrapping.SECOND,
        "coverage": covering.COVERAGE,
        "transforms": covering.TRANSFORMS,
        "algorithms": algorithms.ALGORITHMS,
        "keys-beside-certificates": key_info.KEYS,
        "key-info-elsewhere": key_info.MISPLACED_KEYS,
        "unreadable-certificates": certificates.UNREADABLE,
        "attackers-chains": attackers.ATTACKERS,
        "extended-key-usage": usages.USAGES,
        "certificate-rules": rules.RULES,
        "validity": lifetimes.VALIDITY,
        "revocation": lifetimes.REVOCATION,
        "freshness": freshness.TIMES,
        "misdirected": freshness.MISDIRECTED,
        "versions-and-dates": freshness.NUMBERS,
        "words": words.WORDS,
        "dtd-and-instructions": markup.DTDS,
        "encodings": markup.ENCODINGS,
        "malformed": markup.MALFORMED,
        "words-that-steer": steering.STEERING,
        "bombs": bombs.BOMBS,
        "within-limits": within.WITHIN,
    }


@cache
def corpus() -> tuple[Hostile, ...]:
    """Every hostile document, in the order of the classes."""
    return tuple(
        Hostile(name, flaw, kind) for name, rows in classes().items() for flaw in rows for kind in flaw.kinds
    )
