"""Whether a pinned root vouches for another: how a receiver may come to trust a root that nobody brought it.

A voucher is a certificate for the new root's name and key, issued by a root that is pinned here. It carries
the extended key usages of both kinds of document, as no certificate does that is issued for anything else:
else whoever holds the key of any CA below a pinned root could sign a certificate for its own name and key,
show the one that it was given as the voucher, and be a root.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from feedsrv.trust.certificates import Party, is_issued_by, issuer_of, name_of, read_party
from feedsrv.trust.fitting import faults_of_limits, faults_of_path, usages_text
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Role, spki_id
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    ChainSignatureError,
    IssuerEkuMissingError,
    IssuerRevokedError,
    UntrustedError,
)
from feedsrv.trust.revocation import crl_issued_by


def check_voucher(
    root: x509.Certificate,
    voucher: x509.Certificate,
    policy: TrustPolicy,
    *,
    at: datetime,
    source: str,
) -> x509.Certificate:
    """The pinned anchor that vouches for a root; by it, the root may be pinned, too.

    Raises:
        UntrustedError: the root is none, or is not vouched for at that time; one class for each reason.
    """
    new, shown = read_party(root, source=source), read_party(voucher, source=source)
    new_name, shown_name = f"announced root {name_of(root)}", f"voucher {name_of(voucher)}"
    if not (new.is_self_issued and is_issued_by(root, new)):
        raise ChainSignatureError(source, f"{new_name} is no root: its own key did not sign it")
    if voucher.subject != root.subject or spki_id(voucher.public_key()) != spki_id(root.public_key()):
        raise ChainSignatureError(source, f"{shown_name} is for another name or key than {new_name}")
    for fault in faults_of_path(new, Role.ROOT, at=at, below=1, is_anchor=True):
        raise fault.of(new_name, source)
    _check_usages(shown, shown_name, policy, source)
    # It permits a CA below itself, as an issuing CA's certificate does not, whatever its usages are.
    for fault in faults_of_path(shown, Role.ROOT, at=at, below=1):
        raise fault.of(shown_name, source)
    return _anchor(shown, shown_name, policy, at, source)


def _check_usages(shown: Party, name: str, policy: TrustPolicy, source: str) -> None:
    wanted = frozenset(policy.eku.values())
    found = shown.extended_key_usage or frozenset()
    if not wanted <= found:
        raise IssuerEkuMissingError(
            source,
            f"{name} lacks the extended key usages that make it one, {usages_text(wanted - found)}; "
            f"it has {usages_text(found)}",
        )


def _anchor(shown: Party, name: str, policy: TrustPolicy, at: datetime, source: str) -> x509.Certificate:
    refusals: list[UntrustedError] = []
    for certificate in policy.anchors:
        anchor = read_party(certificate, source=source)
        if certificate == shown.certificate or not is_issued_by(shown.certificate, anchor):
            continue
        refusal = _refusal(shown, anchor, policy, at=at, source=source)
        if refusal is None:
            return certificate
        refusals.append(refusal)
    if refusals:
        raise refusals[0]
    issuer = issuer_of(shown.certificate)
    raise AnchorUnknownError(source, f"{name} was issued by {issuer}, and by no root that is pinned here")


def _refusal(
    shown: Party, anchor: Party, policy: TrustPolicy, *, at: datetime, source: str
) -> UntrustedError | None:
    """Why this anchor does not vouch, though its key signed the voucher; None where it does."""
    anchor_name = name_of(anchor.certificate)
    for fault in faults_of_path(anchor, Role.ROOT, at=at, below=1, is_anchor=True):
        return fault.of(f"trust anchor {anchor_name}", source)
    # Nobody gives what they have not: a root pinned for feeds alone would make one that signs mitigations.
    for kind in policy.eku:
        for fault in faults_of_limits(anchor, kind, policy.eku):
            return fault.of(f"trust anchor {anchor_name}", source)
    if _is_revoked(shown, anchor.certificate, policy):
        name = name_of(shown.certificate)
        return IssuerRevokedError(source, f"voucher {name} was revoked by {anchor_name}")
    return None


def _is_revoked(shown: Party, anchor: x509.Certificate, policy: TrustPolicy) -> bool:
    """By any list of that anchor, stale ones too: what was revoked stays revoked."""
    number = shown.certificate.serial_number
    return any(
        crl.get_revoked_certificate_by_serial_number(number) is not None
        for crl in policy.crls
        if crl_issued_by(crl, anchor)
    )
