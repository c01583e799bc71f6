"""What publishing has kept for it: revisions on their way, feeds, updates, intentions, the audit log.

Frozen records, nothing else. Whoever changes one makes a new one and saves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.feed import Feed
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Mitigation


@dataclass(frozen=True, slots=True)
class Published:
    """The signed bytes of a revision, as they lie on the shelf."""

    digest: str
    size: int
    """In bytes."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """Why a revision was handed back to its authors; void once it is submitted again."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """An approval by one person alone, in an emergency; somebody else must countersign it in time."""

    by: str
    at: datetime
    incident: str
    """The incident's reference, as the team's own system names it."""
    reason: str
    until: datetime
    """When the revision is withdrawn by itself unless it was countersigned."""
    countersigned_by: str | None = None
    countersigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a mitigation, and how far it has come."""

    mitigation: Mitigation
    stage: Stage
    unsigned: bytes
    """The very bytes that are reviewed, and signed without another change."""
    authoring: bytes
    """The same as its authors see it: with samples and notes."""
    source: str
    """Where the words came from, such as a file's name."""
    source_digest: str
    """Digest of the bytes that were imported, by which an unchanged file is known again."""
    digest: str
    """Digest of `unsigned`; an approval names it."""
    author: str
    hands: frozenset[str]
    """Everybody who edited or submitted this revision; none of them may approve it."""
    approved_by: str | None = None
    approved_digest: str | None = None
    shelved: bool = False
    """True once its signed bytes reached the shelf, published or not: its words are fixed from there on."""
    published: Published | None = None
    returned: Returned | None = None
    break_glass: BreakGlass | None = None

    @property
    def id(self) -> str:
        """The mitigation's id."""
        return self.mitigation.id

    @property
    def number(self) -> int:
        """Counts from 1."""
        return self.mitigation.revision

    @property
    def is_open(self) -> bool:
        """True while it is neither published nor discarded."""
        return self.stage in {Stage.DRAFT, Stage.IN_REVIEW, Stage.APPROVED}

    def __str__(self) -> str:
        return str(self.mitigation)


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest published revision of one mitigation: its words, and how agents know its bytes."""

    mitigation: Mitigation
    published: Published


@dataclass(frozen=True, slots=True)
class Head:
    """A feed that is current, and the digest and size of its signed bytes."""

    feed: Feed
    digest: str
    size: int
    """In bytes."""

    @property
    def name(self) -> str:
        """For people, such as `exchange-2019/production`."""
        return f"{self.feed.product}/{self.feed.channel}"


class VersionState(StrEnum):
    """What became of a feed's version number."""

    PUBLISHED = "published"
    BURNT = "burnt"
    """It reached the shelf in a publication that was cut short; the number is never used again."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version in a feed's history."""

    product: str
    channel: str
    number: int
    state: VersionState
    at: datetime
    digest: str | None


@dataclass(frozen=True, slots=True)
class Update:
    """A cumulative update, and whether the next publication is to release it."""

    update: CumulativeUpdate
    releasing_by: str | None = None
    """Who asked for its release; None while nobody has, and after it was released."""

    @property
    def key(self) -> tuple[str, Build]:
        """Product and build."""
        return self.update.product, self.update.build


@dataclass(frozen=True, slots=True)
class IntendedRevision:
    """A revision that a publication means to put on the shelf."""

    id: str
    number: int
    digest: str
    """Of its unsigned bytes."""


@dataclass(frozen=True, slots=True)
class IntendedFeed:
    """A feed version that a publication means to put on the shelf and make current."""

    product: str
    channel: str
    version: int
    issued: datetime
    expires: datetime
    previous: str | None
    listing: str
    """Digest of id, revision and state of every entry, and of what is announced.

    Sizes and digests are known only once signed.
    """


class IntentState(StrEnum):
    """What became of a publication."""

    OPEN = "open"
    DONE = "done"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Intent:
    """What one publication means to do, written down before anything is signed."""

    number: int
    begun: datetime
    by: str
    state: IntentState
    revisions: tuple[IntendedRevision, ...] = ()
    feeds: tuple[IntendedFeed, ...] = ()
    updates: tuple[tuple[str, Build], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act, chained to the one before by its hash."""

    seq: int
    """Counts from 1, without gaps."""
    at: datetime
    actor: str
    verb: str
    subject: str
    previous: str
    """Hash of the entry before; of 64 zeros for the first."""
    hash: str
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", MappingProxyType(dict(self.detail)))
