"""Parts of a signature that stand there twice, and comments that cut values short: readers differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine, found

_FORM: Final = "trust.signature_form"
_REFERENCE: Final = "trust.signature_reference"
_KEY_INFO: Final = "trust.signature_key_info"


def _element(name: str, document: bytes) -> bytes:
    return found(
        re.compile(rb"<ds:%b\b[^>]*>.*?</ds:%b>" % (name.encode(), name.encode()), re.DOTALL), document
    )


def _twice(name: str) -> Callable[[Genuine], bytes]:
    """The same element a second time, after the first."""

    def make(one: Genuine) -> bytes:
        part = _element(name, one.signed)
        return one.altered(part, part + part)

    return make


def _other_first(name: str) -> Callable[[Genuine], bytes]:
    """That of an evil document before that of the genuine one."""

    def make(one: Genuine) -> bytes:
        part = _element(name, one.signed)
        return one.altered(part, _element(name, one.resigned(one.evil)) + part)

    return make


def _inside(name: str, inserted: bytes) -> Callable[[Genuine], bytes]:
    """Something in the middle of a value."""
    return lambda one: one.changed(rb"(<ds:%b>[^<]{8})" % name.encode(), lambda match: match[1] + inserted)


def _at_start(name: str, inserted: bytes) -> Callable[[Genuine], bytes]:
    return lambda one: one.changed(rb"(<ds:%b\b[^>]*>)" % name.encode(), lambda match: match[1] + inserted)


_TWICE: Final = {
    "SignedInfo": _REFERENCE,
    "SignatureValue": _FORM,
    "KeyInfo": _FORM,
    "X509Data": _FORM,
    "CanonicalizationMethod": _FORM,
    "SignatureMethod": _FORM,
    "Reference": _REFERENCE,
    "Transforms": _REFERENCE,
    "DigestMethod": _FORM,
    "DigestValue": _FORM,
}

# Two values to choose from, and values that end early for whoever reads the first text only.
DOUBLED: Final = (
    *(
        Flaw(f"two-{name}", f"{name} stands there twice, both times the same", code, _twice(name))
        for name, code in _TWICE.items()
    ),
    *(
        Flaw(f"other-{name}-first", f"an attacker's {name} stands before the genuine one", _TWICE[name], make)
        for name, make in (
            (name, _other_first(name))
            for name in ("SignedInfo", "SignatureValue", "DigestValue", "Reference")
        )
    ),
    *(
        Flaw(
            f"comment-in-{name}",
            f"a comment stands in the middle of {name}",
            _FORM,
            _inside(name, b"<!-- -->"),
        )
        for name in ("DigestValue", "SignatureValue", "X509Certificate")
    ),
    *(
        Flaw(
            f"comment-at-start-of-{name}",
            f"a comment stands first in {name}",
            code,
            _at_start(name, b"<!--a-->"),
        )
        for name, code in {
            "Signature": _FORM,
            "SignedInfo": _FORM,
            "Reference": _FORM,
            "Transforms": _FORM,
            "Transform": _FORM,
            "DigestMethod": _FORM,
            "KeyInfo": _KEY_INFO,
            "X509Data": _KEY_INFO,
        }.items()
    ),
    *(
        Flaw(
            f"element-in-{name}", f"an element stands in the middle of {name}", _FORM, _inside(name, b"<x/>")
        )
        for name in ("DigestValue", "SignatureValue", "X509Certificate")
    ),
    *(
        Flaw(
            f"text-in-{name}", f"words stand between the elements of {name}", _FORM, _at_start(name, b"words")
        )
        for name in ("Signature", "SignedInfo", "Reference", "KeyInfo", "X509Data")
    ),
    Flaw("digest-is-no-base64", "the digest is no base64", _FORM, _inside("DigestValue", b"!")),
    Flaw("signature-is-no-base64", "the signature is no base64", _FORM, _inside("SignatureValue", b"-_")),
    Flaw(
        "signature-with-a-wide-blank",
        "a blank that is none in XML stands in the signature",
        _FORM,
        _inside("SignatureValue", "\u2003".encode()),
    ),
    Flaw(
        "no-SignedInfo",
        "the signature lacks SignedInfo",
        _REFERENCE,
        lambda g: g.changed(rb"<ds:SignedInfo>.*</ds:SignedInfo>", b""),
    ),
    Flaw(
        "no-SignatureValue",
        "the signature lacks its value",
        _FORM,
        lambda g: g.changed(rb"<ds:SignatureValue>.*</ds:SignatureValue>", b""),
    ),
    Flaw(
        "no-DigestValue",
        "the reference lacks its digest",
        _FORM,
        lambda g: g.changed(rb"<ds:DigestValue>.*</ds:DigestValue>", b""),
    ),
    Flaw(
        "no-DigestMethod",
        "the reference lacks its digest method",
        _FORM,
        lambda g: g.changed(rb"<ds:DigestMethod .*</ds:DigestMethod>", b""),
    ),
    Flaw(
        "value-before-signed-info",
        "the parts of the signature stand in another order",
        _FORM,
        lambda g: g.changed(
            rb"(<ds:SignedInfo>.*</ds:SignedInfo>)(<ds:SignatureValue>.*</ds:SignatureValue>)",
            lambda one: one[2] + one[1],
        ),
    ),
    Flaw(
        "object",
        "the signature holds an Object",
        _FORM,
        lambda g: g.in_signature(b"<ds:Object>words</ds:Object>"),
    ),
    Flaw(
        "attribute-of-signature",
        "the signature has an Id",
        _FORM,
        lambda g: g.altered(b"<ds:Signature ", b'<ds:Signature Id="s" '),
    ),
    Flaw(
        "attribute-of-signed-info",
        "SignedInfo has an Id",
        _FORM,
        lambda g: g.altered(b"<ds:SignedInfo>", b'<ds:SignedInfo Id="s">'),
    ),
    Flaw(
        "attribute-of-certificate",
        "a certificate has an Id",
        _FORM,
        lambda g: g.altered(b"<ds:X509Certificate>", b'<ds:X509Certificate Id="c">'),
    ),
)
