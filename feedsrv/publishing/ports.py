"""What publishing needs of others: a store, a shelf, a lock and somebody who makes pages.

`feedsrv.stores` holds the back ends. Each port is asked the same questions in `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, Product
from feedsrv.publishing.desk_ports import (
    Answers,
    Deliveries,
    Notices,
    People,
    SignIns,
    Tokens,
    Webhooks,
)
from feedsrv.publishing.records import AuditEntry, Head, Intent, Standing, Update, Version
from feedsrv.publishing.revision_ports import Revisions
from feedsrv.publishing.trust_records import (
    AnnouncedCertificate,
    KeyRecord,
    KnownPolicy,
    OpenCondition,
    Revocation,
    RevocationList,
    Stamp,
)


class Products(Protocol):
    """The products of the catalogue; its updates are kept apart, since they have a life of their own."""

    def all(self) -> tuple[Product, ...]:
        """Every product, in order of id."""

    def replace(self, products: Iterable[Product]) -> None:
        """Keep these products and no others."""


class Updates(Protocol):
    """Cumulative updates, by product and build."""

    def get(self, product: str, build: Build) -> Update | None:
        """That update, or None."""

    def all(self) -> tuple[Update, ...]:
        """Every update, in order of product and build."""

    def save(self, update: Update) -> None:
        """Keep an update; one of the same product and build is replaced."""

    def remove(self, product: str, build: Build) -> None:
        """Forget an update that was never released."""


class Feeds(Protocol):
    """Which feeds are current, and which version numbers are taken."""

    def head(self, product: str, channel: str) -> Head | None:
        """The current version, or None before the first."""

    def heads(self) -> tuple[Head, ...]:
        """Every current feed, in order of product and channel."""

    def versions(self, product: str, channel: str) -> tuple[Version, ...]:
        """The history of one feed, oldest first."""

    def page(self, product: str, channel: str, *, before: int | None, limit: int) -> tuple[Version, ...]:
        """That many versions of one feed, newest first; of those with a lower number than `before`."""

    def version(self, product: str, channel: str, number: int) -> Version | None:
        """One version, or None."""

    def last_number(self, product: str, channel: str) -> int:
        """The highest version number that was published or burnt; 0 before the first."""

    def move(self, head: Head, *, at: datetime) -> None:
        """Make this version current, and add it to the history."""

    def burn(self, product: str, channel: str, number: int, *, at: datetime) -> None:
        """Never use this version number again."""


class Intents(Protocol):
    """Publications that were begun."""

    def begin(self, intent: Intent) -> Intent:
        """Keep a new intention; returns it with the number it was given."""

    def open(self) -> Intent | None:
        """The intention that was neither carried out nor abandoned, or None."""

    def save(self, intent: Intent) -> None:
        """Keep what became of an intention."""


class AuditLog(Protocol):
    """Entries in order; none is ever changed or removed."""

    def append(self, entry: AuditEntry) -> None:
        """Keep one more entry."""

    def last(self) -> AuditEntry | None:
        """The newest entry, or None."""

    def entries(self, *, newest: int | None = None) -> tuple[AuditEntry, ...]:
        """Every entry in order, or only that many of the newest."""

    def page(
        self,
        *,
        before: int | None,
        limit: int,
        actor: str | None = None,
        verb: str | None = None,
        subject: str | None = None,
    ) -> tuple[AuditEntry, ...]:
        """That many entries, newest first; of those with a lower `seq` than `before`.

        `subject` is a whole one, or its first words: `M0001` finds `M0001 revision 2`.
        """

    def at(self, moments: Collection[datetime]) -> tuple[AuditEntry, ...]:
        """Everything that was done at these very moments, in order."""


class KeyRegister(Protocol):
    """Keys and certificates, by key and certificate."""

    def all(self) -> tuple[KeyRecord, ...]:
        """Every record, oldest first."""

    def save(self, record: KeyRecord) -> None:
        """Keep a record; one of the same key and certificate is replaced."""

    def remove(self, key: str, certificate: str | None) -> None:
        """Forget that record: a request that was answered."""


class Revocations(Protocol):
    """What CAs of ours took back, and the newest list of each."""

    def of(self, issuer: str) -> tuple[Revocation, ...]:
        """Everything that CA revoked, oldest first."""

    def add(self, revocation: Revocation) -> None:
        """Keep one more; the same issuer and serial number again changes nothing."""

    def restate(self, issuer: str, serial: int, *, reason: str) -> None:
        """Give another reason for a revocation that is kept; date and person stay."""

    def lists(self) -> tuple[RevocationList, ...]:
        """The newest list of each CA, in order of name."""

    def save_list(self, made: RevocationList) -> None:
        """Keep a list; that of the same issuer is replaced."""


class Announcements(Protocol):
    """Certificates that feeds announce."""

    def all(self) -> tuple[AnnouncedCertificate, ...]:
        """Every announcement, in order of its begin and fingerprint."""

    def save(self, announced: AnnouncedCertificate) -> None:
        """Keep one; that of the same fingerprint is replaced."""

    def remove(self, fingerprint: str) -> None:
        """Announce it no longer."""


class KnownPolicies(Protocol):
    """What generations of agents are known to trust."""

    def all(self) -> tuple[KnownPolicy, ...]:
        """Every policy, in order of name."""

    def save(self, policy: KnownPolicy) -> None:
        """Keep one; that of the same name is replaced."""

    def remove(self, name: str) -> None:
        """Forget one."""


class Stamps(Protocol):
    """Proofs of time, by digest of the published document."""

    def get(self, digest: str) -> Stamp | None:
        """The stamp of that document, or None."""

    def save(self, stamp: Stamp) -> None:
        """Keep one; the first of a document stays."""


class OpenConditions(Protocol):
    """Trouble that began and has not ended."""

    def all(self) -> tuple[OpenCondition, ...]:
        """Every one, in order of name and subject."""

    def replace(self, conditions: Iterable[OpenCondition]) -> None:
        """Keep these and no others; of two with the same name and subject, the last."""


class Work(Protocol):
    """One unit of work: everything saved in it is kept together, or not at all."""

    @property
    def revisions(self) -> Revisions:
        """Revisions of mitigations."""

    @property
    def products(self) -> Products:
        """Products of the catalogue."""

    @property
    def updates(self) -> Updates:
        """Cumulative updates."""

    @property
    def feeds(self) -> Feeds:
        """Current feeds and their history."""

    @property
    def intents(self) -> Intents:
        """Publications that were begun."""

    @property
    def audit(self) -> AuditLog:
        """The audit log."""

    @property
    def keys(self) -> KeyRegister:
        """Keys and certificates."""

    @property
    def revocations(self) -> Revocations:
        """Revoked certificates, and the lists of them."""

    @property
    def announcements(self) -> Announcements:
        """Certificates that feeds announce."""

    @property
    def policies(self) -> KnownPolicies:
        """What agents are known to trust."""

    @property
    def stamps(self) -> Stamps:
        """Proofs of time."""

    @property
    def conditions(self) -> OpenConditions:
        """Trouble that has not ended."""

    @property
    def people(self) -> People:
        """Everybody who may sign in."""

    @property
    def sign_ins(self) -> SignIns:
        """Browsers that are signed in."""

    @property
    def tokens(self) -> Tokens:
        """What programs act by."""

    @property
    def answers(self) -> Answers:
        """Answers to requests that may be sent twice."""

    @property
    def notices(self) -> Notices:
        """What people are told of."""

    @property
    def webhooks(self) -> Webhooks:
        """Addresses that notices are sent to."""

    @property
    def deliveries(self) -> Deliveries:
        """Attempts to send them."""


class Store(Protocol):
    """Keeps records, and never shows half of a unit of work."""

    def begin(self) -> AbstractContextManager[Work]:
        """A unit of work that may change things; one at a time, kept when the block ends without error."""

    def look(self) -> AbstractContextManager[Work]:
        """A view as of one moment; what is saved in it is not kept, and nobody is held up by it."""


class Shelf(Protocol):
    """Published bytes by path, such as `v1/mitigations/M0001/1.xml`.

    Raises `ShelfFullError` where there is no room: nothing of what could not be written is then visible.
    """

    def put(self, path: str, data: bytes, *, at: datetime) -> None:
        """Store what never changes; the same bytes again change nothing.

        Raises:
            AlreadyShelvedError: other bytes lie there; they stay.
        """

    def replace(self, files: Mapping[str, bytes], *, at: datetime) -> None:
        """Store what may change: all is made ready first, then each file is exchanged whole, in order."""

    def get(self, path: str) -> bytes | None:
        """The bytes at that path, or None."""

    def sweep(self) -> None:
        """Remove what a publication that was cut short had made ready and not exchanged."""


class PublishLock(Protocol):
    """Lets one publisher at a time do its work; freed when its process ends, however it ends."""

    def hold(self) -> AbstractContextManager[None]:
        """Hold the lock.

        Raises:
            PublishInProgressError: somebody else holds it.
        """


@dataclass(frozen=True, slots=True)
class PublicView:
    """All that is public after a publication, for whoever makes a page of it."""

    at: datetime
    catalogue: Catalogue
    """Registered updates are left out: they are not public yet."""
    feeds: tuple[Head, ...]
    """In order of product and channel."""
    standing: tuple[Standing, ...]
    """In order of id."""
    first_published: Mapping[str, datetime]
    """By mitigation id."""


class PageMaker(Protocol):
    """Makes the page at `/` for people."""

    def index(self, view: PublicView) -> bytes:
        """The page as HTML, UTF-8; the same view gives the same bytes."""
