"""Judging documents of the Office Configuration Service, as a legacy profile beside the strict one.

Those documents have what ours never have: a signature without prefix and by inclusive C14N, a bare key
beside the certificates, a signer's certificate without key usage, and a countersignature. All of that is
judged here, and nothing here is reachable from `verifying`: the strict profile does not weaken for it.
Nothing is read out of them but what they are called; nobody applies them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import ObjectIdentifier
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from feedsrv.codec.parsing import Limits, XmlError, parse
from feedsrv.trust.certificates import (
    Party,
    decode_base64,
    decode_certificate,
    find_signer,
    is_issued_by,
    issuer_of,
    name_of,
    read_party,
    reason_of,
)
from feedsrv.trust.chain import Path
from feedsrv.trust.countersignature import Countersignature, check_countersignature
from feedsrv.trust.fitting import (
    Fault,
    faults_of_algorithm,
    faults_of_dates,
    faults_of_extensions,
    faults_of_key,
    faults_of_length,
)
from feedsrv.trust.form import words_of
from feedsrv.trust.profile import (
    CODE_SIGNING,
    DS,
    ENVELOPED,
    MOST_CERTIFICATE_CHARACTERS,
    MOST_CERTIFICATES,
    MOST_SIGNATURE_CHARACTERS,
    PROFILES,
    RSA_SHA256,
    SHA256,
    Kind,
    Role,
)
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    CertificateCountError,
    ChainIncompleteError,
    DocumentLimitsError,
    DocumentMalformedError,
    EkuMissingError,
    IssuerNotCaError,
    KeySizeError,
    KeyUsageError,
    SignatureAlgorithmError,
    SignatureInvalidError,
    SignerIsCaError,
    UntrustedError,
    WrongKindError,
)
from feedsrv.trust.revocation import check_revocation

EOCS_EKU: Final = ObjectIdentifier("1.3.6.1.4.1.311.76.57.1.11")
"""What the signers of those documents carry beside code signing."""

_INCLUSIVE_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_STAMP: Final = "http://schemas.microsoft.com/xmldsig/timestamp/2003"
_LIMITS: Final = Limits(
    max_bytes=512 * 1024, max_depth=16, max_elements=4_000, max_attributes=16, max_text=64 * 1024
)
_MOST_NAMESPACES: Final = 16
_ALL: Final = PROFILES[Role.ROOT]
"""Which keys and algorithms a certificate may have: the same in every role that signs documents or issues."""
_REMEDY: Final = "Do not use it; fetch a genuine one again from the service that publishes it"
"""Where a refusal would send its own publisher, who is not the one of these documents."""

# What each element of the signature holds, in order.
_SHAPE: Final[dict[str, tuple[str, ...]]] = {
    "Signature": ("SignedInfo", "SignatureValue", "KeyInfo", "Object"),
    "SignedInfo": ("CanonicalizationMethod", "SignatureMethod", "Reference"),
    "Reference": ("Transforms", "DigestMethod", "DigestValue"),
    "Transforms": ("Transform", "Transform"),
    "KeyInfo": ("KeyValue", "X509Data"),
    "KeyValue": ("RSAKeyValue",),
    "RSAKeyValue": ("Modulus", "Exponent"),
}
_ATTRIBUTES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "CanonicalizationMethod": {"Algorithm": (_INCLUSIVE_C14N,)},
    "SignatureMethod": {"Algorithm": (RSA_SHA256,)},
    "DigestMethod": {"Algorithm": (SHA256,)},
    "Transform": {"Algorithm": (ENVELOPED, _INCLUSIVE_C14N)},
    "Reference": {"URI": ("",)},
    "Object": {"Id": ("ts-countersig",)},
    "CounterSignature": {"ts-format": ("cms-timestamp-message",)},
}


class EocsFormError(UntrustedError):
    """Not of the shape in which the Office Configuration Service signs."""

    code = "eocs.form"
    step = 3
    remedy = "Judge documents of feedsrv without `--profile eocs`; fetch a genuine one again"


class EocsKeyValueError(UntrustedError):
    """The bare key in the document is not the signer's."""

    code = "eocs.key_value"
    step = 3
    remedy = "Somebody changed the document; fetch it again"


@dataclass(frozen=True)
class EocsDocument:
    """What a genuine document is, and who says so."""

    version: str
    mitigations: tuple[str, ...]
    """Ids, such as `PING1`."""
    chain: tuple[x509.Certificate, ...]
    """The signer's certificate and its issuers in order, without the anchor."""
    anchor: x509.Certificate
    at: datetime
    stamped: Countersignature


def verify_eocs(  # noqa: PLR0913 -- each is one thing that a receiver knows, and all are named
    data: bytes,
    anchors: tuple[x509.Certificate, ...],
    *,
    at: datetime,
    eku: ObjectIdentifier = EOCS_EKU,
    crls: Iterable[x509.CertificateRevocationList] = (),
    source: str = "document",
) -> EocsDocument:
    """Prove who signed such a document, or refuse it.

    The countersignature must hold, too, but excuses no certificate: what has ended is refused.

    Raises:
        UntrustedError: one class and one code for each reason.
    """
    root = _parse(data, source)
    signature = _signature(root, source)
    _check_shape(signature, source)
    key_info, stamp = signature[2], signature[3]
    certificates = _certificates(key_info[1], source)
    signer = find_signer(certificates, source=source)
    _check_bare_key(key_info[0][0], signer, source)
    value = _bytes(signature[1], source)
    stamped = check_countersignature(
        _bytes(stamp[1], source), value, _certificates(stamp[0], source), source=source
    )
    content = _signed_content(data, signer, source)
    path = _path(signer, certificates, anchors, source)
    _check_path(path, at=at, eku=eku, source=source)
    check_revocation(Path(path, Kind.MITIGATION), crls, at=at, source=source)
    *chain, anchor = [one.certificate for one in path]
    return EocsDocument(
        version=content.get("version", ""),
        mitigations=tuple(one.get("id", "") for one in content.findall("Config")),
        chain=tuple(chain),
        anchor=anchor,
        at=at,
        stamped=stamped,
    )


def _parse(data: bytes, source: str) -> etree._Element:
    if len(data) <= _LIMITS.max_bytes and data.count(b"xmlns") > _MOST_NAMESPACES:
        raise DocumentLimitsError(source, f"more than {_MOST_NAMESPACES} namespaces")
    try:
        root = parse(data, limits=_LIMITS, source=source)
    except XmlError as error:
        raise DocumentMalformedError(source, words_of(error)) from error
    if root.tag != "EOCS":
        raise WrongKindError(source, f"the root element is {str(root.tag)[:100]!a}, not EOCS")
    return root


def _signature(root: etree._Element, source: str) -> etree._Element:
    found = list(root.iter(f"{{{DS}}}Signature"))
    if len(found) != 1 or found[0].getparent() is not root or found[0].getnext() is not None:
        raise EocsFormError(source, f"{len(found)} signatures; wanted is one, as the root's last child")
    if any(child.tag != "Config" for child in root[:-1]):
        raise EocsFormError(source, "the root holds something beside Config and Signature")
    return found[0]


def _check_shape(element: etree._Element, source: str) -> None:
    name = etree.QName(element).localname
    allowed = _ATTRIBUTES.get(name, {})
    for attribute, value in element.attrib.items():
        if value not in allowed.get(str(attribute), ()):
            raise EocsFormError(source, f"{name} has {attribute}={value[:80]!a}")
    if len(element.attrib) != len(allowed):
        raise EocsFormError(source, f"{name} lacks {', '.join(allowed)}")
    found = tuple(_names(element))
    if name == "X509Data":
        wanted: tuple[str, ...] = ("X509Certificate",) * len(found)
    elif name == "Object":
        wanted = ("X509Data", f"{{{_STAMP}}}CounterSignature")
    else:
        wanted = _SHAPE.get(name, ())
    if found != wanted:
        raise EocsFormError(source, f"{name} holds {', '.join(found)[:200] or 'no element'}")
    if len(element) and any((text or "").strip() for text in (element.text, *(c.tail for c in element))):
        raise EocsFormError(source, f"text stands between the elements in {name}")
    if name == "Transforms" and [one.get("Algorithm") for one in element] != [ENVELOPED, _INCLUSIVE_C14N]:
        raise SignatureAlgorithmError(
            source, "the transforms are not enveloped signature and C14N 1.0", remedy=_REMEDY
        )
    for child in element:
        _check_shape(child, source)


def _names(element: etree._Element) -> Iterator[str]:
    for child in element:
        yield str(child.tag).removeprefix(f"{{{DS}}}")


def _bytes(element: etree._Element, source: str, most: int = MOST_CERTIFICATE_CHARACTERS) -> bytes:
    text = element.text or ""
    if len(text) > most:
        raise DocumentLimitsError(
            source, f"{etree.QName(element).localname} has {len(text)} characters; at most {most} are allowed"
        )
    try:
        return decode_base64(text)
    except ValueError:
        raise EocsFormError(source, f"{etree.QName(element).localname} is not base64") from None


def _certificates(x509_data: etree._Element, source: str) -> tuple[x509.Certificate, ...]:
    if not 1 <= len(x509_data) <= MOST_CERTIFICATES:
        raise CertificateCountError(
            source,
            f"{len(x509_data)} certificates; from 1 to {MOST_CERTIFICATES} are allowed",
            remedy=_REMEDY,
        )
    if any(len(one.text or "") > MOST_CERTIFICATE_CHARACTERS for one in x509_data):
        raise DocumentLimitsError(source, "a certificate is too long")
    return tuple(
        decode_certificate(one.text or "", source=source, position=position)
        for position, one in enumerate(x509_data, 1)
    )


def _check_bare_key(value: etree._Element, signer: x509.Certificate, source: str) -> None:
    key = signer.public_key()
    if not isinstance(key, RSAPublicKey):
        raise SignatureAlgorithmError(source, f"{name_of(signer)} has no RSA key", remedy=_REMEDY)
    modulus, exponent = (
        int.from_bytes(_bytes(part, source, MOST_SIGNATURE_CHARACTERS), "big") for part in value
    )
    numbers = key.public_numbers()
    if (modulus, exponent) != (numbers.n, numbers.e):
        raise EocsKeyValueError(source, f"the bare key in the document is not that of {name_of(signer)}")


def _signed_content(data: bytes, signer: x509.Certificate, source: str) -> etree._Element:
    verifier = XMLVerifier()
    # Canonicalising SignedInfo in its place, libxml2 adds an empty namespace that was never signed.
    verifier.excise_empty_xmlns_declarations = True
    configuration = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        ignore_ambiguous_key_info=True,  # it was compared with the certificate's
        verification_time=signer.not_valid_before_utc,
    )
    try:
        result: Any = verifier.verify(data, x509_cert=signer, expect_config=configuration)
    except Exception as error:
        raise SignatureInvalidError(
            source, f"the signature does not hold under the key of {name_of(signer)} ({reason_of(error)})"
        ) from error
    if not isinstance(result, VerifyResult) or result.signed_xml is None:
        raise SignatureInvalidError(source, "the signature covers no readable document")
    return result.signed_xml


def _path(
    signer: x509.Certificate,
    certificates: tuple[x509.Certificate, ...],
    anchors: tuple[x509.Certificate, ...],
    source: str,
) -> tuple[Party, ...]:
    """From the signer to a pinned anchor, by every certificate of the document."""
    pinned = {one for one in certificates if one in anchors}
    path = [read_party(signer, source=source)]
    while path[-1].certificate not in anchors:
        last = path[-1].certificate
        issuers = [
            read_party(one, source=source)
            for one in (*anchors, *certificates)
            if one.subject == last.issuer and one != last
        ]
        genuine = [one for one in issuers if is_issued_by(last, one)]
        if not genuine or len(path) > MOST_CERTIFICATES:
            issuer = issuer_of(last)
            refusal = AnchorUnknownError if read_party(last, source=source).is_ca else ChainIncompleteError
            raise refusal(source, f"{name_of(last)} was issued by {issuer}, which is not pinned here")
        path.append(genuine[0])
    used = {one.certificate for one in path}
    if strangers := [one for one in certificates if one not in used | pinned]:
        raise EocsFormError(source, f"{name_of(strangers[0])} stands in the document and vouches for nobody")
    return tuple(path)


def _check_path(path: tuple[Party, ...], *, at: datetime, eku: ObjectIdentifier, source: str) -> None:
    roles = ("signer", *("issuing CA" for _ in path[2:]), "trust anchor")
    for position, (party, role) in enumerate(zip(path, roles, strict=True)):
        name = f"{role} {name_of(party.certificate)}"
        for fault in faults_of_dates(party, at):
            raise fault.of(name, source)
        for fault in _faults(party):
            raise fault.of(name, source, remedy=_REMEDY)
        for fault in _faults_of_issuer(party, position - 1) if position else ():
            raise fault.of(name, source, remedy=_REMEDY)
    signer, name = path[0], name_of(path[0].certificate)
    if signer.is_ca:
        raise SignerIsCaError(source, f"the document is signed by the CA {name} itself", remedy=_REMEDY)
    if not {eku, CODE_SIGNING} <= (signer.extended_key_usage or frozenset()):
        raise EkuMissingError(
            source,
            f"signer {name} lacks the extended key usage {eku.dotted_string} beside code signing",
            remedy=_REMEDY,
        )


def _faults(party: Party) -> Iterator[Fault]:
    """As in the strict profile, but for keys on elliptic curves, which that service does not have."""
    yield from faults_of_algorithm(party, _ALL)
    if not isinstance(party.public_key, RSAPublicKey):
        yield Fault(KeySizeError, "has no RSA key")
    yield from faults_of_key(party.public_key, _ALL)
    yield from faults_of_extensions(party)


def _faults_of_issuer(party: Party, below: int) -> Iterator[Fault]:
    if not party.is_ca:
        yield Fault(IssuerNotCaError, "is no CA, yet it issued another certificate")
    yield from faults_of_length(party, below)
    # These CAs have it not marked as critical, and the signers do not have it at all.
    if party.key_usage is not None and not party.key_usage.key_cert_sign:
        yield Fault(KeyUsageError, "lacks the key usage keyCertSign")
