"""Certificate signing requests: asking for exactly what the profile wants, and reading what others ask.

What a request asks for and what `issuing` grants come from the same lines here, so that a request of
ours is never granted less than it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.errors import BadInputError
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.certificates import UNREADABLE, reason_of
from feedsrv.trust.fitting import curves_text, faults_of_key, key_usages
from feedsrv.trust.profile import KEY_USAGES, PROFILES, Role, usage_names

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""The kinds of key that are certified here."""

TLS_ROLES: Final = frozenset({Role.TLS_SERVER, Role.TLS_AGENT})
"""Those whose certificates carry names of machines."""

_MOST_BYTES: Final = 64 * 1024
_MOST_NAME: Final = 64
"""Characters of an organisation or a common name (RFC 5280, appendix A.1)."""
_MOST_NAMES: Final = 100


class RequestUnreadableError(BadInputError):
    """What was given is no certificate signing request in PEM or DER."""

    code = "request.unreadable"


class RequestSignatureError(BadInputError):
    """The request is not signed by the key that it is for, so nobody has shown to hold that key."""

    code = "request.signature"


class RequestKeyError(BadInputError):
    """The key is of a kind or size that receivers refuse."""

    code = "request.key"


class RequestRoleError(BadInputError):
    """Certificates of this role are not requested: a root signs itself."""

    code = "request.role"


class RequestNameError(BadInputError):
    """A name cannot stand in a certificate, or is missing."""

    code = "request.name"


def make_request(
    key: PrivateKey,
    role: Role,
    *,
    organisation: str,
    common_name: str | None = None,
    names: Sequence[str] = (),
) -> bytes:
    """A request, DER, for exactly what the profile wants of that role; `names` are a TLS end's.

    The key may live in a module: it is asked to sign once, and for its public half.

    Raises:
        RequestRoleError, RequestKeyError, RequestNameError: what cannot be asked for.
        SigningError, KeyAwayError: the key's module does not sign.
    """
    check_requestable(role)
    check_key(key.public_key(), role, name=f"the key for the {role}")
    subject = subject_of(role, organisation=organisation, common_name=common_name, names=names)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension, critical in profile_extensions(role, alternative_names(role, names)):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def read_request(data: bytes, *, source: str) -> x509.CertificateSigningRequest:
    """Read one request, PEM or DER, down to every field that is asked for later.

    Raises:
        RequestUnreadableError: it is none.
        RequestSignatureError: its signature does not hold.
    """
    if len(data) > _MOST_BYTES:
        raise RequestUnreadableError(
            f"{source}: is larger than any request ({len(data)} bytes); give the request alone"
        )
    try:
        is_pem = b"-----BEGIN " in data
        request = x509.load_pem_x509_csr(data) if is_pem else x509.load_der_x509_csr(data)
        _ = request.subject, request.extensions, request.public_key()
        is_signed = request.is_signature_valid
    except UNREADABLE as error:
        raise RequestUnreadableError(
            f"{source}: is no certificate signing request in PEM or DER ({reason_of(error)}); "
            "give the file that `key request` or `openssl req -new` wrote"
        ) from None
    if not is_signed:
        raise RequestSignatureError(
            f"{source}: its signature does not hold under its own key; make the request again"
        )
    return request


def differences(request: x509.CertificateSigningRequest, role: Role) -> tuple[str, ...]:
    """In what a request asks for other than the profile of that role grants; a sentence for each."""
    names = requested_names(request)
    granted = {one.oid: (one, critical) for one, critical in profile_extensions(role, names)}
    found = []
    for asked in request.extensions:
        wanted = granted.pop(asked.oid, None)
        if wanted is None:
            found.append(f"asks for {_in_words(asked.value)}, which a {role} does not get")
        elif asked.value != wanted[0]:
            found.append(f"asks for {_in_words(asked.value)}; a {role} gets {_in_words(wanted[0])}")
        elif asked.critical != wanted[1]:
            found.append(
                f"asks for {_in_words(asked.value)} {_marked(asked.critical)}; it is {_marked(wanted[1])}"
            )
    if len(request.extensions):  # one that asks for nothing leaves it all to the CA
        found += [f"does not ask for {_in_words(one)}, which a {role} gets" for one, _ in granted.values()]
    return tuple(found)


def requested_names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    """The names of machines that a request asks for, or None where it asks for none."""
    try:
        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    machines = [one for one in asked if isinstance(one, x509.DNSName | x509.IPAddress)]
    return x509.SubjectAlternativeName(machines) if machines else None


def profile_extensions(
    role: Role,
    names: x509.SubjectAlternativeName | None,
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """What the profile says of that role, as extensions, each with whether it is critical."""
    profile = PROFILES[role]
    yield x509.BasicConstraints(profile.is_ca, profile.path_length), True
    yield x509.KeyUsage(**{name: name in profile.key_usage for name in KEY_USAGES}), True
    usages = sorted(profile.usages(), key=lambda one: one.dotted_string)
    if usages:
        yield x509.ExtendedKeyUsage(usages), profile.extended_critical
    if names is not None and role in TLS_ROLES:
        yield names, False


def subject_of(
    role: Role, *, organisation: str, common_name: str | None = None, names: Sequence[str] = ()
) -> x509.Name:
    """The subject: organisation and common name, which is made of the role where none is given.

    Raises:
        RequestNameError: it is empty, too long, or holds what is not printable.
    """
    if common_name is None:
        common_name = names[0] if role in TLS_ROLES and names else f"{organisation} {role}"
        common_name = common_name[:_MOST_NAME]
    parts = (
        (NameOID.ORGANIZATION_NAME, "organisation", organisation),
        (NameOID.COMMON_NAME, "common name", common_name),
    )
    for _, what, text in parts:
        if not text.strip() or len(text) > _MOST_NAME or not text.isprintable():
            raise RequestNameError(
                f"the {what} {text[: 2 * _MOST_NAME]!r} cannot stand in a certificate; "
                f"write 1 to {_MOST_NAME} printable characters"
            )
    return x509.Name([x509.NameAttribute(oid, text) for oid, _, text in parts])


def alternative_names(role: Role, names: Sequence[str]) -> x509.SubjectAlternativeName | None:
    """The names of machines as an extension; None where there are none.

    Raises:
        RequestNameError: one is no name, there are too many, the role has none, or a server lacks them.
    """
    if not names:
        if PROFILES[role].needs_dns_name:
            raise RequestNameError(f"a {role}'s certificate needs the names that clients ask for; give one")
        return None
    if role not in TLS_ROLES:
        raise RequestNameError(f"a {role} has no names of machines; leave {names[0]!r} out")
    if len(names) > _MOST_NAMES:
        raise RequestNameError(f"{len(names)} names are more than one certificate holds here ({_MOST_NAMES})")
    return x509.SubjectAlternativeName([_general_name(one) for one in dict.fromkeys(names)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        found = x509.DNSName(name)
    except ValueError:
        found = None
    if found is None or not name or len(name) > 253 or not all(c.isalnum() or c in "-.*" for c in name):
        raise RequestNameError(
            f"{name[:253]!r} is no name of a machine; write it as DNS does, such as ems.example.com "
            "(other scripts as xn--...)"
        )
    return found


def check_requestable(role: Role) -> None:
    """Only what another CA issues can be asked for.

    Raises:
        RequestRoleError: the role is a root's.
    """
    if role is Role.ROOT:
        raise RequestRoleError(f"a {role} signs itself and is not asked for; request one of an issuing CA")


def check_key(key: object, role: Role, *, name: str) -> PublicKey:
    """A key of a kind and size that receivers accept in that role.

    Raises:
        RequestKeyError: another one.
    """
    profile = PROFILES[role]
    for fault in faults_of_key(key, profile):
        least, most = profile.rsa_bits
        raise RequestKeyError(
            f"{name}: {fault.words}; make a new key: RSA of {least} to {most} bits with the usual exponent "
            f"65537, or EC on {curves_text(profile)}"
        )
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return key


def _marked(critical: bool) -> str:
    return "marked critical" if critical else "not marked critical"


def _in_words(extension: x509.ExtensionType) -> str:
    match extension:
        case x509.BasicConstraints(ca=False):
            return "basic constraints of no CA"
        case x509.BasicConstraints(path_length=length):
            return (
                f"basic constraints of a CA with {'any number of' if length is None else length} CAs below it"
            )
        case x509.KeyUsage():
            return f"the key usage {usage_names(key_usages(extension))}"
        case x509.ExtendedKeyUsage():
            return f"the extended key usage {', '.join(one.dotted_string for one in extension)}"
        case x509.SubjectAlternativeName():
            return f"the names {', '.join(str(one.value) for one in extension)}"
    return f"the extension {extension.oid.dotted_string}"
