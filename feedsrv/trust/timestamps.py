"""RFC 3161 time-stamps: that a signature existed at a time, by the word of a time-stamping authority.

Verified offline, as of the time that the token states, so that it still proves something when every
certificate in it has ended. Revocation of the authority is not asked.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256, sha384, sha512
from typing import Any, Final

import rfc3161_client
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.trust.certificates import (
    Party,
    decode_base64,
    decode_certificate,
    is_issued_by,
    issuer_of,
    name_of,
    printable,
    quoted,
    read_party,
    reason_of,
)
from feedsrv.trust.fitting import Fault, faults_of_path, faults_of_usage, usages_text
from feedsrv.trust.form import read_form
from feedsrv.trust.profile import ANY_USAGE, TIME_STAMPING, Kind, Role
from feedsrv.trust.refusals import EkuExcessError, UntrustedError, WrongKindError

MOST_BYTES: Final = 64 * 1024
"""Of a token; those of real authorities have less than ten thousand."""
_MOST_ISSUERS: Final = 6
_DIGESTS: Final = {
    "2.16.840.1.101.3.4.2.1": sha256,
    "2.16.840.1.101.3.4.2.2": sha384,
    "2.16.840.1.101.3.4.2.3": sha512,
}
_SIGNED_OVER: Final = frozenset({"sha256", "sha384", "sha512"})
_CERTIFICATE_DIGESTS: Final = {"sha1": sha1, "sha256": sha256, "sha384": sha384, "sha512": sha512}
"""SHA-1 is what RFC 3161 began with; here it only names a certificate that the token is judged by anyway."""


class TimestampRefusedError(UntrustedError):
    """A time-stamp proves nothing; the document that it is for is not touched by that."""

    code = "timestamp"
    remedy = "Ask the time-stamping authority for another one"


class TimestampMalformedError(TimestampRefusedError):
    """What was given is no RFC 3161 token."""

    code = "timestamp.malformed"
    remedy = "Make sure that the address answers time-stamps and not a page"


class TimestampOtherDataError(TimestampRefusedError):
    """The token is for other data."""

    code = "timestamp.other_data"
    remedy = "Give the token together with the very document that was stamped"


class TimestampAuthorityError(TimestampRefusedError):
    """Whoever made the token is not an authority that is trusted here, or was not at that time."""

    code = "timestamp.authority"
    remedy = "Trust its root after comparing the fingerprint, or use another time-stamping authority"


class TimestampSignatureError(TimestampRefusedError):
    """The token was changed after it was made, or another key made it."""

    code = "timestamp.signature"
    remedy = "Do not believe it; take the token from where it was first kept"


@dataclass(frozen=True)
class Token:
    """A time-stamp that was verified."""

    der: bytes
    at: datetime
    """When the authority saw the data, to the second."""
    authority: str
    """The subject of its certificate."""


def verify_token(der: bytes, data: bytes, anchors: Sequence[x509.Certificate], *, source: str) -> Token:
    """Verify that a token is over that data, by an authority below one of the anchors, which are roots.

    Raises:
        TimestampMalformedError, TimestampOtherDataError, TimestampAuthorityError,
        TimestampSignatureError: what is wrong with it.
    """
    answer = _read(der, source)
    digest = _DIGESTS.get(answer.algorithm)
    if digest is None:
        raise TimestampMalformedError(
            source, f"the time-stamp is over a digest by {answer.algorithm}, not by SHA-2"
        )
    if answer.signed_over not in _SIGNED_OVER:
        raise TimestampSignatureError(
            source, f"the time-stamp is signed over {answer.signed_over}, not SHA-2"
        )
    if answer.digest != digest(data).digest():
        raise TimestampOtherDataError(source, "the time-stamp is over another digest than that of the data")

    held = tuple(_parties(answer.certificates, source))
    authority = _authority(answer, held, source)
    _check_authority(authority, answer.at, source)
    _check_chain(authority, held, [read_party(one, source=source) for one in anchors], answer.at, source)
    _ask_library(answer.response, data, anchors, source)
    subject = printable(authority.certificate.subject.rfc4514_string())
    return Token(der, answer.at.replace(microsecond=0), subject)


def nonce_of(der: bytes, *, source: str) -> int | None:
    """The nonce that a token repeats, or None; nothing is verified.

    Raises:
        TimestampMalformedError: it is no token.
    """
    return _read(der, source).nonce


def policy_of(der: bytes, *, source: str) -> x509.ObjectIdentifier:
    """The authority's policy that a token was made under; nothing is verified.

    Raises:
        TimestampMalformedError: it is no token.
    """
    return _read(der, source).policy


def certificates_of(der: bytes, *, source: str) -> tuple[x509.Certificate, ...]:
    """The certificates inside a token, its authority's first; nothing is verified.

    Raises:
        TimestampMalformedError, TimestampAuthorityError, TimestampSignatureError: they cannot be read, or
            the authority's is not among them.
    """
    answer = _read(der, source)
    held = tuple(_parties(answer.certificates, source))
    first = _authority(answer, held, source)
    return (first.certificate, *(one.certificate for one in held if one is not first))


def signature_value(document: bytes) -> bytes:
    """What a time-stamp of a signed document is over: the value of its signature, decoded.

    Raises:
        UntrustedError: the document is not of the published shape.
    """
    source = "signed document"
    try:
        form = read_form(document, kind=Kind.FEED, source=source)  # whose limits are the wider ones
    except WrongKindError:
        form = read_form(document, kind=Kind.MITIGATION, source=source)
    return decode_base64(form.root[-1][1].text or "")


@dataclass(frozen=True)
class _Answer:
    """A token as it was read; nothing of it is proven."""

    response: rfc3161_client.TimeStampResponse
    at: datetime
    algorithm: str
    digest: bytes
    nonce: int | None
    policy: x509.ObjectIdentifier
    certificates: tuple[bytes, ...]
    issuer: x509.Name
    """Of the authority's certificate, and its serial number."""
    serial: int
    signed_over: str
    """The digest algorithm of its signature."""
    named: tuple[str, bytes] | None
    """The digest of that certificate, as stands in what is signed, and by which algorithm."""


def _read(der: bytes, source: str) -> _Answer:
    if len(der) > MOST_BYTES:
        raise TimestampMalformedError(source, f"{len(der)} bytes are more than a time-stamp has")
    try:
        return _read_answer(der)
    except Exception as error:
        # Both readers read late, and promise nowhere what they raise.
        raise TimestampMalformedError(
            source, f"there is no RFC 3161 token of one signer with its certificate ({reason_of(error)})"
        ) from error


def _read_answer(der: bytes) -> _Answer:
    token: Any = cms.ContentInfo.load(der, strict=True)  # its classes are made at run time
    content = token["content"]
    (signed,) = content["signer_infos"]
    attributes = {one["type"].native: one["values"][0] for one in signed["signed_attrs"]}
    # Certificates stand outside of what is signed. OpenSSL writes them in any order, while the library
    # reads nothing that is not in the order of DER.
    held = sorted(content["certificates"], key=lambda one: one.dump())
    content["certificates"] = cms.CertificateSet(held)
    granted = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
    response = rfc3161_client.decode_timestamp_response(granted.dump())
    info = response.tst_info
    (signer,) = response.signed_data.signer_infos
    return _Answer(
        response=response,
        at=info.gen_time,
        algorithm=info.message_imprint.hash_algorithm.dotted_string,
        digest=info.message_imprint.message,
        nonce=info.nonce,
        policy=info.policy,
        certificates=tuple(sorted(response.signed_data.certificates)),
        issuer=signer.issuer,
        serial=signer.serial_number,
        signed_over=signed["digest_algorithm"]["algorithm"].native,
        named=_named(attributes),
    )


def _named(attributes: Mapping[str, Any]) -> tuple[str, bytes] | None:
    if "signing_certificate_v2" in attributes:
        first = attributes["signing_certificate_v2"]["certs"][0]
        return first["hash_algorithm"]["algorithm"].native, first["cert_hash"].native
    if "signing_certificate" in attributes:
        return "sha1", attributes["signing_certificate"]["certs"][0]["cert_hash"].native
    return None


def _parties(certificates: Iterable[bytes], source: str) -> Iterator[Party]:
    for position, one in enumerate(certificates, 1):
        text = b64encode(one).decode()
        try:
            yield read_party(decode_certificate(text, source=source, position=position), source=source)
        except UntrustedError as error:
            raise TimestampMalformedError(source, f"in the time-stamp, {error.found}") from None


def _authority(answer: _Answer, held: Sequence[Party], source: str) -> Party:
    """The one certificate that the signer names, by its issuer and by a digest of its own."""
    found = [
        one
        for one in held
        if one.certificate.issuer == answer.issuer and one.certificate.serial_number == answer.serial
    ]
    if len(found) != 1:
        wanted = f"serial {answer.serial:x} of {quoted(answer.issuer)}"
        raise TimestampAuthorityError(
            source,
            f"of {len(held)} certificates in it, {len(found) or 'none'} could be its signer's, {wanted}",
        )
    certificate = found[0].certificate
    algorithm, digest = answer.named or ("", b"")
    by = _CERTIFICATE_DIGESTS.get(algorithm)
    # By issuer and number alone, another certificate of a careless CA could be put in its place.
    if by is None or by(certificate.public_bytes(Encoding.DER)).digest() != digest:
        raise TimestampSignatureError(source, f"what is signed does not name {name_of(certificate)}")
    return found[0]


def _check_authority(authority: Party, at: datetime, source: str) -> None:
    faults: list[Fault] = [
        *faults_of_path(authority, Role.TIME_STAMPING, at=at, below=0),
        *faults_of_usage(authority, Role.TIME_STAMPING),
    ]
    usage = authority.certificate.extensions
    if not faults and not usage.get_extension_for_class(x509.ExtendedKeyUsage).critical:
        faults.append(
            Fault(EkuExcessError, "does not mark its extended key usage as critical (RFC 3161, 2.3)")
        )
    if faults:
        name = name_of(authority.certificate)
        raise TimestampAuthorityError(source, f"{Role.TIME_STAMPING} {name} {faults[0].words}")


def _check_chain(
    authority: Party, held: Sequence[Party], anchors: Sequence[Party], at: datetime, source: str
) -> None:
    last, path = authority, [authority]
    while last not in anchors:
        issuers = [
            one
            for one in (*anchors, *held)
            if one not in path
            and one.certificate.subject == last.certificate.issuer
            and is_issued_by(last.certificate, one)
        ]
        if not issuers or len(path) > _MOST_ISSUERS:
            issuer = issuer_of(last.certificate)
            raise TimestampAuthorityError(
                source, f"{name_of(last.certificate)} was issued by {issuer}, which is not trusted here"
            )
        last = issuers[0]
        below = sum(not one.is_self_issued for one in path[1:])
        for fault in faults_of_path(last, Role.ROOT, at=at, below=below, is_anchor=last in anchors):
            raise TimestampAuthorityError(source, f"CA {name_of(last.certificate)} {fault.words}")
        limits = last.extended_key_usage
        if limits is not None and not limits & {TIME_STAMPING, ANY_USAGE}:
            raise TimestampAuthorityError(
                source, f"CA {name_of(last.certificate)} is limited to {usages_text(limits)}"
            )
        path.append(last)


def _ask_library(
    response: rfc3161_client.TimeStampResponse, data: bytes, anchors: Sequence[x509.Certificate], source: str
) -> None:
    """The signature; and all that was judged above, once more by rules that are not ours."""
    try:
        verifier = rfc3161_client.VerifierBuilder(roots=list(dict.fromkeys(anchors))).build()
        verifier.verify_message(response, data)
    except Exception as error:
        raise TimestampSignatureError(
            source, f"the time-stamp's signature does not hold ({reason_of(error)})"
        ) from error
