"""Algorithms that are weak, unknown, or take a public key for a secret; every signature here truly holds."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from feedsrv.trust.profile import DS, ECDSA_SHA256, EXCLUSIVE_C14N, RSA_SHA256, SHA256
from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine, base64_of, der
from tests.pki import key

_ALGORITHM: Final = "trust.signature_algorithm"
_FORM: Final = "trust.signature_form"
_INVALID: Final = "trust.signature_invalid"
_MORE: Final = b"http://www.w3.org/2001/04/xmldsig-more#"
_OLD: Final = DS.encode()

_Seal = Callable[[bytes], bytes]
_Hash = hashes.SHA1 | hashes.MD5 | hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def sealed(document: bytes, seal: _Seal) -> bytes:
    """The document with a new signature value over its `SignedInfo` as it stands."""
    info = etree.fromstring(document).find(f".//{{{DS}}}SignedInfo")
    assert info is not None
    value = base64_of(seal(etree.tostring(info, method="c14n", exclusive=True)))
    return re.sub(rb"(<ds:SignatureValue>)[^<]*", lambda one: one[1] + value, document, count=1)


def _digested(document: bytes, name: str) -> bytes:
    """The document with the digest of its content by another hash."""
    root = etree.fromstring(document)
    signature = root.find(f"{{{DS}}}Signature")
    assert signature is not None
    root.remove(signature)
    content = etree.tostring(root, method="c14n", exclusive=True)
    value = base64_of(hashlib.new(name, content).digest())
    return re.sub(rb"(<ds:DigestValue>)[^<]*", lambda one: one[1] + value, document, count=1)


def _by_rsa(one: Genuine, scheme: padding.AsymmetricPadding, hash_: _Hash) -> _Seal:
    private = one.signer.private_key
    assert isinstance(private, rsa.RSAPrivateKey)
    return lambda data: private.sign(data, scheme, hash_)


def _by_ec(hash_: _Hash) -> _Seal:
    private = key("hostile-ec", "p256")
    assert isinstance(private, ec.EllipticCurvePrivateKey)

    def seal(data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hash_)))
        return r.to_bytes(32) + s.to_bytes(32)

    return seal


def _method(
    one: Genuine, algorithm: bytes, seal: _Seal | None = None, document: bytes | None = None
) -> bytes:
    """The signature by another method, rightly made where it is said how."""
    named = re.sub(
        rb'(<ds:SignatureMethod Algorithm=")[^"]*',
        lambda match: match[1] + algorithm,
        one.signed if document is None else document,
    )
    return sealed(named, seal) if seal else named


def _rsa(algorithm: bytes, hash_: _Hash) -> Callable[[Genuine], bytes]:
    return lambda one: _method(one, algorithm, _by_rsa(one, padding.PKCS1v15(), hash_))


def _pss(one: Genuine) -> bytes:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    algorithm = b"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    return _method(one, algorithm, _by_rsa(one, scheme, hashes.SHA256()))


def by_curve(one: Genuine) -> bytes:
    """Signed by a key on P-256, under the publisher's own CA."""
    return one.under(leaf={"key_name": "hostile-ec", "key_kind": "p256"})


def _ecdsa(algorithm: bytes, hash_: _Hash) -> Callable[[Genuine], bytes]:
    return lambda one: _method(one, algorithm, _by_ec(hash_), by_curve(one))


_SECRETS: Final[dict[str, Callable[[x509.Certificate], bytes]]] = {
    "public-key-pem": lambda one: one.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "public-key-der": lambda one: one.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ),
    "certificate": der,
    "nothing": lambda _: b"",
}


def _hmac(name: str, digest: str, algorithm: bytes) -> Callable[[Genuine], bytes]:
    def make(one: Genuine) -> bytes:
        secret = _SECRETS[name](one.signer.chain[0])
        return _method(one, algorithm, lambda data: hmac.new(secret, data, digest).digest())

    return make


def _digest(name: str, algorithm: bytes) -> Callable[[Genuine], bytes]:
    """Digested by another hash, and signed rightly."""

    def make(one: Genuine) -> bytes:
        named = re.sub(
            rb'(<ds:DigestMethod Algorithm=")[^"]*',
            lambda match: match[1] + algorithm,
            _digested(one.signed, name),
        )
        return sealed(named, _by_rsa(one, padding.PKCS1v15(), hashes.SHA256()))

    return make


def _canonical(algorithm: bytes) -> Callable[[Genuine], bytes]:
    return lambda one: one.changed(
        rb'(<ds:CanonicalizationMethod Algorithm=")[^"]*', lambda match: match[1] + algorithm
    )


def _dsa_encoded(one: Genuine) -> bytes:
    """As X.509 writes elliptic signatures, not as XML does."""
    private = key("hostile-ec", "p256")
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return sealed(by_curve(one), lambda data: private.sign(data, ec.ECDSA(hashes.SHA256())))


_METHODS: Final[dict[str, Callable[[Genuine], bytes]]] = {
    "rsa-sha1": _rsa(_OLD + b"rsa-sha1", hashes.SHA1()),  # noqa: S303 - the very thing that must be refused
    "rsa-md5": _rsa(_MORE + b"rsa-md5", hashes.MD5()),  # noqa: S303 - as above
    "rsa-sha224": _rsa(_MORE + b"rsa-sha224", hashes.SHA224()),
    "rsa-sha384": _rsa(_MORE + b"rsa-sha384", hashes.SHA384()),
    "rsa-sha512": _rsa(_MORE + b"rsa-sha512", hashes.SHA512()),
    "rsa-pss": _pss,
    "ecdsa-sha1": _ecdsa(_MORE + b"ecdsa-sha1", hashes.SHA1()),  # noqa: S303 - as above
    "ecdsa-sha384": _ecdsa(_MORE + b"ecdsa-sha384", hashes.SHA384()),
    "ecdsa-sha512": _ecdsa(_MORE + b"ecdsa-sha512", hashes.SHA512()),
    "dsa-sha1": lambda g: _method(g, _OLD + b"dsa-sha1"),
    "eddsa": lambda g: _method(g, b"http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"),
    "unknown": lambda g: _method(g, b"urn:example:trust-me"),
    "empty": lambda g: _method(g, b""),
    "in-another-case": lambda g: _method(g, RSA_SHA256.upper().encode()),
    "blank-after": lambda g: _method(g, RSA_SHA256.encode() + b" "),
    "elliptic-with-an-rsa-key": lambda g: _method(g, ECDSA_SHA256.encode()),
    "rsa-with-an-elliptic-key": lambda g: _method(g, RSA_SHA256.encode(), None, by_curve(g)),
    "digest-as-method": lambda g: _method(g, SHA256.encode()),
    **{f"hmac-sha256-of-{name}": _hmac(name, "sha256", _MORE + b"hmac-sha256") for name in _SECRETS},
    "hmac-sha1-of-public-key-pem": _hmac("public-key-pem", "sha1", _OLD + b"hmac-sha1"),
}

_DIGESTS: Final[dict[str, Callable[[Genuine], bytes]]] = {
    "sha1": _digest("sha1", _OLD + b"sha1"),
    "md5": _digest("md5", _MORE + b"md5"),
    "sha224": _digest("sha224", _MORE + b"sha224"),
    "sha384": _digest("sha384", _MORE + b"sha384"),
    "sha512": _digest("sha512", b"http://www.w3.org/2001/04/xmlenc#sha512"),
    "sha3-256": _digest("sha3_256", b"http://www.w3.org/2007/05/xmldsig-more#sha3-256"),
    "unknown": lambda g: g.altered(SHA256.encode(), b"urn:example:none"),
}

_CANONICAL: Final = {
    "inclusive": b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "inclusive-with-comments": b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "inclusive-1-1": b"http://www.w3.org/2006/12/xml-c14n11",
    "with-comments": EXCLUSIVE_C14N.encode() + b"WithComments",
    "unknown": b"urn:example:none",
    "minimal": b"http://www.w3.org/2000/09/xmldsig#minimal",
}

ALGORITHMS: Final = (
    *(
        Flaw(f"method-{name}", f"the signature is by the method {name.replace('-', ' ')}", _ALGORITHM, make)
        for name, make in _METHODS.items()
    ),
    *(
        Flaw(f"digest-{name}", f"the digest is by {name}, and the signature over it holds", _ALGORITHM, make)
        for name, make in _DIGESTS.items()
    ),
    *(
        Flaw(
            f"canonical-{name}",
            f"the signature's own canonical form is {name}",
            _ALGORITHM,
            _canonical(algorithm),
        )
        for name, algorithm in _CANONICAL.items()
    ),
    Flaw(
        "method-without-name",
        "the signature names no method",
        _FORM,
        lambda g: g.changed(rb"<ds:SignatureMethod [^>]*>", b"<ds:SignatureMethod>"),
    ),
    Flaw(
        "hmac-cut-to-nothing",
        "an HMAC of which no bit need fit",
        _FORM,
        lambda g: g.changed(
            rb"<ds:SignatureMethod [^>]*>",
            b'<ds:SignatureMethod Algorithm="%bhmac-sha256"><ds:HMACOutputLength>0</ds:HMACOutputLength>'
            % _MORE,
        ),
    ),
    Flaw("elliptic-in-der", "an elliptic signature is written as in certificates", _INVALID, _dsa_encoded),
    Flaw(
        "elliptic-zeros",
        "an elliptic signature of zeros, which careless verifiers accept for every key",
        _INVALID,
        lambda g: sealed(by_curve(g), lambda _: bytes(64)),
    ),
    Flaw(
        "elliptic-empty",
        "an elliptic signature of no bytes",
        _INVALID,
        lambda g: sealed(by_curve(g), lambda _: b""),
    ),
    Flaw(
        "rsa-of-another-hash",
        "the method says SHA-256, and the signature is by SHA-512",
        _INVALID,
        lambda g: sealed(g.signed, _by_rsa(g, padding.PKCS1v15(), hashes.SHA512())),
    ),
    Flaw(
        "rsa-beyond-its-modulus",
        "the signature is longer than the key",
        _INVALID,
        lambda g: sealed(g.signed, lambda _: b"\xff" * 257),
    ),
    Flaw(
        "rsa-one",
        "the signature is the number one",
        _INVALID,
        lambda g: sealed(g.signed, lambda _: bytes(255) + b"\1"),
    ),
)
