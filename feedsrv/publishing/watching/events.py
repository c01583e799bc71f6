"""Server events, numbers 2000 to 2999: each check is a condition, and so are publishing and the keeper.

A condition is open while its check is not in order. While it is critical, a second one is open beside it,
so that whoever is to be woken can tell the two apart by number.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from feedsrv.observability.events import Condition
from feedsrv.publishing.watching.checks import CHECKS
from feedsrv.publishing.watching.results import Grade, Result

PUBLISHING_FAILS: Final = "publication.failing"
KEEPER_FAILS: Final = "keeper.failing"
CRITICAL: Final = ".critical"
"""What the name of a condition ends with while its check is critical."""


def _conditions() -> Iterator[Condition]:
    for check in CHECKS:
        yield Condition(
            check.name, check.number, logging.WARNING, check.summary, check.cause, check.resolution
        )
        yield Condition(
            check.name + CRITICAL,
            check.number + 2,
            logging.ERROR,
            f"critical: {check.summary}",
            check.cause,
            check.resolution,
        )
    yield Condition(
        PUBLISHING_FAILS,
        2900,
        logging.ERROR,
        "the keeper was refused when it was to sign feeds anew",
        "The code says which: a key that is away, a certificate that has ended, a disk that is full, a check "
        "that is critical.",
        "Do what the code says: refusals.md has them all. The keeper tries again at its next look.",
    )
    yield Condition(
        KEEPER_FAILS,
        2910,
        logging.ERROR,
        "the keeper met what nobody foresaw",
        "A fault in this program, or a machine that fails in an unusual way; the log has a traceback.",
        "Report the traceback; `feedsrv feed refresh` by hand keeps feeds fresh meanwhile.",
    )


TABLE: Final = tuple(_conditions())


def found_by(results: Iterable[Result]) -> dict[tuple[str, str], str]:
    """What is the case by these results, for `Conditions.tell`."""
    found = {}
    for one in results:
        if one.grade is not Grade.OK:
            found[one.check, one.subject] = one.sentence
        if one.grade is Grade.CRITICAL:
            found[one.check + CRITICAL, one.subject] = one.sentence
    return found


def names_of(checks: Iterable[str]) -> tuple[str, ...]:
    """The conditions that these checks judge."""
    return tuple(name for check in checks for name in (check, check + CRITICAL))
