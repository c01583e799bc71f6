"""Keys beside or instead of certificates, and certificates where nobody should look for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import DS
from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine, base64_of, der, found, stranger, x509_element

_KEY_INFO: Final = "trust.signature_key_info"
_FORM: Final = "trust.signature_form"
_KEYS: Final = re.compile(rb"<ds:KeyInfo>.*</ds:KeyInfo>", re.DOTALL)
_DSIG11: Final = b"http://www.w3.org/2009/xmldsig11#"


def _key_value(private_key: PrivateKey) -> bytes:
    public = private_key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    numbers = public.public_numbers()
    modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    return (
        b"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%b</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>"
        b"</ds:RSAKeyValue></ds:KeyValue>" % base64_of(modulus)
    )


def _spki(private_key: PrivateKey) -> bytes:
    return private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# What else a KeyInfo may hold by the standard, each naming some key.
_HINTS: Final[dict[str, Callable[[Genuine], bytes]]] = {
    "key-value": lambda g: _key_value(g.signer.private_key),
    "key-value-of-a-stranger": lambda _: _key_value(stranger()),
    "elliptic-key-value": lambda _: (
        b'<ds:KeyValue><ec:ECKeyValue xmlns:ec="%b"><ec:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        b"<ec:PublicKey>BAAA</ec:PublicKey></ec:ECKeyValue></ds:KeyValue>" % _DSIG11
    ),
    "dsa-key-value": lambda _: (
        b"<ds:KeyValue><ds:DSAKeyValue><ds:Y>AQAB</ds:Y></ds:DSAKeyValue></ds:KeyValue>"
    ),
    "encoded-key-value": lambda _: (
        b'<d:DEREncodedKeyValue xmlns:d="%b">%b</d:DEREncodedKeyValue>'
        % (_DSIG11, base64_of(_spki(stranger())))
    ),
    "key-name": lambda _: b"<ds:KeyName>feed signer</ds:KeyName>",
    "key-name-as-a-path": lambda _: b"<ds:KeyName>../../../etc/passwd</ds:KeyName>",
    "retrieval-method": lambda _: (
        b'<ds:RetrievalMethod URI="https://evil.example/key" Type="http://www.w3.org/2000/09/xmldsig#X509Data"/>'
    ),
    "reference-to-a-key": lambda _: b'<d:KeyInfoReference xmlns:d="%b" URI="#k"/>' % _DSIG11,
    "pgp-data": lambda _: b"<ds:PGPData><ds:PGPKeyID>AAAA</ds:PGPKeyID></ds:PGPData>",
    "spki-data": lambda _: b"<ds:SPKIData><ds:SPKISexp>AAAA</ds:SPKISexp></ds:SPKIData>",
    "management-data": lambda _: b"<ds:MgmtData>words</ds:MgmtData>",
    "soap-token": lambda _: (
        b'<w:SecurityTokenReference xmlns:w="http://docs.oasis-open.org/wss/2004/01/'
        b'oasis-200401-wss-wssecurity-secext-1.0.xsd"/>'
    ),
    "encrypted-key": lambda _: b'<e:EncryptedKey xmlns:e="http://www.w3.org/2001/04/xmlenc#"/>',
    "nested-key-info": lambda _: b"<ds:KeyInfo><ds:KeyName>a</ds:KeyName></ds:KeyInfo>",
}

_IN_X509_DATA: Final = {
    "subject-name": b"<ds:X509SubjectName>CN=feed signer</ds:X509SubjectName>",
    "issuer-and-serial": b"<ds:X509IssuerSerial><ds:X509IssuerName/></ds:X509IssuerSerial>",
    "subject-key-identifier": b"<ds:X509SKI>AAAA</ds:X509SKI>",
    "revocation-list": b"<ds:X509CRL>AAAA</ds:X509CRL>",
    "digest": b'<d:X509Digest xmlns:d="%b" Algorithm="x">AAAA</d:X509Digest>' % _DSIG11,
    "certificate-of-another-namespace": b'<x:X509Certificate xmlns:x="urn:x">AAAA</x:X509Certificate>',
}


def _instead(one: Genuine, held: bytes) -> bytes:
    """The signature with this and nothing else in its KeyInfo."""
    return _KEYS.sub(lambda _: b"<ds:KeyInfo>" + held + b"</ds:KeyInfo>", one.signed)


def _beside(one: Genuine, *, hint: Callable[[Genuine], bytes]) -> bytes:
    return one.altered(b"<ds:KeyInfo>", b"<ds:KeyInfo>" + hint(one))


def _alone(one: Genuine, *, hint: Callable[[Genuine], bytes]) -> bytes:
    return _instead(one, hint(one))


def _in_data(one: Genuine, *, held: bytes) -> bytes:
    return one.altered(b"<ds:X509Data>", b"<ds:X509Data>" + held)


def _evil_by_key_value(one: Genuine) -> bytes:
    """The classic: a stranger signs what it likes and brings its own key."""
    signed = one.resigned(one.evil, private_key=stranger())
    return _KEYS.sub(lambda _: b"<ds:KeyInfo>" + _key_value(stranger()) + b"</ds:KeyInfo>", signed)


def _evil_by_key_value_beside(one: Genuine) -> bytes:
    """The same, with the genuine certificates beside the stranger's key."""
    return one.resigned(one.evil, private_key=stranger()).replace(
        b"<ds:KeyInfo>", b"<ds:KeyInfo>" + _key_value(stranger()), 1
    )


KEYS: Final = (
    *(
        Flaw(
            f"{name}-beside",
            f"KeyInfo holds {name.replace('-', ' ')} beside the certificates",
            _KEY_INFO,
            partial(_beside, hint=hint),
        )
        for name, hint in _HINTS.items()
    ),
    *(
        Flaw(
            f"{name}-instead",
            f"KeyInfo holds {name.replace('-', ' ')} and no certificate",
            _KEY_INFO,
            partial(_alone, hint=hint),
        )
        for name, hint in _HINTS.items()
    ),
    *(
        Flaw(
            f"{name}-in-x509-data",
            f"X509Data holds {name.replace('-', ' ')} beside the certificates",
            _KEY_INFO,
            partial(_in_data, held=held),
        )
        for name, held in _IN_X509_DATA.items()
    ),
    Flaw("evil-by-key-value", "a stranger signed, and brings its bare key", _KEY_INFO, _evil_by_key_value),
    Flaw(
        "evil-by-key-value-beside",
        "a stranger signed, and brings its bare key beside the genuine certificates",
        _KEY_INFO,
        _evil_by_key_value_beside,
    ),
)


def _moved(one: Genuine, into: Callable[[Genuine, bytes], bytes]) -> bytes:
    keys = found(_KEYS, one.signed)
    return into(one, keys).replace(keys + b"</ds:Signature>", b"</ds:Signature>", 1)


def _strangers_keys(one: Genuine) -> bytes:
    return b'<ds:KeyInfo xmlns:ds="%b"><ds:X509Data>%b</ds:X509Data></ds:KeyInfo>' % (
        DS.encode(),
        x509_element(der(one.certificate("leaf", leaf={"key_name": "stranger"}))),
    )


# KeyInfo, or a certificate, where it does not belong.
MISPLACED_KEYS: Final = (
    Flaw("no-key-info", "there is no KeyInfo", _FORM, lambda g: _KEYS.sub(b"", g.signed)),
    Flaw("empty-key-info", "KeyInfo holds nothing", _FORM, lambda g: _instead(g, b"")),
    Flaw(
        "words-instead",
        "KeyInfo holds words",
        _FORM,
        lambda g: _instead(g, b"the publisher"),
    ),
    Flaw(
        "in-the-root",
        "KeyInfo has moved from the signature to the root",
        _FORM,
        lambda g: _moved(
            g,
            lambda one, keys: one.first(
                keys.replace(b"<ds:KeyInfo>", b'<ds:KeyInfo xmlns:ds="%b">' % DS.encode())
            ),
        ),
    ),
    Flaw(
        "after-the-signature",
        "a stranger's KeyInfo follows the signature",
        "trust.signature_misplaced",
        lambda g: g.added(_strangers_keys(g)),
    ),
    Flaw(
        "in-the-content",
        "a stranger's KeyInfo stands in what is signed",
        "trust.signature_invalid",
        lambda g: g.first(_strangers_keys(g)),
    ),
    Flaw(
        "before-signed-info",
        "a stranger's KeyInfo stands before the genuine one",
        _FORM,
        lambda g: g.altered(b"<ds:SignedInfo>", _strangers_keys(g) + b"<ds:SignedInfo>"),
    ),
    Flaw(
        "in-signed-info",
        "a stranger's KeyInfo stands in SignedInfo",
        _FORM,
        lambda g: g.altered(b"</ds:SignedInfo>", _strangers_keys(g) + b"</ds:SignedInfo>"),
    ),
    Flaw(
        "in-an-object",
        "a stranger's KeyInfo stands in an Object",
        _FORM,
        lambda g: g.in_signature(b"<ds:Object>" + _strangers_keys(g) + b"</ds:Object>"),
    ),
    Flaw(
        "in-signature-value",
        "a stranger's KeyInfo stands in the signature value",
        _FORM,
        lambda g: g.altered(b"</ds:SignatureValue>", _strangers_keys(g) + b"</ds:SignatureValue>"),
    ),
    Flaw(
        "of-another-namespace",
        "KeyInfo is in another namespace",
        _FORM,
        lambda g: g.changed(
            rb"<ds:KeyInfo>(.*)</ds:KeyInfo>",
            lambda one: b'<x:KeyInfo xmlns:x="urn:example:x">' + one[1] + b"</x:KeyInfo>",
        ),
    ),
    Flaw(
        "data-without-key-info",
        "X509Data stands in the signature without KeyInfo around it",
        _FORM,
        lambda g: g.changed(rb"<ds:KeyInfo>(.*)</ds:KeyInfo>", lambda one: one[1]),
    ),
    Flaw(
        "certificate-without-data",
        "the certificates stand in KeyInfo without X509Data around them",
        _KEY_INFO,
        lambda g: g.changed(rb"<ds:X509Data>(.*)</ds:X509Data>", lambda one: one[1]),
    ),
    Flaw(
        "one-data-each",
        "each certificate stands in an X509Data of its own",
        _FORM,
        lambda g: g.changed(
            rb"</ds:X509Certificate><ds:X509Certificate>",
            b"</ds:X509Certificate></ds:X509Data><ds:X509Data><ds:X509Certificate>",
        ),
    ),
    Flaw(
        "second-data-of-a-stranger",
        "a second X509Data holds a stranger's certificate",
        _FORM,
        lambda g: g.altered(
            b"</ds:X509Data>",
            b"</ds:X509Data><ds:X509Data>"
            + x509_element(der(g.certificate("leaf", leaf={"key_name": "stranger"})))
            + b"</ds:X509Data>",
        ),
    ),
    Flaw(
        "attribute-of-key-info",
        "KeyInfo has an Id",
        _FORM,
        lambda g: g.altered(b"<ds:KeyInfo>", b'<ds:KeyInfo Id="k">'),
    ),
)
