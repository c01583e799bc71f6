"""Every certificate in every chain: how long it still holds.

A warning comes early enough to act, and that is the earlier the deeper the certificate lies: a leaf is
renewed in a day, an issuing CA is announced to agents first, and a root has to reach every server of
every customer. Of a certificate that was never to hold that long, the last third counts.

Critical is what makes a publication of this moment useless: a certificate of a signing chain that has
ended or not begun, or one that ends before a feed published now could be signed anew (a third of its
lifetime, a day at most): agents would be left with a feed that nothing can follow. A pinned root to
which no signer in use leads is only warned of, since agents pin it in vain; so is a time-stamping
authority, since no protection hangs on it. What the web server's certificate does to agents is critical,
and stops no publication.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from feedsrv.publishing.leads import LEADS
from feedsrv.publishing.watching.results import NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import Seen, Spans, TrustSeen
from feedsrv.publishing.watching.words import moment, span
from feedsrv.trust.certificates import UNREADABLE, name_of
from feedsrv.trust.profile import Kind, Role, fingerprint, role_at

CHECK: Final = "certificate.ends"
LEAF: Final = LEADS[Role.FEED_SIGNER]
CA: Final = LEADS[Role.FEED_CA]
ROOT: Final = LEADS[Role.ROOT]
_LONGEST_NOTICE: Final = timedelta(days=1)

_RENEW_LEAF: Final = (
    "Ask for a new certificate with `feedsrv key request`, have it issued (`feedsrv key issue`, or your CA "
    "and `feedsrv key import`), and sign with it from `feedsrv key use` on"
)
_RENEW_CA: Final = (
    "Have the next issuing CA made and announced (`feedsrv trust announce`) before anything is signed under "
    "it; `feedsrv trust plan` says by when"
)
_RENEW_ROOT: Final = (
    "Announce the next root now (`feedsrv trust announce`) and let agents pin both; `feedsrv trust plan` "
    "says by when"
)
_DROP_ROOT: Final = "Take it out of the anchors once nothing that is listed was signed under it"
_RENEW_TLS: Final = "Renew the certificate of the web server at FEEDSRV_PUBLIC_URL"
_RENEW_TSA: Final = "Ask the time-stamping authority for its new certificates, and trust those"
_IN_AN_EMERGENCY: Final = "in an emergency, a shorter FEEDSRV_FEED_LIFETIME lets publishing go on until then"


@dataclass(frozen=True, slots=True)
class Watched:
    """A certificate, what it is for, and how much notice its renewal needs."""

    role: str
    certificate: x509.Certificate
    notice: timedelta
    remedy: str
    signs: frozenset[Kind] = NEITHER
    """What we publish that is believed because of it."""
    is_grave: bool = False
    """True where agents are cut off once it has ended."""

    @property
    def subject(self) -> str:
        """Short, and the same for as long as the certificate is: role and the begin of its fingerprint."""
        return f"{self.role} {fingerprint(self.certificate)[:16]}"


def watched(seen: Seen) -> Iterator[Watched]:
    """Every certificate that something depends on, each once."""
    found: set[tuple[str, x509.Certificate]] = set()
    for one in _all(seen):
        key = (one.role, one.certificate)
        if key not in found:
            found.add(key)
            yield one


def _all(seen: Seen) -> Iterator[Watched]:
    if seen.trust is not None:
        yield from _of_trust(seen.trust)
    if seen.public is not None and seen.public.certificate is not None:
        yield Watched("TLS server", seen.public.certificate, LEAF, _RENEW_TLS, is_grave=True)


def _of_trust(trust: TrustSeen) -> Iterator[Watched]:
    for kind in Kind:
        chain = trust.chains.get(kind, ())
        for position, (certificate, role) in enumerate(with_roles(chain, kind)):
            notice, remedy = (LEAF, _RENEW_LEAF) if position == 0 else (CA, _RENEW_CA)
            if any(_stands_in(other, certificate) for other in chain):
                yield Watched(f"{role} (a second certificate)", certificate, notice, remedy)
            else:
                yield Watched(role, certificate, notice, remedy, frozenset({kind}), is_grave=True)
    leading = anchors_in_use(trust)
    for anchor in trust.policy.anchors:
        if anchor not in leading:
            yield Watched("root CA not in use", anchor, ROOT, _DROP_ROOT)
            continue
        # Where signers lead to a second root that lasts longer, who pins both goes on by that one.
        outlasted = (kinds for other, kinds in leading.items() if _ends_before(anchor, other))
        alone = leading[anchor].difference(*outlasted)
        yield Watched("root CA", anchor, ROOT, _RENEW_ROOT, alone, is_grave=bool(alone))
    for certificate in trust.time_stamping:
        yield Watched("time stamping", certificate, _notice_of(certificate), _RENEW_TSA)


def with_roles(chain: Sequence[x509.Certificate], kind: Kind) -> Iterator[tuple[x509.Certificate, str]]:
    """Each certificate of a chain with its role; an issuing CA may have several, each under another root."""
    for position, certificate in enumerate(chain):
        is_second = position > 1 and _is_same_party(chain[1], certificate)
        yield certificate, role_at(1 if is_second else position, kind).value


def _is_same_party(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.subject == other.subject and one.public_key() == other.public_key()


def _stands_in(other: x509.Certificate, certificate: x509.Certificate) -> bool:
    """True where the other certificate of the same CA lasts longer."""
    return _is_same_party(other, certificate) and _ends_before(certificate, other)


def _ends_before(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.not_valid_after_utc < other.not_valid_after_utc


def _notice_of(certificate: x509.Certificate) -> timedelta:
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *UNREADABLE):
        return LEAF
    return ROOT if certificate.subject == certificate.issuer else CA if is_ca else LEAF


def anchors_in_use(trust: TrustSeen) -> dict[x509.Certificate, frozenset[Kind]]:
    """The pinned roots that chains in use lead to, and what is signed below each."""
    found: dict[x509.Certificate, frozenset[Kind]] = {}
    for anchor in trust.policy.anchors:
        kinds = frozenset(
            kind
            for kind, chain in trust.chains.items()
            if any(anchor.subject == one.issuer and _issued(anchor, one) for one in chain)
        )
        if kinds:
            found[anchor] = kinds
    return found


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def certificates_end(seen: Seen) -> Iterator[Result]:
    """One result a certificate; the value is the seconds until it ends, negative afterwards."""
    for one in watched(seen):
        yield _judge(one, seen)


def _judge(one: Watched, seen: Seen) -> Result:
    certificate, at = one.certificate, seen.at
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = ends - at
    grade, remedy = Grade.OK, ""
    if at < begins:
        grade = Grade.CRITICAL if one.is_grave else Grade.WARNING
        said = f"begins only on {moment(begins)}, and it is {moment(at)}"
        remedy = "See that the clock is right; use another certificate until then"
    elif left <= timedelta(0):
        grade = Grade.CRITICAL if one.is_grave else Grade.WARNING
        said = f"ended on {moment(ends)}, {span(left)} ago"
        remedy = one.remedy
    elif one.signs and left < notice_to_publish(seen.spans):
        grade = Grade.CRITICAL
        said = f"ends on {moment(ends)}, in {span(left)}, before a feed published now could be signed anew"
        remedy = f"{one.remedy}; {_IN_AN_EMERGENCY}"
    else:
        said = f"ends on {moment(ends)}, in {span(left)}"
        if left < min(one.notice, (ends - begins) / 3):
            grade, remedy = Grade.WARNING, one.remedy
    return Result(
        CHECK,
        one.subject,
        grade,
        f"the {one.role} {said}: {name_of(certificate)}",
        remedy,
        left.total_seconds(),
        one.signs if grade is Grade.CRITICAL else NEITHER,
    )


def notice_to_publish(spans: Spans) -> timedelta:
    """How long a signing chain must still hold for a publication to be of use."""
    return min(spans.feed_lifetime / 3, _LONGEST_NOTICE)
