"""The outside of a signed document: steps 1 to 3, all of them before any cryptography.

signxml and libxml2 can be kept busy for seconds by small documents, and several stacks skip what
they do not know. So whatever is not exactly the published shape is refused here, by looking alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from lxml import etree

from feedsrv.codec.parsing import LIMITS_FEED, LIMITS_MITIGATION, Limits, XmlError, parse
from feedsrv.errors import BadInputError
from feedsrv.trust.certificates import decode_base64, decode_certificate, printable
from feedsrv.trust.profile import (
    DS,
    ECDSA_SHA256,
    ENVELOPED,
    EXCLUSIVE_C14N,
    MOST_CERTIFICATE_CHARACTERS,
    MOST_CERTIFICATES,
    MOST_NAMESPACES,
    MOST_SIGNATURE_CHARACTERS,
    ROOTS,
    RSA_SHA256,
    SHA256,
    Kind,
)
from feedsrv.trust.refusals import (
    CertificateCountError,
    DocumentLimitsError,
    DocumentMalformedError,
    SignatureAlgorithmError,
    SignatureCountError,
    SignatureFormError,
    SignatureKeyInfoError,
    SignatureMisplacedError,
    SignatureMissingError,
    SignatureReferenceError,
    WrongKindError,
)

_LIMITS: Final[dict[Kind, Limits]] = {Kind.MITIGATION: LIMITS_MITIGATION, Kind.FEED: LIMITS_FEED}
_LIMIT_CODES: Final = frozenset(
    {
        "xml.too_large",
        "xml.too_deep",
        "xml.too_many_attributes",
        "xml.too_many_elements",
        "xml.text_too_long",
    }
)

_WHITE: Final = " \t\r\n"

# What each element of a signature may hold, in order, and its attributes. Everything else is refused.
_CHILDREN: Final[dict[str, tuple[str, ...]]] = {
    "Signature": ("SignedInfo", "SignatureValue", "KeyInfo"),
    "SignedInfo": ("CanonicalizationMethod", "SignatureMethod", "Reference"),
    "Reference": ("Transforms", "DigestMethod", "DigestValue"),
    "Transforms": ("Transform", "Transform"),
    "KeyInfo": ("X509Data",),
}
_ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "CanonicalizationMethod": ("Algorithm",),
    "SignatureMethod": ("Algorithm",),
    "DigestMethod": ("Algorithm",),
    "Transform": ("Algorithm",),
    "Reference": ("URI",),
}


@dataclass(frozen=True)
class Form:
    """What a well-formed signature says of itself. Nothing of it is proven."""

    root: etree._Element
    """The whole document; `signature.signed_content` spends it."""
    kind: Kind
    algorithm: str
    certificates: tuple[x509.Certificate, ...]
    """As they stand in the document."""


def read_form(data: bytes, *, kind: Kind, source: str) -> Form:
    """Check limits, parse safely, and check that the signature has exactly the published shape.

    Raises:
        DocumentLimitsError: more than any document of ours holds.
        DocumentMalformedError: not XML that is safe to read.
        WrongKindError: another document.
        SignatureMissingError, SignatureCountError, SignatureMisplacedError, SignatureFormError,
        SignatureReferenceError, SignatureAlgorithmError, SignatureKeyInfoError: the signature.
        CertificateCountError, CertificateMalformedError: its certificates.
    """
    root = _parse(data, kind, source)
    if root.tag != ROOTS[kind]:
        raise WrongKindError(source, f"the root element is {_short(root.tag)}, not {ROOTS[kind]}")
    signature = _only_signature(root, source)
    algorithm = _read_algorithm(signature, source)
    return Form(root, kind, algorithm, _read_certificates(signature[2][0], source))


def _parse(data: bytes, kind: Kind, source: str) -> etree._Element:
    limits = _LIMITS[kind]
    # Counted before parsing: libxml2 needs time in the square of the namespaces on an element.
    namespaces = data.count(b"xmlns") if len(data) <= limits.max_bytes else 0
    if namespaces > MOST_NAMESPACES:
        raise DocumentLimitsError(source, f"{namespaces} namespaces; at most {MOST_NAMESPACES} are allowed")
    try:
        return parse(data, limits=limits, source=source)
    except XmlError as error:
        refusal = DocumentLimitsError if error.code in _LIMIT_CODES else DocumentMalformedError
        raise refusal(source, words_of(error)) from error


def words_of(error: BadInputError) -> str:
    """What a reader said, with the place; the document's name is added by the refusal."""
    words = str(error).rstrip(".")
    if isinstance(error, XmlError):
        places = [f"line {error.line}"] if error.line is not None else []
        places += [error.path] if error.path is not None else []
        words = f"{', '.join(places)}: " if places else ""
        words += error.sentence.rstrip(".")
    return f"{words} ({error.code})"


def _only_signature(root: etree._Element, source: str) -> etree._Element:
    """The one signature, last child of the root; whitespace may follow it."""
    found = list(root.iter(f"{{{DS}}}Signature"))
    if not found:
        raise SignatureMissingError(source, "the document is not signed")
    if len(found) > 1:
        raise SignatureCountError(source, f"{len(found)} signatures; exactly one is allowed")
    (signature,) = found
    if signature.getparent() is not root or signature.getnext() is not None:
        raise SignatureMisplacedError(source, "the signature is not the last child of the root element")
    if (signature.tail or "").strip():
        raise SignatureMisplacedError(source, "text follows the signature")
    return signature


def _read_algorithm(signature: etree._Element, source: str) -> str:
    references = signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")
    if len(references) != 1:
        raise SignatureReferenceError(source, f"{len(references)} references; exactly one is allowed")
    _check_transforms(references[0], source)
    _check_key_info(signature, source)
    _check_children(signature, source)
    signed_info, value, _ = signature
    method, algorithm, reference = signed_info
    _check_algorithm(method, (EXCLUSIVE_C14N,), source)
    _check_algorithm(algorithm, (RSA_SHA256, ECDSA_SHA256), source)
    _check_algorithm(reference[1], (SHA256,), source)
    _check_base64(value, MOST_SIGNATURE_CHARACTERS, source)
    _check_base64(reference[2], 64, source)
    return algorithm.get("Algorithm", "")


def _check_transforms(reference: etree._Element, source: str) -> None:
    uri = reference.get("URI")
    if uri != "":
        held = "names nothing" if uri is None else f"is to {_short(uri)}"
        raise SignatureReferenceError(
            source, f"the reference {held}; wanted is the whole document (URI empty)"
        )
    transforms = [one.get("Algorithm") for one in reference.iter(f"{{{DS}}}Transform")]
    if transforms != [ENVELOPED, EXCLUSIVE_C14N]:
        raise SignatureReferenceError(
            source,
            f"the transforms are {', '.join(map(_short, transforms[:4])) or 'none'}; "
            f"exactly {ENVELOPED} and {EXCLUSIVE_C14N} are allowed",
        )


def _check_key_info(signature: etree._Element, source: str) -> None:
    """Only certificates: a bare key, a name or an address would be believed by some stack."""
    for key_info in signature.findall(f"{{{DS}}}KeyInfo"):
        for one in key_info:
            if one.tag != f"{{{DS}}}X509Data":
                raise SignatureKeyInfoError(
                    source, f"KeyInfo holds {_short(one.tag)}; only X509Data is allowed"
                )
            for inner in one:
                if inner.tag != f"{{{DS}}}X509Certificate":
                    raise SignatureKeyInfoError(
                        source, f"X509Data holds {_short(inner.tag)}; only X509Certificate is allowed"
                    )


def _check_children(element: etree._Element, source: str) -> None:
    """Refuse whatever the published shape does not hold, all the way down."""
    name = etree.QName(element).localname
    attributes = tuple(map(str, element.attrib))
    if attributes != _ATTRIBUTES.get(name, ()):
        raise SignatureFormError(
            source,
            f"{name} has the attributes {', '.join(map(_short, attributes)) or 'none'}; "
            f"wanted is {', '.join(_ATTRIBUTES.get(name, ())) or 'none'}",
        )
    if len(element) and any((text or "").strip(_WHITE) for text in _texts_between(element)):
        raise SignatureFormError(source, f"text stands between the elements in {name}")
    if name == "X509Data":
        for certificate in element:
            if len(certificate) or certificate.attrib:
                raise SignatureFormError(source, "an X509Certificate holds more than text")
        return
    wanted = [f"{{{DS}}}{child}" for child in _CHILDREN.get(name, ())]
    found = [child.tag for child in element]
    if found != wanted:
        held = ", ".join(map(_short, found[:6])) or "nothing"
        due = ", ".join(map(_short, wanted)) or "text only"
        raise SignatureFormError(source, f"{name} holds {held}; wanted is {due}")
    for child in element:
        _check_children(child, source)


def _texts_between(element: etree._Element) -> Iterator[str | None]:
    yield element.text
    for child in element:
        yield child.tail


def _check_algorithm(element: etree._Element, allowed: tuple[str, ...], source: str) -> None:
    algorithm = element.get("Algorithm")
    if algorithm not in allowed:
        name = etree.QName(element).localname
        raise SignatureAlgorithmError(
            source, f"{name} is {_short(algorithm)}; allowed is {' or '.join(allowed)}"
        )


def _check_base64(element: etree._Element, most: int, source: str) -> None:
    text = element.text or ""
    name = etree.QName(element).localname
    if len(text) > most:
        raise DocumentLimitsError(source, f"{name} has {len(text)} characters; at most {most} are allowed")
    try:
        decode_base64(text)
    except ValueError:
        raise SignatureFormError(source, f"{name} is not base64") from None


def _read_certificates(x509_data: etree._Element, source: str) -> tuple[x509.Certificate, ...]:
    texts = [one.text or "" for one in x509_data]
    if not 1 <= len(texts) <= MOST_CERTIFICATES:
        raise CertificateCountError(
            source, f"{len(texts)} certificates; from 1 to {MOST_CERTIFICATES} are allowed"
        )
    for position, text in enumerate(texts, 1):
        if len(text) > MOST_CERTIFICATE_CHARACTERS:
            raise DocumentLimitsError(
                source,
                f"certificate {position} has {len(text)} characters; "
                f"at most {MOST_CERTIFICATE_CHARACTERS} are allowed",
            )
    return tuple(
        decode_certificate(text, source=source, position=position) for position, text in enumerate(texts, 1)
    )


def _short(word: object) -> str:
    """A stranger's word, short and printable; of an element its name."""
    if callable(word):  # lxml's way to call what is neither element nor text
        return "a comment or another node that is no element"
    if word is None:
        return "none"
    text = printable(str(word).replace(f"{{{DS}}}", "ds:"))
    return text if len(text) <= 100 else f"{text[:100]}..."
