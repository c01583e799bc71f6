"""Revocation lists of our CAs: agents refuse whatever is judged by a list that is past its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from feedsrv.publishing.watching.certificates import anchors_in_use
from feedsrv.publishing.watching.results import NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import Seen, TrustSeen
from feedsrv.publishing.watching.words import moment, span
from feedsrv.trust.certificates import UNREADABLE, name_of
from feedsrv.trust.profile import Kind, role_at
from feedsrv.trust.revocation import crl_issued_by

CHECK: Final = "crl.ends"
_NOTICE: Final = 6
"""A warning comes in the last sixth of a list's life: it is due for renewal in the last third."""
_RENEW: Final = (
    "Where the CA's key is at hand, `feedsrv keeper --once` makes the next list; else have its keeper make "
    "one, and put it into the folder of FEEDSRV_CRLS"
)


def lists_end(seen: Seen) -> Iterator[Result]:
    """One result a CA; the value is the seconds until its list ends, negative afterwards."""
    if seen.trust is None:
        return
    left = list(seen.trust.policy.crls)
    for role, certificate, kinds in _authorities(seen.trust):
        subject = f"{role} {certificate.fingerprint(hashes.SHA256()).hex()[:16]}"
        theirs = [crl for crl in seen.trust.policy.crls if crl_issued_by(crl, certificate)]
        left = [crl for crl in left if crl not in theirs]
        name = f"the CA {name_of(certificate)}"
        if theirs:
            newest = max(theirs, key=lambda crl: crl.last_update_utc)
            yield _judge(subject, name, newest, kinds, seen.at)
        else:
            yield Result(
                CHECK,
                subject,
                Grade.WARNING,
                f"{name} has no revocation list here: agents would not learn what it takes back",
                "Where its key is at hand, `feedsrv key revoke` and the keeper make its lists; else put one "
                "into the folder of FEEDSRV_CRLS",
            )
    # Lists of CAs that signed for us before, or will: listed documents may be judged by them.
    for subject, crl in _newest(left).items():
        found = _judge(subject, f"{crl.issuer.rfc4514_string()[:120]!r}", crl, NEITHER, seen.at)
        yield replace(found, grade=min(found.grade, Grade.WARNING))


def _newest(crls: Iterable[x509.CertificateRevocationList]) -> dict[str, x509.CertificateRevocationList]:
    """The newest list of each issuer and key."""
    found: dict[str, x509.CertificateRevocationList] = {}
    for crl in sorted(crls, key=lambda one: one.last_update_utc):
        found[f"other CA {crl.issuer.rfc4514_string()[:80]}{_key_of(crl)}"] = crl
    return found


def _key_of(crl: x509.CertificateRevocationList) -> str:
    try:
        named = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ""
    return f" {named.hex()[:16]}" if named else ""


def _authorities(trust: TrustSeen) -> Iterator[tuple[str, x509.Certificate, frozenset[Kind]]]:
    """Every CA that something in use was issued by, and what is signed below it."""
    for kind in Kind:
        for position, certificate in enumerate(trust.chains.get(kind, ())[1:], 1):
            yield role_at(position, kind).value, certificate, frozenset({kind})
    for anchor, kinds in anchors_in_use(trust).items():
        yield "root CA", anchor, kinds


def _judge(
    subject: str, name: str, crl: x509.CertificateRevocationList, kinds: frozenset[Kind], at: datetime
) -> Result:
    begins, ends = crl.last_update_utc, crl.next_update_utc
    if ends is None:
        sentence = f"the revocation list of {name} does not say until when it holds, and agents refuse it"
        return Result(CHECK, subject, Grade.CRITICAL, sentence, _RENEW, stops=kinds)
    left = ends - at
    grade, remedy = Grade.OK, ""
    if at < begins:
        grade, remedy = Grade.CRITICAL, "See that the clock is right; use the list of before until then"
        sentence = f"the revocation list of {name} begins only on {moment(begins)}, and it is {moment(at)}"
    elif at > ends:
        grade, remedy = Grade.CRITICAL, _RENEW
        sentence = (
            f"the revocation list of {name} ended on {moment(ends)}, {span(left)} ago: agents refuse new "
            "documents"
        )
    else:
        sentence = f"the revocation list of {name} ends on {moment(ends)}, in {span(left)}"
        if left < (ends - begins) / _NOTICE:
            grade, remedy = Grade.WARNING, _RENEW
    return Result(
        CHECK,
        subject,
        grade,
        sentence,
        remedy,
        left.total_seconds(),
        kinds if grade is Grade.CRITICAL else NEITHER,
    )
