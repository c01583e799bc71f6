"""A store, a shelf and a lock that live in memory: for tests, and for trying things out.

They are held to the same contract as the real ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from threading import Lock, RLock

from feedsrv.model.build import Build
from feedsrv.model.catalogue import Product
from feedsrv.publishing.records import (
    AuditEntry,
    Head,
    Intent,
    IntentState,
    Update,
    Version,
    VersionState,
)
from feedsrv.publishing.refusals import AlreadyShelvedError, PublishInProgressError
from feedsrv.stores.memory_desk import (
    MemoryAnswers,
    MemoryDeliveries,
    MemoryNotices,
    MemoryPeople,
    MemorySignIns,
    MemoryTokens,
    MemoryWebhooks,
)
from feedsrv.stores.memory_revisions import MemoryRevisions
from feedsrv.stores.memory_trust import (
    MemoryAnnouncements,
    MemoryKeyRegister,
    MemoryKnownPolicies,
    MemoryOpenConditions,
    MemoryRevocations,
    MemoryStamps,
)
from feedsrv.stores.paths import checked_path


class MemoryStore:
    """A `Store` that forgets with its process."""

    def __init__(self) -> None:
        self._kept = MemoryWork()
        self._writing = RLock()

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """A copy that takes the place of what was kept when the block ends without error."""
        with self._writing:
            work = self._kept.copied()
            yield work
            self._kept = work

    @contextmanager
    def look(self) -> Iterator[MemoryWork]:
        """A copy that is thrown away."""
        yield self._kept.copied()


@dataclass
class MemoryProducts:
    """The products of the catalogue."""

    kept: dict[str, Product] = field(default_factory=dict)

    def all(self) -> tuple[Product, ...]:
        """Every product, in order of id."""
        return tuple(self.kept[key] for key in sorted(self.kept))

    def replace(self, products: Iterable[Product]) -> None:
        """Keep these products and no others."""
        self.kept = {one.id: one for one in products}


@dataclass
class MemoryUpdates:
    """Cumulative updates, by product and build."""

    kept: dict[tuple[str, Build], Update] = field(default_factory=dict)

    def get(self, product: str, build: Build) -> Update | None:
        """That update, or None."""
        return self.kept.get((product, build))

    def all(self) -> tuple[Update, ...]:
        """Every update, in order of product and build."""
        return tuple(self.kept[key] for key in sorted(self.kept))

    def save(self, update: Update) -> None:
        """Keep an update; one of the same product and build is replaced."""
        self.kept[update.key] = update

    def remove(self, product: str, build: Build) -> None:
        """Forget an update that was never released."""
        self.kept.pop((product, build), None)


@dataclass
class MemoryFeeds:
    """Which feeds are current, and which version numbers are taken."""

    current: dict[tuple[str, str], Head] = field(default_factory=dict)
    numbers: dict[tuple[str, str, int], Version] = field(default_factory=dict)

    def head(self, product: str, channel: str) -> Head | None:
        """The current version, or None before the first."""
        return self.current.get((product, channel))

    def heads(self) -> tuple[Head, ...]:
        """Every current feed, in order of product and channel."""
        return tuple(self.current[key] for key in sorted(self.current))

    def versions(self, product: str, channel: str) -> tuple[Version, ...]:
        """The history of one feed, oldest first."""
        return tuple(self.numbers[key] for key in sorted(self.numbers) if key[:2] == (product, channel))

    def page(self, product: str, channel: str, *, before: int | None, limit: int) -> tuple[Version, ...]:
        """That many versions of one feed, newest first."""
        found = [
            one for one in self.versions(product, channel)[::-1] if before is None or one.number < before
        ]
        return tuple(found[:limit])

    def version(self, product: str, channel: str, number: int) -> Version | None:
        """One version, or None."""
        return self.numbers.get((product, channel, number))

    def last_number(self, product: str, channel: str) -> int:
        """The highest version number that was published or burnt."""
        return max((one.number for one in self.versions(product, channel)), default=0)

    def move(self, head: Head, *, at: datetime) -> None:
        """Make this version current, and add it to the history."""
        feed = head.feed
        self.current[feed.product, feed.channel] = head
        self._remember(
            Version(feed.product, feed.channel, feed.version, VersionState.PUBLISHED, at, head.digest)
        )

    def burn(self, product: str, channel: str, number: int, *, at: datetime) -> None:
        """Never use this version number again."""
        self._remember(Version(product, channel, number, VersionState.BURNT, at, None))

    def _remember(self, version: Version) -> None:
        self.numbers[version.product, version.channel, version.number] = version


@dataclass
class MemoryIntents:
    """Publications that were begun."""

    kept: dict[int, Intent] = field(default_factory=dict)

    def begin(self, intent: Intent) -> Intent:
        """Keep a new intention; returns it with the number it was given."""
        numbered = replace(intent, number=max(self.kept, default=0) + 1)
        self.kept[numbered.number] = numbered
        return numbered

    def open(self) -> Intent | None:
        """The intention that was neither carried out nor abandoned, or None."""
        return next((one for one in self.kept.values() if one.state is IntentState.OPEN), None)

    def save(self, intent: Intent) -> None:
        """Keep what became of an intention."""
        self.kept[intent.number] = intent


@dataclass
class MemoryAuditLog:
    """Entries in order."""

    kept: list[AuditEntry] = field(default_factory=list)

    def append(self, entry: AuditEntry) -> None:
        """Keep one more entry."""
        self.kept.append(entry)

    def last(self) -> AuditEntry | None:
        """The newest entry, or None."""
        return self.kept[-1] if self.kept else None

    def entries(self, *, newest: int | None = None) -> tuple[AuditEntry, ...]:
        """Every entry in order, or only that many of the newest."""
        return tuple(self.kept if newest is None else self.kept[max(len(self.kept) - newest, 0) :])

    def page(
        self,
        *,
        before: int | None,
        limit: int,
        actor: str | None = None,
        verb: str | None = None,
        subject: str | None = None,
    ) -> tuple[AuditEntry, ...]:
        """That many entries, newest first."""
        found = (
            one
            for one in reversed(self.kept)
            if (before is None or one.seq < before)
            and actor in {None, one.actor}
            and verb in {None, one.verb}
            and (subject is None or one.subject == subject or one.subject.startswith(f"{subject} "))
        )
        return tuple(islice(found, limit))

    def at(self, moments: Collection[datetime]) -> tuple[AuditEntry, ...]:
        """Everything that was done at these very moments, in order."""
        return tuple(one for one in self.kept if one.at in moments)


@dataclass
class MemoryWork:
    """Everything that is kept; its records are frozen, so copies of the collections are enough."""

    revisions: MemoryRevisions = field(default_factory=MemoryRevisions)
    products: MemoryProducts = field(default_factory=MemoryProducts)
    updates: MemoryUpdates = field(default_factory=MemoryUpdates)
    feeds: MemoryFeeds = field(default_factory=MemoryFeeds)
    intents: MemoryIntents = field(default_factory=MemoryIntents)
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)
    keys: MemoryKeyRegister = field(default_factory=MemoryKeyRegister)
    revocations: MemoryRevocations = field(default_factory=MemoryRevocations)
    announcements: MemoryAnnouncements = field(default_factory=MemoryAnnouncements)
    policies: MemoryKnownPolicies = field(default_factory=MemoryKnownPolicies)
    stamps: MemoryStamps = field(default_factory=MemoryStamps)
    conditions: MemoryOpenConditions = field(default_factory=MemoryOpenConditions)
    people: MemoryPeople = field(default_factory=MemoryPeople)
    sign_ins: MemorySignIns = field(default_factory=MemorySignIns)
    tokens: MemoryTokens = field(default_factory=MemoryTokens)
    answers: MemoryAnswers = field(default_factory=MemoryAnswers)
    notices: MemoryNotices = field(default_factory=MemoryNotices)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    deliveries: MemoryDeliveries = field(init=False)

    def __post_init__(self) -> None:
        self.deliveries = MemoryDeliveries(self.notices)

    def copied(self) -> MemoryWork:
        """The same, to be changed on its own."""
        work = MemoryWork(
            MemoryRevisions(copy(self.revisions.kept)),
            MemoryProducts(copy(self.products.kept)),
            MemoryUpdates(copy(self.updates.kept)),
            MemoryFeeds(copy(self.feeds.current), copy(self.feeds.numbers)),
            MemoryIntents(copy(self.intents.kept)),
            MemoryAuditLog(copy(self.audit.kept)),
            MemoryKeyRegister(copy(self.keys.kept)),
            MemoryRevocations(copy(self.revocations.kept), copy(self.revocations.newest)),
            MemoryAnnouncements(copy(self.announcements.kept)),
            MemoryKnownPolicies(copy(self.policies.kept)),
            MemoryStamps(copy(self.stamps.kept)),
            MemoryOpenConditions(self.conditions.kept),
            MemoryPeople(copy(self.people.kept)),
            MemorySignIns(copy(self.sign_ins.kept)),
            MemoryTokens(copy(self.tokens.kept)),
            MemoryAnswers(copy(self.answers.kept)),
            MemoryNotices(copy(self.notices.kept)),
            MemoryWebhooks(copy(self.webhooks.kept)),
        )
        work.deliveries.kept = copy(self.deliveries.kept)
        return work


class MemoryShelf:
    """A `Shelf` that forgets with its process."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._writing = Lock()

    def put(self, path: str, data: bytes, *, at: datetime) -> None:  # noqa: ARG002 -- memory has no file times
        """Store what never changes; the same bytes again change nothing."""
        with self._writing:
            if self.files.setdefault(checked_path(path), data) != data:
                raise AlreadyShelvedError(path)

    def replace(self, files: Mapping[str, bytes], *, at: datetime) -> None:  # noqa: ARG002 -- as above
        """Store what may change, all at once."""
        with self._writing:
            self.files.update({checked_path(path): data for path, data in files.items()})

    def get(self, path: str) -> bytes | None:
        """The bytes at that path, or None."""
        return self.files.get(checked_path(path))

    def sweep(self) -> None:
        """Nothing is ever half done here."""


class MemoryLock:
    """A `PublishLock` for one process."""

    def __init__(self) -> None:
        self._held = Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock."""
        if not self._held.acquire(blocking=False):
            raise PublishInProgressError
        try:
            yield
        finally:
            self._held.release()
