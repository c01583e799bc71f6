"""What a look comes to: one result for each thing that was judged, and the worst of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from feedsrv.errors import OperatorError
from feedsrv.trust.profile import Kind

BOTH: Final = frozenset(Kind)
NEITHER: Final[frozenset[Kind]] = frozenset()


class Grade(IntEnum):
    """How bad it is; the numbers are the exit codes of `feedsrv doctor`."""

    OK = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """As people and programs read it.

        >>> Grade.WARNING.word
        'warning'
        """
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Result:
    """What one check says of one thing."""

    check: str
    """Stable, such as `certificate.ends`."""
    subject: str
    """What it is about, such as `feed signer 3fa90c51` or `exchange-2019/production`; empty where there is
    only one such thing."""
    grade: Grade
    sentence: str
    """Names the thing, what it is and what it should be."""
    remedy: str = ""
    """What to do; empty where there is nothing to do."""
    value: float | None = None
    """For metrics; its unit is told with the check."""
    stops: frozenset[Kind] = NEITHER
    """Documents that must not be published now: they would be believed by nobody, or bear a false date."""

    @property
    def stops_publishing(self) -> bool:
        """True where it keeps something from being published."""
        return bool(self.stops)


class NotHealthyError(OperatorError):
    """What is published now would not be believed, or not for long; nothing was published."""

    code = "publish.not_healthy"

    def __init__(self, findings: Iterable[Result]) -> None:
        self.findings = tuple(findings)
        listed = "\n".join(f"  {one.check}: {one.sentence}. {one.remedy}." for one in self.findings)
        super().__init__(f"nothing was published; `feedsrv doctor` says the same:\n{listed}")


def worst(results: Iterable[Result]) -> Grade:
    """The worst grade; all is well where nothing was judged."""
    return max((one.grade for one in results), default=Grade.OK)


def stops(results: Iterable[Result], signing: frozenset[Kind] = BOTH) -> tuple[Result, ...]:
    """Those that stop a publication for which these kinds of document are signed."""
    return tuple(one for one in results if one.stops & signing)


def in_order(results: Iterable[Result]) -> tuple[Result, ...]:
    """The worst first; then by check and subject."""
    return tuple(sorted(results, key=lambda one: (-one.grade, one.check, one.subject)))
