"""Revocation lists of our CAs: agents refuse whatever is judged by a list that is past its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509

from feedsrv.publishing.watching.certificates import anchors_in_use, with_roles
from feedsrv.publishing.watching.results import NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import Seen, TrustSeen
from feedsrv.publishing.watching.words import moment, span
from feedsrv.trust.certificates import UNREADABLE, name_of
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.revocation import crl_issued_by

CHECK: Final = "crl.ends"
_NOTICE: Final = 6
"""A warning comes in the last sixth of a list's life: it is due for renewal in the last third."""
_RENEW: Final = (
    "Where the CA's key is at hand, `feedsrv key crl` makes the next list; else bring the key, or have its "
    "holder make one and put it into the folder of FEEDSRV_CRLS"
)
_LIST: Final = (
    "Bring the CA's key, and run `feedsrv key crl`; where the CA is somebody else's, revoke it there, and "
    "put its list into the folder of FEEDSRV_CRLS"
)


@dataclass(frozen=True, slots=True)
class _Authority:
    """A CA: short and stable, for a sentence, in full, and what is signed below it now."""

    subject: str
    whose: str
    name: str
    signs: frozenset[Kind] = NEITHER


def lists_end(seen: Seen) -> Iterator[Result]:
    """One result a CA; the value is the seconds until its list ends, negative afterwards.

    And one for each CA with a revocation that stands on no list: its key was away.
    """
    if seen.trust is None:
        return
    left = list(seen.trust.policy.crls)
    for certificate, authority in _authorities(seen.trust):
        theirs = [crl for crl in seen.trust.policy.crls if crl_issued_by(crl, certificate)]
        left = [crl for crl in left if crl not in theirs]
        if theirs:
            yield _judge(authority, max(theirs, key=lambda crl: crl.last_update_utc), seen.at)
        else:
            yield Result(
                CHECK,
                authority.subject,
                Grade.WARNING,
                f"{authority.whose} has no revocation list here, so agents would not learn what it takes "
                f"back: {authority.name}",
                "Where its key is at hand, `feedsrv key crl` makes its lists; else put one into the folder "
                "of FEEDSRV_CRLS",
            )
    for name in seen.store.unlisted if seen.store is not None else ():
        yield Result(
            CHECK,
            f"{name} (unlisted)",
            Grade.CRITICAL,
            f"the {name} took something back that no revocation list says, so agents go on believing it",
            _LIST,
        )
    # Lists of CAs that signed for us before, or will: listed documents may be judged by them.
    for authority, crl in _others(left).items():
        found = _judge(authority, crl, seen.at)
        yield replace(found, grade=min(found.grade, Grade.WARNING))


def _authorities(trust: TrustSeen) -> Iterator[tuple[x509.Certificate, _Authority]]:
    """Every CA that something in use was issued by."""
    for kind in Kind:
        issuers = tuple(with_roles(trust.chains.get(kind, ()), kind))[1:]
        found: list[x509.Certificate] = []
        for certificate, role in issuers:
            # Of a CA with several certificates, the lists are the same.
            if all(certificate.public_key() != one.public_key() for one in found):
                found.append(certificate)
                yield certificate, _named(role, certificate, frozenset({kind}))
    for anchor, kinds in anchors_in_use(trust).items():
        yield anchor, _named("root CA", anchor, kinds)


def _named(role: str, certificate: x509.Certificate, kinds: frozenset[Kind]) -> _Authority:
    subject = f"{role} {fingerprint(certificate)[:16]}"
    return _Authority(subject, f"the {role}", name_of(certificate), kinds)


def _others(
    crls: Iterable[x509.CertificateRevocationList],
) -> dict[_Authority, x509.CertificateRevocationList]:
    """The newest list of each issuer and key."""
    found: dict[_Authority, x509.CertificateRevocationList] = {}
    for crl in sorted(crls, key=lambda one: one.last_update_utc):
        name = crl.issuer.rfc4514_string()
        found[_Authority(f"other CA {name[:80]}{_key_of(crl)}", "another CA", repr(name[:120]))] = crl
    return found


def _key_of(crl: x509.CertificateRevocationList) -> str:
    try:
        named = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ""
    return f" {named.hex()[:16]}" if named else ""


def _judge(authority: _Authority, crl: x509.CertificateRevocationList, at: datetime) -> Result:
    begins, ends = crl.last_update_utc, crl.next_update_utc
    left = None if ends is None else ends - at
    grade, remedy = Grade.CRITICAL, _RENEW
    if ends is None or left is None:
        said = "does not say until when it holds, and agents refuse it"
    elif at < begins:
        said = f"begins only on {moment(begins)}, and it is {moment(at)}"
        remedy = "See that the clock is right; use the list of before until then"
    elif at > ends:
        said = f"ended on {moment(ends)}, {span(left)} ago, and agents refuse new documents"
    else:
        said = f"ends on {moment(ends)}, in {span(left)}"
        is_due = left < (ends - begins) / _NOTICE
        grade, remedy = (Grade.WARNING, _RENEW) if is_due else (Grade.OK, "")
    return Result(
        CHECK,
        authority.subject,
        grade,
        f"the revocation list of {authority.whose} {said}: {authority.name}",
        remedy,
        None if left is None else left.total_seconds(),
        authority.signs if grade is Grade.CRITICAL else NEITHER,
    )
