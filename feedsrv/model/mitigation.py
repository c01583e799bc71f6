"""A mitigation: what to do, on which builds, until when, and what it breaks.

`Mitigation` is one published revision, word for word. `Draft` adds what only its authors see;
nothing of that part ever reaches the published bytes, since samples would teach attackers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import Final

from feedsrv.errors import BadInputError
from feedsrv.model.action import Action, DoNothing
from feedsrv.model.build import Build, BuildRange

HEARTBEAT: Final = "PING1"
PRODUCTION: Final = "production"
MITIGATION_ID: Final = re.compile(r"M[0-9]{4}|PING1")
ACTION_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
CHANNEL: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
VULNERABILITY: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,10}|(?!CVE-)[A-Z][A-Z0-9]{1,15}-[A-Za-z0-9.-]{1,40}")


class BadMitigationError(BadInputError):
    """A mitigation contradicts itself or its grammar."""

    code = "mitigation.contradiction"


class Severity(StrEnum):
    """How bad it is to be without the mitigation."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Status(StrEnum):
    """An active revision is applied where it fits; a withdrawn one is rolled back everywhere."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Affects:
    """The affected builds of one product."""

    product: str
    ranges: tuple[BuildRange, ...]

    def __post_init__(self) -> None:
        if not self.ranges:
            raise BadMitigationError(f"product {self.product}: name at least one range of builds")
        for before, after in pairwise(sorted(self.ranges, key=attrgetter("introduced"))):
            if before.fixed is None or after.introduced < before.fixed:
                raise BadMitigationError(f"product {self.product}: the ranges {before} and {after} overlap")

    def holds(self, build: Build) -> bool:
        """True where a server that runs this build is affected."""
        return any(one.holds(build) for one in self.ranges)


@dataclass(frozen=True, slots=True)
class Mitigation:
    """One revision of a mitigation, exactly what is signed and published."""

    id: str
    revision: int
    issued: datetime
    severity: Severity
    title: str
    description: str
    review_by: date
    affects: tuple[Affects, ...]
    actions: tuple[Action, ...]
    status: Status = Status.ACTIVE
    channel: str = PRODUCTION
    """Signed too, so that whoever holds the feed key cannot send an exercise to production."""
    vulnerabilities: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    change: str | None = None
    """What this revision changed, in a sentence; required from revision 2 on."""
    no_fix_yet: str | None = None
    """Why a range has no `fixed`, in words."""
    known_issues: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(MITIGATION_ID.fullmatch(self.id), f"id {self.id!r} must be M and four digits, or PING1")
        _require(CHANNEL.fullmatch(self.channel), f"channel {self.channel!r} must be a lower-case word")
        _require(self.revision >= 1, f"revision {self.revision} must be 1 or more")
        _require(self.revision == 1 or self.change, "from revision 2 on, Change must say what changed")
        _require(self.affects, "name at least one affected product")
        _require(self.actions, "name at least one action")
        _require_unique("product", [one.product for one in self.affects])
        _require_unique("action id", [one.id for one in self.actions])
        _require_unique("superseded id", list(self.supersedes))
        _require(self.id not in self.supersedes, f"{self.id} cannot supersede itself")
        for action in self.actions:
            _require(
                ACTION_ID.fullmatch(action.id), f"action id {action.id!r}: a letter, then letters, digits, -"
            )
        for old in self.supersedes:
            _require(
                MITIGATION_ID.fullmatch(old), f"superseded id {old!r} must be M and four digits, or PING1"
            )
        for vulnerability in self.vulnerabilities:
            _require(VULNERABILITY.fullmatch(vulnerability), f"{vulnerability!r} is no vulnerability id")

    @property
    def is_heartbeat(self) -> bool:
        """True where every action does nothing."""
        return all(isinstance(action, DoNothing) for action in self.actions)

    @property
    def products(self) -> tuple[str, ...]:
        """Ids of the affected products, as written."""
        return tuple(one.product for one in self.affects)

    def affects_build(self, product: str, build: Build) -> bool:
        """True where a server of that product and build is affected."""
        return any(one.product == product and one.holds(build) for one in self.affects)

    def ranges(self) -> Iterator[tuple[str, BuildRange]]:
        """Every range with its product's id."""
        for one in self.affects:
            for build_range in one.ranges:
                yield one.product, build_range

    @property
    def has_open_range(self) -> bool:
        """True where a range has no fix yet."""
        return any(build_range.fixed is None for _, build_range in self.ranges())

    def __str__(self) -> str:
        return f"{self.id} revision {self.revision}"


@dataclass(frozen=True, slots=True)
class RequestSample:
    """One exchange with the server, to try a rule on.

    `headers` and `response_headers` hold names as written on the wire, such as `User-Agent`.
    """

    name: str
    url: str
    """Path and query as sent, such as `/owa/?layout=light`."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()
    action: str | None = None
    """Id of the one rule that must block it; None where any rule of the mitigation may."""
    expect: tuple[tuple[str, str], ...] = ()
    """For an outbound rule: response headers that must come out."""
    known_issue: str | None = None
    """For a legitimate request that a rule blocks: the known issue that says so, in the same words."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Requests that the rules must act on ("block"), and requests that they must leave alone ("pass")."""

    must_block: tuple[RequestSample, ...] = ()
    must_pass: tuple[RequestSample, ...] = ()
    may_block: tuple[RequestSample, ...] = ()
    """Legitimate requests that the rules block all the same; each names the known issue that says so."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mitigation as its authors see it: the words to publish, and what stays in the house."""

    mitigation: Mitigation
    samples: Samples = Samples()
    notes: tuple[str, ...] = ()


def review_span(mitigation: Mitigation) -> timedelta:
    """How long a revision runs before a person looks again."""
    return mitigation.review_by - mitigation.issued.date()


def rule_name(publisher: str, mitigation_id: str, action_id: str, name: str) -> str:
    """The full name of a URL rewrite rule on a server; what is ours is recognised by it.

    >>> rule_name("feedsrv", "M0001", "A1", "PowerShell - inbound")
    'feedsrv M0001.A1 PowerShell - inbound'
    """
    return f"{publisher} {mitigation_id}.{action_id} {name}"


def _require(holds: object, sentence: str) -> None:
    if not holds:
        raise BadMitigationError(sentence)


def _require_unique(what: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise BadMitigationError(f"{what} {', '.join(twice)} is named more than once")
