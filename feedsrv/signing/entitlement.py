"""Whether a CA may issue what is asked of it, before its key signs anything that receivers would refuse."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from cryptography import x509

from feedsrv.clock import to_text
from feedsrv.signing.documents import check_belongs_together
from feedsrv.signing.signer import PrivateKey, SigningError
from feedsrv.trust.certificates import Party, name_of, read_party
from feedsrv.trust.profile import ANY_USAGE
from feedsrv.trust.refusals import UntrustedError


class IssuerUnfitError(SigningError):
    """A CA cannot issue this: its certificate is not for it, has ended, or has not begun."""

    code = "issuing.issuer_unfit"


def check_certifier(  # noqa: PLR0913 -- the CA, and what is asked of it, each by its name
    certificate: x509.Certificate,
    key: PrivateKey,
    usages: Collection[x509.ObjectIdentifier],
    *,
    now: datetime,
    of_ca: bool = False,
    of_signer: bool = False,
) -> None:
    """The CA may certify what has these extended key usages: a CA, a document signer, or something else.

    Raises:
        KeyMismatchError: the key is another one's.
        IssuerUnfitError: it may not; why.
    """
    name, party = _read(certificate, key, now=now)
    if not (party.key_usage and party.key_usage.key_cert_sign):
        raise IssuerUnfitError(f"{name} lacks the key usage keyCertSign; issue by a CA that has it")
    if of_ca and party.basic_constraints and party.basic_constraints.path_length == 0:
        raise IssuerUnfitError(f"{name} permits no CA below itself (path length 0); issue by a root")
    held = party.extended_key_usage
    missing = frozenset(usages) - (held or frozenset())
    is_limited = held is not None and ANY_USAGE not in held
    # Receivers ask a document signer's issuing CA for the usage itself, and not only whether it forbids it.
    if missing and (of_signer or is_limited):
        lacking = ", ".join(sorted(one.dotted_string for one in missing))
        raise IssuerUnfitError(
            f"{name} lacks the extended key usage {lacking}, so receivers would refuse what it issues; "
            "issue by the CA that has it"
        )


def check_crl_issuer(certificate: x509.Certificate, key: PrivateKey, *, now: datetime) -> None:
    """The CA may issue CRLs.

    Raises:
        KeyMismatchError: the key is another one's.
        IssuerUnfitError: it may not; why.
    """
    name, party = _read(certificate, key, now=now)
    if not (party.key_usage and party.key_usage.crl_sign):
        raise IssuerUnfitError(f"{name} lacks the key usage cRLSign; certify it anew with that usage")


def _read(certificate: x509.Certificate, key: PrivateKey, *, now: datetime) -> tuple[str, Party]:
    name = name_of(certificate)
    check_belongs_together(key, (certificate,), name=name)
    try:
        party = read_party(certificate, source="issuing CA")
    except UntrustedError as error:
        raise IssuerUnfitError(f"{name} cannot be read: {error}") from error
    if not party.is_ca:
        raise IssuerUnfitError(f"{name} is no CA; name the CA's certificate and key")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        raise IssuerUnfitError(
            f"{name} begins at {to_text(begins)}, and it is {to_text(now)}; set the clock right"
        )
    if now >= ends:
        raise IssuerUnfitError(f"{name} ended at {to_text(ends)}, and it is {to_text(now)}; renew it first")
    return name, party
