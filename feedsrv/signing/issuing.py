"""Issuing certificates and CRLs by the certificate profile, word for word what `trust` demands.

A key that lives in a module issues as well as one in memory: it is asked to sign, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from feedsrv.clock import to_text
from feedsrv.errors import BadInputError
from feedsrv.signing.building import (
    IssuingFailedError,
    authority_key_identifier,
    checked,
    extended,
    granted,
    signed,
    start,
)
from feedsrv.signing.entitlement import check_certifier, check_crl_issuer
from feedsrv.signing.requesting import (
    TLS_ROLES,
    RequestNameError,
    RequestRoleError,
    RequestSignatureError,
    alternative_names,
    check_key,
    check_requestable,
    requested_names,
    subject_of,
)
from feedsrv.signing.signer import PrivateKey, SigningError
from feedsrv.trust.certificates import name_of, read_party
from feedsrv.trust.profile import EKU, PROFILES, RSA_ISSUED_BITS, Role
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.revocation import crl_issued_by

REASONS: Final[Mapping[str, x509.ReasonFlags]] = MappingProxyType(
    {
        one.name: one
        for one in x509.ReasonFlags
        # There is no way back from a revocation here, and no delta.
        if one not in {x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl}
    }
)
"""Why a certificate may be revoked (RFC 5280, 5.3.1), by the names that records and commands use."""
_BACKDATED: Final = timedelta(hours=1)
"""Other machines' clocks are behind ours."""
_MOST_SERIAL: Final = 2**160
_MOST_CRL_NUMBER: Final = 2**159
"""20 octets, of which the first bit is the sign (RFC 5280, 5.2.3)."""


class LifetimeError(BadInputError):
    """A certificate cannot live for as long or as short as was asked."""

    code = "issuing.lifetime"


class RevocationEntryError(BadInputError):
    """What is to be revoked cannot stand in a CRL."""

    code = "issuing.revocation_entry"


class RevocationListForeignError(SigningError):
    """The CRL at hand is not this CA's, so nothing of it is carried on."""

    code = "issuing.foreign_crl"


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and the key that issues."""

    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)


def new_key() -> rsa.RSAPrivateKey:
    """A key of the size that we issue for; takes about half a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_ISSUED_BITS)


def issue_root(
    key: PrivateKey, *, organisation: str, now: datetime, common_name: str | None = None
) -> x509.Certificate:
    """A self-signed root; the next one of an organisation is told apart by its `common_name`.

    Raises:
        RequestKeyError, RequestNameError: the key or the name cannot be a root's.
        IssuingFailedError: the key does not sign.
    """
    public_key = check_key(key.public_key(), Role.ROOT, name="the root's key")
    name = subject_of(Role.ROOT, organisation=organisation, common_name=common_name)
    builder = start(name, public_key, now - _BACKDATED, now + PROFILES[Role.ROOT].lifetime)
    builder = extended(builder, granted(Role.ROOT, public_key, None))
    root = builder.issuer_name(name).sign(key, hashes.SHA256())
    return checked(root, root)


def issue(  # noqa: PLR0913 -- what a certificate says, each by its name
    role: Role,
    public_key: object,
    issuer: Authority,
    *,
    organisation: str,
    now: datetime,
    common_name: str | None = None,
    lifetime: timedelta | None = None,
    names: Sequence[str] = (),
) -> x509.Certificate:
    """A certificate of that role, as long as the profile says where no `lifetime` does.

    It never outlives its issuer, nor begins before it.

    Raises:
        RequestKeyError, RequestNameError, RequestRoleError, LifetimeError: what cannot be certified.
        IssuerUnfitError, KeyMismatchError: this CA cannot issue it.
        IssuingFailedError: its key does not sign.
    """
    check_requestable(role)
    subject = subject_of(role, organisation=organisation, common_name=common_name, names=names)
    alternative = alternative_names(role, names)
    return _issue(role, public_key, subject, alternative, issuer, now=now, lifetime=lifetime)


def certify(
    request: x509.CertificateSigningRequest,
    role: Role,
    issuer: Authority,
    *,
    now: datetime,
    lifetime: timedelta | None = None,
) -> x509.Certificate:
    """Answer a request: it brings key, subject and a TLS end's names; all else the profile decides.

    What else it asks for is not granted; `requesting.differences` says what that is.

    Raises:
        RequestSignatureError, RequestKeyError, RequestNameError, RequestRoleError, LifetimeError: what
            cannot be certified.
        IssuerUnfitError, KeyMismatchError: this CA cannot issue it.
        IssuingFailedError: its key does not sign.
    """
    check_requestable(role)
    if not request.is_signature_valid:
        raise RequestSignatureError("the request is not signed by its own key; ask for another one")
    if not list(request.subject):
        raise RequestNameError("the request names no subject; ask for one that names organisation and owner")
    names = requested_names(request) if role in TLS_ROLES else None
    if PROFILES[role].needs_dns_name and not names:
        raise RequestNameError(f"the request names no machine, and a {role} needs the names clients ask for")
    key = request.public_key()
    return _issue(role, key, request.subject, names, issuer, now=now, lifetime=lifetime)


def cross_certify(certificate: x509.Certificate, issuer: Authority, *, now: datetime) -> x509.Certificate:
    """The same CA, by name and key, under another one; whoever pins that one then believes it, too.

    It carries the extensions of the certificate that it stands beside, and outlives neither that one
    nor its issuer. For a root it is a voucher (`trust.vouching`), and carries the extended key usages of
    both kinds of document: no other certificate of a CA does, so no other can be shown in its place.

    Raises:
        RequestRoleError: the certificate is no CA's.
        IssuerUnfitError, KeyMismatchError: this CA cannot issue it.
        IssuingFailedError: its key does not sign.
    """
    try:
        party = read_party(certificate, source="certificate to cross-certify")
    except UntrustedError as error:
        raise RequestRoleError(f"{name_of(certificate)} cannot be certified: {error}") from error
    if not party.is_ca:
        raise RequestRoleError(f"{name_of(certificate)} is no CA; only roots and CAs are cross-certified")
    usages = party.extended_key_usage or frozenset()
    if party.is_self_issued:
        usages |= frozenset(EKU.values())
    check_certifier(issuer.certificate, issuer.private_key, usages, now=now, of_ca=True)
    public_key = check_key(certificate.public_key(), Role.ROOT, name=name_of(certificate))
    begins = max(now - _BACKDATED, certificate.not_valid_before_utc, issuer.certificate.not_valid_before_utc)
    ends = min(certificate.not_valid_after_utc, issuer.certificate.not_valid_after_utc)
    if ends <= now:
        raise LifetimeError(
            f"{name_of(certificate)} ended at {to_text(ends)}; certify the one that follows it"
        )
    builder = start(certificate.subject, public_key, begins, ends)
    builder = extended(builder, _kept(certificate))
    if usages:
        ours = x509.ExtendedKeyUsage(sorted(usages, key=lambda one: one.dotted_string))
        builder = builder.add_extension(ours, critical=False)
    return signed(builder, issuer.certificate, issuer.private_key)


def _kept(certificate: x509.Certificate) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """What belongs to a CA, and not to who certified it."""
    extensions = certificate.extensions
    try:
        own = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        public_key = check_key(certificate.public_key(), Role.ROOT, name=name_of(certificate))
        own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    yield own, False
    for one in extensions:
        if isinstance(one.value, _KEPT):
            yield one.value, one.critical


_KEPT: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.CertificatePolicies,
    x509.NameConstraints,
)


def issue_crl(
    issuer: Authority,
    *,
    revoked: Iterable[tuple[int, datetime, str]] = (),
    number: int | None = None,
    now: datetime,
) -> x509.CertificateRevocationList:
    """A CRL of all that this CA revoked: serial number, since when, and a reason of `REASONS`.

    Of two entries of one serial number the earlier counts. Without a `number` it takes the seconds of
    `now`, which grow as those of the lists before it did.

    Raises:
        RevocationEntryError: an entry or the number cannot stand in a CRL.
        IssuerUnfitError, KeyMismatchError: this CA cannot issue CRLs.
        IssuingFailedError: its key does not sign.
    """
    check_crl_issuer(issuer.certificate, issuer.private_key, now=now)
    number = int(now.timestamp()) if number is None else number
    return _make_crl(issuer, revoked, number=number, begins=now - _BACKDATED)


def renew_crl(
    issuer: Authority,
    previous: x509.CertificateRevocationList,
    *,
    revoked: Iterable[tuple[int, datetime, str]] = (),
    now: datetime,
    from_now: bool = False,
) -> x509.CertificateRevocationList:
    """The CRL after `previous`: all that was revoked stays so, and `revoked` joins it.

    Its number is above the one before, whatever the clock says. It begins no earlier, either, but where
    `from_now` says that `previous` was signed by a clock that was ahead.

    Raises:
        RevocationListForeignError: this CA did not sign `previous`.
        RevocationEntryError, IssuerUnfitError, KeyMismatchError, IssuingFailedError: as `issue_crl`.
    """
    check_crl_issuer(issuer.certificate, issuer.private_key, now=now)
    if not crl_issued_by(previous, issuer.certificate):
        raise RevocationListForeignError(
            f"the CRL that {name_of(issuer.certificate)} is to renew was signed by somebody else; look where "
            "that CRL comes from, and restore the last one of this CA"
        )
    number = int(now.timestamp())
    with suppress(x509.ExtensionNotFound):
        held = previous.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        number = max(number, held + 1)
    # Of several lists receivers go by the one that begins last, even where a clock was set back.
    begins = now - _BACKDATED if from_now else max(now - _BACKDATED, previous.last_update_utc)
    entries = (*revoked_by(previous), *revoked)
    return _make_crl(issuer, entries, number=number, begins=begins)


def _list_lifetime(issuer: x509.Certificate) -> timedelta:
    """By the profile. Of issuing CAs both kinds hold equally long."""
    role = Role.ROOT if issuer.subject == issuer.issuer else Role.FEED_CA
    lifetime = PROFILES[role].list_lifetime
    assert lifetime is not None  # both are CAs
    return lifetime


def _make_crl(
    issuer: Authority,
    revoked: Iterable[tuple[int, datetime, str]],
    *,
    number: int,
    begins: datetime,
) -> x509.CertificateRevocationList:
    if not 0 <= number < _MOST_CRL_NUMBER:
        raise RevocationEntryError(
            f"a CRL cannot have the number {number}; give one above that of the last CRL"
        )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begins)
        .next_update(begins + _BACKDATED + _list_lifetime(issuer.certificate))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(authority_key_identifier(issuer.certificate), critical=False)
    )
    entries: dict[int, tuple[datetime, str]] = {}
    for serial, since, reason in revoked:
        known = entries.get(serial)
        if known is None or since < known[0]:
            entries[serial] = (since, reason)
    for serial, (since, reason) in sorted(entries.items()):
        builder = builder.add_revoked_certificate(_entry(serial, since, reason))
    crl = builder.sign(issuer.private_key, hashes.SHA256())
    if not crl.is_signature_valid(check_key(issuer.certificate.public_key(), Role.ROOT, name="the CA's key")):
        raise IssuingFailedError(
            f"{name_of(issuer.certificate)}: the CRL's signature does not hold; look at the key"
        )
    return crl


def revoked_by(crl: x509.CertificateRevocationList) -> tuple[tuple[int, datetime, str], ...]:
    """What a CRL revokes: serial number, since when, and a reason of `REASONS`."""
    return tuple((one.serial_number, one.revocation_date_utc, _reason(one)) for one in crl)


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return x509.ReasonFlags.unspecified.name
    # Another maker's list may put one on hold; here it is not let go again.
    return reason.name if reason.name in REASONS else x509.ReasonFlags.unspecified.name


def _entry(serial: int, since: datetime, reason: str) -> x509.RevokedCertificate:
    flag = REASONS.get(reason)
    if flag is None:
        raise RevocationEntryError(f"{reason!r} is no reason to revoke; the reasons are {', '.join(REASONS)}")
    if not 0 < serial < _MOST_SERIAL:
        raise RevocationEntryError(
            f"no certificate has the serial number {serial:x}; look it up in `key list`"
        )
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
    if flag is not x509.ReasonFlags.unspecified:  # said by leaving it out (RFC 5280, 5.3.1)
        builder = builder.add_extension(x509.CRLReason(flag), critical=False)
    return builder.build()


def _issue(  # noqa: PLR0913 -- what a certificate says, each by its name
    role: Role,
    key: object,
    subject: x509.Name,
    names: x509.SubjectAlternativeName | None,
    issuer: Authority,
    *,
    now: datetime,
    lifetime: timedelta | None,
) -> x509.Certificate:
    profile = PROFILES[role]
    public_key = check_key(key, role, name=f"the key for the {role}")
    check_certifier(
        issuer.certificate,
        issuer.private_key,
        profile.usages(),
        now=now,
        of_ca=profile.is_ca,
        of_signer=profile.kind is not None and not profile.is_ca,
    )
    if subject == issuer.certificate.subject:
        raise RequestNameError(
            f"the subject {subject.rfc4514_string()!r} is the CA's own, and receivers could not tell the two "
            "apart; choose another common name"
        )
    lifetime = profile.lifetime if lifetime is None else lifetime
    if not timedelta(0) < lifetime <= profile.lifetime:
        raise LifetimeError(
            f"a {role} lives for up to {profile.lifetime.days} days, and {lifetime} was asked; ask for less"
        )
    begins = max(now - _BACKDATED, issuer.certificate.not_valid_before_utc)
    ends = min(now + lifetime, issuer.certificate.not_valid_after_utc)
    builder = extended(start(subject, public_key, begins, ends), granted(role, public_key, names))
    return signed(builder, issuer.certificate, issuer.private_key)
