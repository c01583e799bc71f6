"""What the agent remembers between syncs: whom it trusts so far, and what it has changed here.

Words only; `state_file` keeps them. Losing this state would lose the protection against replayed
feeds and the way back of every change, so nothing here has a default that could stand in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from feedsrv.agent.ports import Target, Undo
from feedsrv.agent.steps import step_of
from feedsrv.errors import FeedsrvError
from feedsrv.model.action import Action, AppPool, DoNothing, Service, UrlRewrite
from feedsrv.model.build import Build

FEED: Final = "feed"
LISTS: Final = "revocation lists"
SETTINGS: Final = "settings"
SERVER: Final = "server"
BUILD: Final = "build"
POOL: Final = "pool"
FILES: Final = "files"
"""What a problem may be about, beside a mitigation."""


class Status(StrEnum):
    """How one mitigation stands on this server, in the words of `feedsrv-agent list`."""

    APPLIED = "applied"
    PENDING = "pending"
    """It should be applied or rolled back, but only checking is switched on."""
    FAILED = "failed"
    CONFLICT = "conflict"
    DISABLED = "disabled"
    BLOCKED = "blocked"
    SUPERSEDED = "superseded"
    NOT_NEEDED = "not needed"
    WITHDRAWN = "withdrawn"
    WAITING = "waiting"
    """Its rollout has not reached this server."""
    REFUSED = "refused"
    """Its document is not trusted, or could not be had."""
    STALE = "stale"
    """It fits, but the feed that offers it has expired."""
    UNKNOWN_BUILD = "unknown build"


@dataclass(frozen=True, slots=True)
class Standing:
    """One line for people: how one mitigation stands here, and why."""

    id: str
    revision: int | None
    status: Status
    detail: str
    title: str = ""
    in_place: bool = False
    """True where changes of it are recorded on this server, whatever its status."""
    places: tuple[str, ...] = ()
    """What was found of each action, and where."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was made here, and the way back from it."""

    action: Action
    rule_name: str
    undo: Undo
    """What was there before the first apply; a later apply never replaces it."""
    order: int
    """Counts up over the life of this server; rolling back goes down."""

    @property
    def slot(self) -> str:
        """The spot on the server that this change occupies."""
        return slot_of(self.action, self.rule_name)


@dataclass(frozen=True, slots=True)
class Applied:
    """A mitigation revision whose changes are in place, or begun."""

    id: str
    revision: int
    since: datetime
    changes: tuple[Change, ...]
    complete: bool
    """False where some action of the revision is not in place yet."""

    def target(self, change: Change) -> Target:
        """The change as adapters need it."""
        return Target(self.id, self.revision, change.action, change.rule_name, ours=True)

    @property
    def order(self) -> int:
        """The latest order among its changes."""
        return max((change.order for change in self.changes), default=0)


@dataclass(frozen=True, slots=True)
class FeedMemory:
    """The newest feed that was trusted for one product and channel."""

    version: int
    digest: str
    policy: str
    """On what ground it was trusted, see `grounds`; without that ground it is judged again."""
    etag: str | None
    """Sent back to skip an unchanged feed; None until everything the feed names is held."""
    origin: str
    """The server that gave the ETag."""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest revision of one mitigation that was ever trusted here."""

    revision: int
    digest: str
    policy: str
    """On what ground it was trusted, see `grounds`; without that ground it is judged again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong, as it is told to the administrator."""

    code: str
    message: str
    about: str = ""
    """A mitigation's id, or one of the words below; empty where it is about none of them."""
    step: str = ""
    """Of the path to a trusted mitigation, where it ended there; such as `TLS` or `chain`."""

    @classmethod
    def of(cls, error: FeedsrvError, about: str = "", *, hint: str = "") -> Problem:
        """The problem behind a refusal; a hint is one more sentence of what can be done."""
        return cls(error.code, f"{error}{hint}", about, step_of(error))

    def __str__(self) -> str:
        return f"error [{self.code}]: {self.message}"


@dataclass(frozen=True, slots=True)
class LastSync:
    """How the latest sync went."""

    at: datetime
    problems: tuple[Problem, ...]
    feed_version: int | None
    is_stale: bool
    succeeded: datetime | None
    """When a sync last had no problem."""


@dataclass(frozen=True, slots=True)
class AgentState:
    """Everything the agent must not forget."""

    device_id: str
    applied: Mapping[str, Applied] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    feeds: Mapping[str, FeedMemory] = field(default_factory=dict)
    """By `product/channel`."""
    known: Mapping[str, Known] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    last_sync: LastSync | None = None
    build: Build | None = None
    """The build that the latest sync saw."""
    next_order: int = 1

    def with_applied(self, one: Applied) -> AgentState:
        """The same, with this mitigation's changes in place of what was recorded for it."""
        highest = max(self.next_order, one.order + 1)
        return replace(self, applied={**self.applied, one.id: one}, next_order=highest)

    def without_applied(self, mitigation_id: str) -> AgentState:
        """The same, with nothing of this mitigation in place."""
        left = {id_: one for id_, one in self.applied.items() if id_ != mitigation_id}
        return replace(self, applied=left)

    def with_known(self, mitigation_id: str, known: Known) -> AgentState:
        """The same, trusting this revision of a mitigation."""
        return replace(self, known={**self.known, mitigation_id: known})

    def with_feed(self, key: str, memory: FeedMemory) -> AgentState:
        """The same, trusting this feed."""
        return replace(self, feeds={**self.feeds, key: memory})

    def holder(self, slot: str, *, other_than: str) -> tuple[Applied, Change] | None:
        """Another applied mitigation whose change occupies the same spot, such as one application pool."""
        for one in self.applied.values():
            for change in one.changes:
                if one.id != other_than and change.slot == slot:
                    return one, change
        return None


def slot_of(action: Action, rule_name: str) -> str:
    """Name the spot on the server that an action occupies; two actions in one spot are one change.

    Windows does not mind the case of any of these names.
    """
    match action:
        case UrlRewrite(place=place, direction=direction):
            spot = f"{direction} rule {rule_name} on {place}"
        case AppPool(pool=pool):
            spot = f"application pool {pool}"
        case Service(service=service):
            spot = f"service {service}"
        case DoNothing():
            spot = f"nothing {rule_name}"
        case _:
            assert_never(action)
    return spot.casefold()


def feed_key(product: str, channel: str) -> str:
    """How the memory of a feed is filed."""
    return f"{product}/{channel}"
