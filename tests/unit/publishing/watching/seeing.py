"""What a look sees of a service where all is well, for tests that change one thing in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509

from feedsrv.model.feed import digest_of
from feedsrv.publishing.records import AuditEntry, Head
from feedsrv.publishing.watching.checks import examine
from feedsrv.publishing.watching.results import Grade, Result
from feedsrv.publishing.watching.seen import (
    ClockSeen,
    CurrentSeen,
    FileSeen,
    PublicFeed,
    PublicSeen,
    Seen,
    ShelfSeen,
    Spans,
    StoreSeen,
    TrustSeen,
)
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.pki import Pki, sample_feed

AT: Final = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
PKI: Final = Pki(at=AT)
SPANS: Final = Spans(feed_lifetime=timedelta(days=3), keeper_interval=timedelta(minutes=5))
FEED: Final = "exchange-2019/production"
URL: Final = "https://mitigations.example"
_LONG: Final = {"ends": timedelta(days=3650)}


def crls() -> tuple[x509.CertificateRevocationList, ...]:
    """Of the root and of both issuing CAs."""
    return (PKI.crl(of="root"), *(PKI.crl(kind) for kind in Kind))


def trust(**changes: Mapping[str, Any]) -> TrustSeen:
    """Chains as the profile wants them; `feed={"leaf": {"ends": ...}}` changes one of them."""
    certificates = {kind: PKI.certificates(kind, None, **changes.get(kind, {})) for kind in Kind}
    return TrustSeen(
        chains={kind: (found["leaf"], found["ca"]) for kind, found in certificates.items()},
        policy=TrustPolicy(anchors=(certificates[Kind.FEED]["root"],), crls=crls()),
        files={},
    )


def head(**changes: Any) -> Head:  # noqa: ANN401 -- passed on to Feed as they are
    """A feed issued an hour ago."""
    return Head(sample_feed(AT, **changes), digest_of(b"version 7"), 4096)


def act(at: datetime) -> AuditEntry:
    """An entry of the audit log."""
    return AuditEntry(seq=41, at=at, actor="paula", verb="publish", subject="", previous="", hash="")


def shelf(*heads: Head, **changes: Any) -> ShelfSeen:  # noqa: ANN401 -- passed on to ShelfSeen
    """Everything lies there as it was published."""
    facts = {
        "heads": heads,
        "currents": tuple(current(one) for one in heads),
        "mitigations": 2,
        "astray": (),
        "other_files": (),
        "opened": 3,
        "refused": (),
    }
    return ShelfSeen(**{**facts, **changes})


def current(of: Head, *, found: str | None = "the same", kept: str | None = "the same") -> CurrentSeen:
    """A feed's two files; `found` and `kept` are their digests."""
    path = f"v1/feeds/{of.name}"
    return CurrentSeen(
        of.name,
        of.feed.version,
        FileSeen(f"{path}.xml", of.digest, of.digest if found == "the same" else found),
        FileSeen(f"{path}/{of.feed.version}.xml", of.digest, of.digest if kept == "the same" else kept),
    )


def well(**changes: Any) -> Seen:  # noqa: ANN401 -- passed on to Seen as they are
    """A service where all is well, but for these changes."""
    facts = {
        "at": AT,
        "spans": SPANS,
        "trust": trust(),
        "store": StoreSeen((head(),), act(AT - timedelta(hours=1)), None),
        "shelf": shelf(head()),
        "public": PublicSeen(URL, (PublicFeed(FEED, 7, 2),)),
        "clocks": (ClockSeen(URL, timedelta(seconds=1)),),
    }
    return Seen(**{**facts, **changes})


def of(check: str, seen: Seen) -> dict[str, Result]:
    """The results of one check, by subject."""
    return {one.subject: one for one in examine(seen) if one.check == check}


def worst_of(check: str, seen: Seen) -> Result:
    """The worst result of one check."""
    return max(of(check, seen).values(), key=lambda one: one.grade)


def graver(seen: Seen) -> dict[str, Grade]:
    """Every check that is not in order, and how bad it is."""
    return {one.check: one.grade for one in reversed(examine(seen)) if one.grade}
