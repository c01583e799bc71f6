"""Reading certificates that strangers sent, naming them for people, and finding the signer's.

Everything that the libraries may refuse to read is read here, once, so that the judges in `chain`
and `usage` meet no surprises.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from feedsrv.trust.refusals import CertificateMalformedError, SignerAmbiguousError

_BLANKS: Final = dict.fromkeys(map(ord, " \t\r\n"))

UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
)
"""What cryptography raises for certificates that it cannot or will not read."""

_UNDERSTOOD: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.CertificatePolicies,
    x509.NameConstraints,
)
_MOST_NAME: Final = 120
_Value = TypeVar("_Value", bound=x509.ExtensionType)


@dataclass(frozen=True)
class Party:
    """A certificate, with what judges ask of it already read."""

    certificate: x509.Certificate
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None
    """None for a kind of key that is never allowed."""
    basic_constraints: x509.BasicConstraints | None
    key_usage: x509.KeyUsage | None
    extended_key_usage: frozenset[x509.ObjectIdentifier] | None
    policies: frozenset[x509.ObjectIdentifier]
    not_understood: tuple[str, ...]
    """Extensions that limit the certificate in a way that is not judged here."""

    @property
    def is_ca(self) -> bool:
        """True where the certificate says that it is a CA's."""
        return self.basic_constraints is not None and self.basic_constraints.ca

    @property
    def is_self_issued(self) -> bool:
        """True where subject and issuer are the same."""
        return self.certificate.subject == self.certificate.issuer


def printable(text: str) -> str:
    """A stranger's words with a question mark for whatever a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def name_of(certificate: x509.Certificate) -> str:
    """A certificate in one printable line: subject, serial number, fingerprint."""
    subject = printable(certificate.subject.rfc4514_string())
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    serial = f"{certificate.serial_number:x}"
    return f"{subject[:_MOST_NAME] or 'no subject'} (serial {serial}, SHA-256 {fingerprint})"


def issuer_of(certificate: x509.Certificate) -> str:
    """The name of a certificate's issuer, quoted, where its certificate is not at hand."""
    return quoted(certificate.issuer)


def quoted(name: x509.Name) -> str:
    """A name in a certificate, short and in quotation marks.

    >>> quoted(x509.Name.from_rfc4514_string("CN=Example root"))
    "'CN=Example root'"
    """
    return repr(name.rfc4514_string()[:_MOST_NAME])


def reason_of(error: Exception) -> str:
    """What a library said, on one line and not too much of it, for it may quote what it was given."""
    text = "".join(c if c.isprintable() else " " for c in str(error))
    return f"{type(error).__name__}: {text[:200]}".rstrip(": ")


def decode_base64(text: str) -> bytes:
    """Read base64 that lines may be broken in; anything else in it is somebody playing.

    Raises:
        ValueError: a character that does not belong there, or too few of them.
    """
    # What XML calls white space, and not what Python does: others refuse a no-break space.
    return b64decode(text.translate(_BLANKS), validate=True)


def decode_certificate(text: str, *, source: str, position: int) -> x509.Certificate:
    """Read the base64 of one `X509Certificate` element, down to every field that is asked for later.

    Raises:
        CertificateMalformedError: neither base64 nor a certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(decode_base64(text))
        _read_fields(certificate)
        is_numbered = certificate.serial_number > 0
    except Exception as error:
        # Two dozen kinds of extension are read in there, and what each reader raises is promised nowhere.
        raise CertificateMalformedError(
            source, f"certificate {position} cannot be read ({reason_of(error)})"
        ) from error
    if not is_numbered:
        raise CertificateMalformedError(source, f"certificate {position} has no positive serial number")
    return certificate


def _read_fields(certificate: x509.Certificate) -> None:
    """The library reads each field when it is first asked for; what it cannot read must be known by now."""
    _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc


def read_party(certificate: x509.Certificate, *, source: str) -> Party:
    """Read all that will be asked of a certificate.

    Raises:
        CertificateMalformedError: one of its fields or extensions cannot be read.
    """
    try:
        _read_fields(certificate)
        extensions = certificate.extensions
        key = certificate.public_key()
        return Party(
            certificate=certificate,
            public_key=key if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else None,
            basic_constraints=_value(extensions, x509.BasicConstraints),
            key_usage=_value(extensions, x509.KeyUsage),
            extended_key_usage=_usages(extensions),
            policies=_policies(extensions),
            not_understood=tuple(one.oid.dotted_string for one in extensions if not _is_understood(one)),
        )
    except UNREADABLE as error:
        raise CertificateMalformedError(
            source, f"{_safe_name(certificate)} cannot be read ({reason_of(error)})"
        ) from None


def _safe_name(certificate: x509.Certificate) -> str:
    return f"the certificate with SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()}"


def _value(extensions: x509.Extensions, wanted: type[_Value]) -> _Value | None:
    try:
        return extensions.get_extension_for_class(wanted).value
    except x509.ExtensionNotFound:
        return None


def _usages(extensions: x509.Extensions) -> frozenset[x509.ObjectIdentifier] | None:
    found = _value(extensions, x509.ExtendedKeyUsage)
    return None if found is None else frozenset(found)


def _policies(extensions: x509.Extensions) -> frozenset[x509.ObjectIdentifier]:
    found = _value(extensions, x509.CertificatePolicies)
    return frozenset(one.policy_identifier for one in found or ())


def _is_understood(extension: x509.Extension[x509.ExtensionType]) -> bool:
    value = extension.value
    if isinstance(value, x509.NameConstraints):
        # Signers are named by directory names alone, and the library does not judge constraints on
        # those. It passes over them where they are not critical; we do not.
        named = [*(value.permitted_subtrees or ()), *(value.excluded_subtrees or ())]
        return not any(isinstance(name, x509.DirectoryName) for name in named)
    return not extension.critical or isinstance(value, _UNDERSTOOD)


def find_signer(certificates: Sequence[x509.Certificate], *, source: str) -> x509.Certificate:
    """The one certificate that issued no other; the order in which they stand says nothing.

    Raises:
        SignerAmbiguousError: there is none, or more than one.
    """
    different = tuple(dict.fromkeys(certificates))
    ends = [
        one
        for one in different
        if not any(other is not one and other.issuer == one.subject for other in different)
    ]
    if len(ends) != 1:
        raise SignerAmbiguousError(
            source,
            f"of {len(different)} certificates, {len(ends) or 'none'} could be the signer's: "
            + ("; ".join(map(name_of, ends or different))),
        )
    return ends[0]


def is_issued_by(certificate: x509.Certificate, issuer: Party) -> bool:
    """True where that issuer's key signed the certificate."""
    try:
        certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True
