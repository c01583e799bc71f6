"""Step 9: revocation, by the CRLs at hand; nothing is fetched.

Whoever hands over a CRL wants it believed: one that is forged or past its date refuses the document,
since the alternative is to let whoever blocks the newest CRL undo a revocation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from feedsrv.clock import to_text
from feedsrv.trust.certificates import UNREADABLE, Party, read_party, reason_of
from feedsrv.trust.chain import Path
from feedsrv.trust.profile import CERTIFICATE_ALGORITHMS
from feedsrv.trust.refusals import (
    CrlForgedError,
    CrlFormError,
    CrlNotYetValidError,
    CrlStaleError,
    IssuerRevokedError,
    SignerRevokedError,
    UntrustedError,
)
from feedsrv.trust.waivers import Leniency

_PARTIAL: Final = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})
"""Signs of a CRL that does not list all of its issuer's revocations."""


def check_revocation(
    path: Path,
    crls: Iterable[x509.CertificateRevocationList],
    leniency: Leniency | None = None,
    *,
    at: datetime,
    source: str,
) -> None:
    """No certificate below the anchor is revoked by the CRLs at hand. CRLs of other issuers are ignored.

    A revocation counts from the day it is known, whatever date it states: a thief dates back.

    Raises:
        CrlForgedError: there are CRLs in an issuer's name, and its key signed none of them.
        CrlFormError: of an issuer's CRLs, none is complete.
        CrlStaleError, CrlNotYetValidError: a CRL cannot be believed.
        SignerRevokedError, IssuerRevokedError: it can, and it revokes.
    """
    held = tuple(crls)
    named = tuple(path.named())
    for position, ((party, name), (issuer, issuer_name)) in enumerate(pairwise(named)):
        theirs = [crl for crl in held if _is_meant_for(crl, issuer)]
        if not theirs:
            continue
        genuine = _genuine(theirs, issuer, issuer_name, source)
        # A clock that was a year ahead once makes a list that begins in a year. It takes the place of none
        # that is in force, else nothing new would be accepted until then; whom it revokes is revoked.
        early = [crl for crl in genuine if crl.last_update_utc > at]
        in_force = _newest([crl for crl in genuine if crl.last_update_utc <= at])
        for crl in in_force or early:
            try:
                _check_current(crl, issuer_name, at, source)
            except CrlStaleError as stale:
                (leniency or Leniency()).refuse(stale, issuer.certificate)
        for crl in (*in_force, *early):
            revoked = _entry(crl, party)
            if revoked is not None:
                refusal = IssuerRevokedError if position else SignerRevokedError
                raise refusal(source, f"{name} was revoked by {issuer_name}{_since(revoked)}")


def is_revoked(path: Path, crls: Iterable[x509.CertificateRevocationList]) -> bool:
    """True where a CRL at hand revokes a certificate below the anchor, be it stale or not begun.

    Time plays no part: what was revoked stays revoked. CRLs that cannot be believed say nothing.
    """
    held = tuple(crls)
    for party, issuer in pairwise(path.parties):
        theirs = [crl for crl in held if crl_issued_by(crl, issuer.certificate) and crl_is_complete(crl)]
        if any(_entry(crl, party) is not None for crl in _newest(theirs)):
            return True
    return False


def crl_is_complete(crl: x509.CertificateRevocationList) -> bool:
    """True where it lists all that its issuer revoked, as far as can be judged here.

    CAs that issue delta CRLs, too, sign both with one key; a delta must not pass for the newer list.
    """
    return not _beyond(crl)


def crl_issued_by(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """True where that CA issued the CRL: by its name, by its key, and being allowed to.

    Says nothing of the CRL's date or form, nor of whether the CA is trusted.
    """
    try:
        issuer = read_party(certificate, source="CRL")
    except UntrustedError:
        return False
    return crl.issuer == certificate.subject and _may_sign(issuer) and _is_signed(crl, issuer)


def _is_meant_for(crl: x509.CertificateRevocationList, issuer: Party) -> bool:
    """True where the CRL is in that issuer's name, and is not another key's by its own word.

    A CA that was given a new key under its old name has two lists, each for its own certificates. One that
    names another key says nothing here, unless this key signed it all the same; who would misuse that to
    hide a list could as well leave it out.
    """
    if crl.issuer != issuer.certificate.subject:
        return False
    try:
        named = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (x509.ExtensionNotFound, *UNREADABLE):
        return True
    return named is None or named in _key_identifiers(issuer) or _is_signed(crl, issuer)


def _key_identifiers(issuer: Party) -> Iterator[bytes]:
    """What a CA's key may be called: as its certificate says, or as most compute it."""
    for extension in issuer.certificate.extensions:
        if isinstance(extension.value, x509.SubjectKeyIdentifier):
            yield extension.value.digest
    if issuer.public_key is not None:
        yield x509.SubjectKeyIdentifier.from_public_key(issuer.public_key).digest


def _newest(crls: Collection[x509.CertificateRevocationList]) -> list[x509.CertificateRevocationList]:
    """Of two of one second neither is older: what either of them revokes is revoked."""
    newest = max((crl.last_update_utc for crl in crls), default=None)
    return [crl for crl in crls if crl.last_update_utc == newest]


def _entry(crl: x509.CertificateRevocationList, party: Party) -> x509.RevokedCertificate | None:
    return crl.get_revoked_certificate_by_serial_number(party.certificate.serial_number)


def _genuine(
    crls: Iterable[x509.CertificateRevocationList], issuer: Party, name: str, source: str
) -> list[x509.CertificateRevocationList]:
    """Those that the issuer's key signed; a CA of the same name with another key has CRLs of its own."""
    if not _may_sign(issuer):
        raise CrlForgedError(source, f"a CRL names {name}, who lacks the key usage (2.5.29.15) cRLSign")
    genuine = [crl for crl in crls if _is_signed(crl, issuer)]
    if not genuine:
        raise CrlForgedError(source, f"a CRL names {name}, whose key did not sign it")
    # A CA's delta or partial list takes the place of none that is complete, and hides none.
    complete = [crl for crl in genuine if crl_is_complete(crl)]
    if not complete:
        beyond = _beyond(genuine[0])
        raise CrlFormError(source, f"a CRL of {name} {beyond}; wanted is a plain, complete one")
    return complete


def _beyond(crl: x509.CertificateRevocationList) -> str:
    """What of a CRL cannot be judged here; nothing of a plain, complete one."""
    try:
        beyond = [one.oid.dotted_string for one in crl.extensions if one.critical or one.oid in _PARTIAL]
    except UNREADABLE as error:
        return f"cannot be read ({reason_of(error)})"
    return f"has the extension {', '.join(beyond[:4])}" if beyond else ""


def _may_sign(issuer: Party) -> bool:
    return issuer.key_usage is not None and issuer.key_usage.crl_sign


def _is_signed(crl: x509.CertificateRevocationList, issuer: Party) -> bool:
    try:
        return (
            issuer.public_key is not None
            and crl.signature_algorithm_oid in CERTIFICATE_ALGORITHMS
            and crl.is_signature_valid(issuer.public_key)
        )
    except UNREADABLE:
        return False


def _since(revoked: x509.RevokedCertificate) -> str:
    try:
        return f" at {to_text(revoked.revocation_date_utc)}"
    except ValueError:
        return ""  # there is no such date; revoked it is


def _check_current(crl: x509.CertificateRevocationList, name: str, at: datetime, source: str) -> None:
    if crl.last_update_utc > at:
        begins = to_text(crl.last_update_utc)
        raise CrlNotYetValidError(source, f"the CRL of {name} begins at {begins}, and it is {to_text(at)}")
    ends = crl.next_update_utc
    if ends is None:
        raise CrlFormError(source, f"the CRL of {name} does not say until when it holds")
    if at > ends:
        raise CrlStaleError(source, f"the CRL of {name} ended at {to_text(ends)}, and it is {to_text(at)}")
