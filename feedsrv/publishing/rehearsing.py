"""Step 7 of publishing, looking ahead: until when will agents accept what was just signed?

One document of each kind speaks for all, since one signer signed them all: it is verified again as of
later days, one second after each certificate of its chain ends, and as clocks that are far off would
have it. Nothing here stops a publication: what agents refuse today was refused before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from feedsrv.publishing.proving import Made
from feedsrv.signing.crosscheck import cross_check
from feedsrv.signing.signer import SigningError
from feedsrv.trust.believing import horizon
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, role_at
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.verifying import VerifiedDocument, verify_document

_LATER: Final = (timedelta(days=7), timedelta(days=30))
_CLOCKS_OFF: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Look:
    """One moment at which a document was judged again."""

    kind: Kind
    when: str
    """For people, such as `in 7 days`."""
    at: datetime
    refusal: str | None
    """Code of the refusal; None where it was accepted, by both implementations."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What agents will say of a publication, as far as its certificates tell."""

    looks: tuple[Look, ...] = ()
    refused_from: datetime | None = None
    """The first moment at which an agent would refuse it; None where no certificate ever ends."""
    why: str = ""
    """Of which certificate that is the end, or what else is the reason."""

    @property
    def sentence(self) -> str:
        """For people."""
        if self.refused_from is None:
            return "agents accept this for as long as can be seen"
        return f"agents accept this until {self.refused_from:%Y-%m-%d %H:%M} UTC: {self.why}"

    @property
    def detail(self) -> dict[str, str]:
        """For the audit log."""
        looks = {f"{look.kind} {look.when}": look.refusal or "accepted" for look in self.looks}
        end = {} if self.refused_from is None else {"first refusal": self.sentence}
        return {**looks, **end}


def rehearse(made: Made, policy: TrustPolicy, *, at: datetime) -> Rehearsal:
    """Judge what was made at moments to come. It was accepted as of `at` before.

    Revocation lists are left aside: the keeper renews them long before they end, and doctor says so
    where it does not.
    """
    lasting = replace(policy, crls=())
    looks: list[Look] = []
    ends: list[tuple[datetime, str]] = []
    for kind, document in _one_of_each(made):
        proven = verify_document(document, lasting, kind=kind, at=at, source=f"the {kind}")
        for when, moment in sorted(_moments(proven, at), key=lambda one: one[1]):
            looks.append(Look(kind, when, moment, _refusal(document, lasting, kind, moment)))
        first = horizon((*proven.chain, proven.anchor), lasting, kind, at=at)
        if first.refused_from is not None and first.refusal is not None:
            ends.append((first.refused_from, _reason(proven, first.refused_from, first.refusal)))
    refused_from, why = min(ends, default=(None, ""))
    return Rehearsal(tuple(looks), refused_from, why)


def _one_of_each(made: Made) -> Iterator[tuple[Kind, bytes]]:
    """The smallest: what is judged is the same in all, and a long one takes longer."""
    mitigations = [one.document for one in made.revisions]
    feeds = [one.document for one in made.feeds]
    for kind, documents in ((Kind.MITIGATION, mitigations), (Kind.FEED, feeds)):
        if documents:
            yield kind, min(documents, key=len)


def _moments(proven: VerifiedDocument, at: datetime) -> Iterator[tuple[str, datetime]]:
    for later in _LATER:
        yield f"in {later.days} days", at + later
    yield f"by a clock {_CLOCKS_OFF.days} days behind", at - _CLOCKS_OFF
    yield f"by a clock {_CLOCKS_OFF.days} days ahead", at + _CLOCKS_OFF
    for name, certificate in _named(proven):
        yield f"after the {name} has ended", _after(certificate)


def _named(proven: VerifiedDocument) -> Iterator[tuple[str, x509.Certificate]]:
    for position, certificate in enumerate(proven.chain):
        yield role_at(position, proven.kind).value, certificate
    yield "trust anchor", proven.anchor


def _after(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_after_utc + timedelta(seconds=1)


def _refusal(document: bytes, policy: TrustPolicy, kind: Kind, at: datetime) -> str | None:
    try:
        verify_document(document, policy, kind=kind, at=at, source=f"the {kind}")
        cross_check(document, policy.anchors, at)
    except (UntrustedError, SigningError) as refusal:
        return refusal.code
    return None


def _reason(proven: VerifiedDocument, moment: datetime, refusal: UntrustedError) -> str:
    for name, certificate in _named(proven):
        if _after(certificate) == moment:
            return f"then the certificate of the {name} has ended"
    return f"from then on they refuse it ({refusal.code})"
