"""What was seen at one look: facts without judgement, and the troubles of seeing.

Whatever could not be read is None, and a `Trouble` says why: a broken database leaves the shelf to be
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from feedsrv.publishing.records import AuditEntry, Head, Intent
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be read at all."""

    what: str
    """`database`, `keys` or `shelf`."""
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Spans:
    """What the settings say of time."""

    feed_lifetime: timedelta
    keeper_interval: timedelta


@dataclass(frozen=True, slots=True)
class TrustSeen:
    """The certificates and lists in force; no key."""

    chains: Mapping[Kind, tuple[x509.Certificate, ...]]
    """Of each signer in use: its certificate, then its issuers, without the root."""
    policy: TrustPolicy
    files: Mapping[str, bytes]
    """What is published below `v1/trust/`, by path on the shelf."""
    time_stamping: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """What the database says."""

    heads: tuple[Head, ...]
    newest_act: AuditEntry | None
    begun: Intent | None
    """A publication that is under way, or was cut short."""
    clock_was_ahead: bool = False
    """True where somebody said so once: feeds signed before may bear a date that is still to come."""
    unlisted: tuple[str, ...] = ()
    """CAs, such as `root CA 3fa90c51`, that took something back which no revocation list in force says."""


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file on the shelf beside the digest that it should have; `found` is None where it is not there."""

    path: str
    wanted: str
    found: str | None

    @property
    def is_right(self) -> bool:
        """True where it is there, byte for byte."""
        return self.wanted == self.found


@dataclass(frozen=True, slots=True)
class CurrentSeen:
    """A feed as the database knows it, and its two files on the shelf."""

    name: str
    version: int
    current: FileSeen
    kept: FileSeen
    """The file of that version, which never changes."""


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """A document on the shelf that an agent would refuse."""

    path: str
    code: str
    sentence: str
    is_active: bool
    """False for a superseded or withdrawn mitigation."""
    is_about_trust: bool
    """True where the document is as it was published, and the policy in force does not believe its signer:
    an anchor, an organisation or a usage has changed since."""
    is_feed: bool = False
    """A feed is signed anew as it is; a mitigation needs a new revision."""


@dataclass(frozen=True, slots=True)
class ShelfSeen:
    """What lies on the shelf."""

    heads: tuple[Head, ...]
    """The current feeds: by the database, or by the shelf itself where that cannot be read."""
    currents: tuple[CurrentSeen, ...]
    mitigations: int
    """How many are listed."""
    astray: tuple[FileSeen, ...]
    """Listed mitigations that are not there as they were published."""
    other_files: tuple[str, ...]
    """Paths of trust files that are not there as they should be."""
    opened: int
    """How many documents were opened."""
    refused: tuple[RefusedDocument, ...]


@dataclass(frozen=True, slots=True)
class PublicFeed:
    """What came of fetching one feed from the public URL."""

    name: str
    version: int | None = None
    documents: int = 0
    """How many were fetched and opened for it."""
    failed_step: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class PublicSeen:
    """What an agent meets at the public URL."""

    url: str
    feeds: tuple[PublicFeed, ...] = ()
    failed_step: str | None = None
    """Where not even the files of trust could be had."""
    why: str = ""
    certificate: x509.Certificate | None = None
    """Of its TLS; None for plain HTTP, or where it could not be had."""


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """What another machine's clock said, or why it said nothing."""

    source: str
    ahead: timedelta | None
    """By how much our clock is ahead of it."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that one look saw."""

    at: datetime
    spans: Spans
    trust: TrustSeen | None = None
    store: StoreSeen | None = None
    shelf: ShelfSeen | None = None
    public: PublicSeen | None = None
    """None where no public URL is set, or nobody asked for the network."""
    clocks: tuple[ClockSeen, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    network: bool = True
    """False for a look that asks nobody else."""
