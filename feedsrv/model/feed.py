"""A feed: the small, signed index that agents poll, one per product and channel."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter
from typing import Final

from feedsrv.errors import BadInputError
from feedsrv.model.catalogue import PRODUCT_ID
from feedsrv.model.mitigation import CHANNEL, MITIGATION_ID

DIGEST: Final = re.compile(r"sha256-[A-Za-z0-9_-]{43}")
ANNOUNCED_ROLES: Final = ("root", "mitigation-ca", "feed-ca")
MOST_ANNOUNCED: Final = 8
MOST_VOUCHERS: Final = 4
MOST_CERTIFICATE_BYTES: Final = 8 * 1024
"""Of one certificate, DER. One with an RSA key of 8192 bits and a signature as long has under 3 KiB."""


class BadFeedError(BadInputError):
    """A feed contradicts itself."""

    code = "feed.contradiction"


class EntryState(StrEnum):
    """What a feed says of a mitigation, for people and for sums; agents go by the mitigation itself."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest revision of one mitigation: where it lies and how to know its bytes."""

    id: str
    revision: int
    state: EntryState
    digest: str
    size: int
    """In bytes."""
    rollout: int = 100
    """Percent of the fleet, 0 to 100."""

    @property
    def href(self) -> str:
        """Relative to the folder that holds `feeds/` and `mitigations/`, that is `/v1/`."""
        return mitigation_path(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class Poll:
    """How often agents come back: every `interval`, each shifted within `jitter` by its device id."""

    interval: timedelta = timedelta(hours=1)
    jitter: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A root or an issuing CA that is going to be used; agents are told, and need not believe it.

    A voucher is a certificate for the same name and key by somebody whom agents may know already. Nobody
    has looked into these bytes yet: whoever reads the certificates must judge them.
    """

    role: str
    """One of `ANNOUNCED_ROLES`."""
    certificate: bytes
    """DER."""
    begins: datetime
    """When it is planned to be used."""
    vouchers: tuple[bytes, ...] = ()
    """DER, in order of their SHA-256."""

    def __post_init__(self) -> None:
        if self.role not in ANNOUNCED_ROLES:
            raise BadFeedError(
                f"the role {self.role!r} is not announced; those are {', '.join(ANNOUNCED_ROLES)}"
            )
        if not all(0 < len(one) <= MOST_CERTIFICATE_BYTES for one in (self.certificate, *self.vouchers)):
            raise BadFeedError(
                f"a certificate that is announced, or vouches, has 1 to {MOST_CERTIFICATE_BYTES} bytes"
            )
        if len(self.vouchers) > MOST_VOUCHERS:
            raise BadFeedError(f"{len(self.vouchers)} vouchers for {self.sha256}; at most {MOST_VOUCHERS}")
        vouching = [_sha256(voucher) for voucher in self.vouchers]
        if sorted({*vouching} - {self.sha256}) != vouching:
            raise BadFeedError(
                f"the vouchers for {self.sha256} are other certificates, each once, in order of SHA-256"
            )

    @property
    def sha256(self) -> str:
        """The certificate's fingerprint: SHA-256 as lower-case hexadecimal digits."""
        return _sha256(self.certificate)


def _sha256(data: bytes) -> str:
    return sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Feed:
    """One version of the index for one product and channel."""

    product: str
    channel: str
    version: int
    issued: datetime
    expires: datetime
    previous: str | None
    """Digest of the version before; None only for the first."""
    entries: tuple[Entry, ...]
    poll: Poll = Poll()
    announced: tuple[Announcement, ...] = ()
    """In order of their begin, then of their fingerprint; each certificate once."""

    def __post_init__(self) -> None:
        if not (PRODUCT_ID.fullmatch(self.product) and CHANNEL.fullmatch(self.channel)):
            raise BadFeedError(
                f"feed {self.product!r}/{self.channel!r}: product and channel are lower-case words"
            )
        if self.version < 1:
            raise BadFeedError(f"feed version {self.version} must be 1 or more")
        if self.expires <= self.issued:
            raise BadFeedError("a feed must expire after it was issued")
        ids = [entry.id for entry in self.entries]
        if sorted(set(ids)) != ids:
            raise BadFeedError("a feed names each mitigation once, in order of id")
        if self.announced:
            self._check_announced()

    def _check_announced(self) -> None:
        if len(self.announced) > MOST_ANNOUNCED:
            raise BadFeedError(f"a feed announces at most {MOST_ANNOUNCED} certificates")
        if len({one.sha256 for one in self.announced}) != len(self.announced):
            raise BadFeedError("a feed announces each certificate once")
        order = [(one.begins, one.sha256) for one in self.announced]
        if sorted(order) != order:
            raise BadFeedError("a feed announces certificates in order of their begin, then of SHA-256")

    def entry(self, mitigation_id: str) -> Entry | None:
        """The entry of that mitigation, or None."""
        # Entries are in order of id; whoever asks for each of a thousand must not wait for a million.
        at = bisect_left(self.entries, mitigation_id, key=attrgetter("id"))
        found = self.entries[at : at + 1]
        return found[0] if found and found[0].id == mitigation_id else None


def digest_of(document: bytes) -> str:
    """The digest by which documents name each other.

    >>> digest_of(b"")
    'sha256-47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
    """
    return "sha256-" + urlsafe_b64encode(sha256(document).digest()).decode("ascii").rstrip("=")


def mitigation_path(mitigation_id: str, revision: int) -> str:
    """Where a revision lies below `/v1/`.

    >>> mitigation_path("M0001", 2)
    'mitigations/M0001/2.xml'
    """
    if not MITIGATION_ID.fullmatch(mitigation_id):
        raise BadFeedError(f"{mitigation_id!r} is no mitigation id")
    return f"mitigations/{mitigation_id}/{revision}.xml"


def feed_path(product: str, channel: str, version: int | None = None) -> str:
    """Where a feed lies below `/v1/`: the current one, or one version for ever.

    >>> feed_path("exchange-2019", "production"), feed_path("exchange-2019", "production", 7)
    ('feeds/exchange-2019/production.xml', 'feeds/exchange-2019/production/7.xml')
    """
    stem = f"feeds/{product}/{channel}"
    return f"{stem}.xml" if version is None else f"{stem}/{version}.xml"
