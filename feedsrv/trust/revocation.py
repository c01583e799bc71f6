"""Step 9: revocation, by the CRLs at hand; nothing is fetched.

Whoever hands over a CRL wants it believed: one that is forged or past its date refuses the document,
since the alternative is to let whoever blocks the newest CRL undo a revocation.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from feedsrv.clock import to_text
from feedsrv.trust.certificates import UNREADABLE, Party, reason_of
from feedsrv.trust.chain import Path
from feedsrv.trust.profile import CERTIFICATE_ALGORITHMS
from feedsrv.trust.refusals import (
    CrlForgedError,
    CrlFormError,
    CrlNotYetValidError,
    CrlStaleError,
    IssuerRevokedError,
    SignerRevokedError,
)

_PARTIAL: Final = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.ISSUING_DISTRIBUTION_POINT})
"""Signs of a CRL that does not list all of its issuer's revocations."""


def check_revocation(
    path: Path, crls: Iterable[x509.CertificateRevocationList], *, at: datetime, source: str
) -> None:
    """No certificate below the anchor is revoked by the CRLs at hand. CRLs of other issuers are ignored.

    A revocation counts from the day it is known, whatever date it states: a thief dates back.

    Raises:
        CrlForgedError: there are CRLs in an issuer's name, and its key signed none of them.
        CrlFormError, CrlStaleError, CrlNotYetValidError: a CRL cannot be believed.
        SignerRevokedError, IssuerRevokedError: it can, and it revokes.
    """
    held = tuple(crls)
    named = tuple(path.named())
    for position, ((party, name), (issuer, issuer_name)) in enumerate(pairwise(named)):
        theirs = [crl for crl in held if crl.issuer == issuer.certificate.subject]
        if not theirs:
            continue
        genuine = _genuine(theirs, issuer, issuer_name, source)
        newest = max(crl.last_update_utc for crl in genuine)
        for crl in genuine:
            # Of two of one second neither is older: what either of them revokes is revoked.
            if crl.last_update_utc == newest:
                _check_current(crl, issuer_name, at, source)
                revoked = crl.get_revoked_certificate_by_serial_number(party.certificate.serial_number)
                if revoked is not None:
                    refusal = IssuerRevokedError if position else SignerRevokedError
                    raise refusal(source, f"{name} was revoked by {issuer_name}{_since(revoked)}")


def _genuine(
    crls: Iterable[x509.CertificateRevocationList], issuer: Party, name: str, source: str
) -> list[x509.CertificateRevocationList]:
    """Those that the issuer's key signed; a CA of the same name with another key has CRLs of its own."""
    if issuer.key_usage is None or not issuer.key_usage.crl_sign:
        raise CrlForgedError(source, f"a CRL names {name}, who lacks the key usage crl_sign")
    genuine = [crl for crl in crls if _is_signed(crl, issuer)]
    if not genuine:
        raise CrlForgedError(source, f"a CRL names {name}, whose key did not sign it")
    for crl in genuine:
        try:
            beyond = [one.oid.dotted_string for one in crl.extensions if one.critical or one.oid in _PARTIAL]
        except UNREADABLE as error:
            raise CrlFormError(source, f"a CRL of {name} cannot be read ({reason_of(error)})") from None
        if beyond:
            raise CrlFormError(source, f"a CRL of {name} has the extension {', '.join(beyond[:4])}")
    return genuine


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
