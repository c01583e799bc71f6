"""A genuine signature in a document that says something else, in every position; and who else may sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from feedsrv.trust.profile import DS
from tests.hostile.flaws import BOTH, Flaw
from tests.hostile.genuine import Genuine, genuine, replaced, stranger
from tests.unchecked import splice

_MISPLACED: Final = "trust.signature_misplaced"
_FORM: Final = "trust.signature_form"
_REFERENCE: Final = "trust.signature_reference"
_INVALID: Final = "trust.signature_invalid"
_COUNT: Final = "trust.signature_count"
_Make = Callable[[Genuine], bytes]

_TO_ID: Final = (b'URI=""', b'URI="#genuine"')


def _content(one: Genuine) -> bytes:
    """The genuine root without its signature."""
    return one.inner.replace(one.signature, b"")


def _content_with_id(one: Genuine, name: bytes = b"Id") -> bytes:
    return replaced(
        _content(one), b"<" + one.root_name + b" ", b"<" + one.root_name + b" " + name + b'="genuine" '
    )


def _first_in_evil(one: Genuine, inserted: bytes) -> bytes:
    return re.sub(
        rb"(<" + one.root_name + rb"\b[^>]*>)", lambda match: match[1] + inserted, one.evil, count=1
    )


def _deep_in_evil(one: Genuine, inserted: bytes) -> bytes:
    return re.sub(rb"(</(?:Entry|Actions)>)", lambda match: inserted + match[1], one.evil, count=1)


# Where in the evil document the genuine one is put, signature and all.
_PLACES: Final[dict[str, _Make]] = {
    "first": lambda g: _first_in_evil(g, g.inner),
    "deep": lambda g: _deep_in_evil(g, g.inner),
    "last": lambda g: splice(g.evil, g.inner),
    "in-a-wrapper": lambda g: splice(
        g.evil, b'<w:Wrapper xmlns:w="urn:example:w">' + g.inner + b"</w:Wrapper>"
    ),
    "in-a-soap-header": lambda g: splice(
        g.evil,
        b'<s:Header xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:mustUnderstand="0">'
        + g.inner
        + b"</s:Header>",
    ),
}


def _signature_moved(one: Genuine, *, make: _Make) -> bytes:
    """The genuine signature as the evil document's own."""
    return splice(make(one).replace(one.signature, b"", 1), one.signature)


def _signature_moved_by_id(one: Genuine, *, make: _Make) -> bytes:
    bare = make(one).replace(one.signature, b"", 1).replace(_content(one), _content_with_id(one), 1)
    return splice(bare, one.signature.replace(*_TO_ID, 1))


# Where in the signature the genuine content is put, that it may still be found; the words around are evil.
_IN_SIGNATURE: Final[dict[str, tuple[bytes, str]]] = {
    "signature-start": (rb"(<ds:Signature [^>]*>)", _FORM),
    "signed-info": (rb"(<ds:SignedInfo>)", _FORM),
    "canonicalization-method": (rb"(<ds:CanonicalizationMethod [^>]*>)", _FORM),
    "signature-method": (rb"(<ds:SignatureMethod [^>]*>)", _FORM),
    "reference": (rb"(<ds:Reference [^>]*>)", _FORM),
    "transform": (rb"(<ds:Transform [^>]*>)", _FORM),
    "digest-value": (rb"(<ds:DigestValue>)", _FORM),
    "signature-value": (rb"(<ds:SignatureValue>)", _FORM),
    "key-info": (rb"(<ds:KeyInfo>)", "trust.signature_key_info"),
    "x509-data": (rb"(<ds:X509Data>)", "trust.signature_key_info"),
    "x509-certificate": (rb"(<ds:X509Certificate>)", _FORM),
}


def _hidden(pattern: bytes, uri: tuple[bytes, bytes] | None) -> _Make:
    def make(one: Genuine) -> bytes:
        signature = re.sub(pattern, lambda match: match[1] + _content_with_id(one), one.signature, count=1)
        return splice(one.evil, signature.replace(*uri, 1) if uri else signature)

    return make


def _object(kind: bytes, *, uri: bool) -> _Make:
    """In an Object, a Manifest or a SignatureProperty at the end of the signature."""

    def make(one: Genuine) -> bytes:
        inside = (
            b"<ds:Object>" + kind + _content_with_id(one) + kind.replace(b"<", b"</", 1) + b"</ds:Object>"
        )
        signature = one.signature.replace(b"</ds:Signature>", inside + b"</ds:Signature>")
        return splice(one.evil, signature.replace(*_TO_ID, 1) if uri else signature)

    return make


def _moved_first(one: Genuine) -> bytes:
    bare = one.signed.replace(one.signature, b"")
    return re.sub(
        rb"(<" + one.root_name + rb"\b[^>]*>)", lambda match: match[1] + one.signature, bare, count=1
    )


def _other(one: Genuine) -> Genuine:
    return next(genuine(kind) for kind in BOTH if kind is not one.kind)


WRAPPINGS: Final = (
    *(
        Flaw(f"genuine-{place}", f"the genuine document stands in an evil one ({place})", _MISPLACED, make)
        for place, make in _PLACES.items()
    ),
    *(
        Flaw(
            f"genuine-{place}-signature-moved",
            f"the genuine content stands in an evil document ({place}), whose signature is the genuine one",
            _INVALID,
            partial(_signature_moved, make=make),
        )
        for place, make in _PLACES.items()
    ),
    *(
        Flaw(
            f"genuine-{place}-signature-moved-by-id",
            f"the same ({place}), and the reference names the genuine content by its id",
            _REFERENCE,
            partial(_signature_moved_by_id, make=make),
        )
        for place, make in _PLACES.items()
    ),
    *(
        Flaw(
            f"hidden-in-{place}",
            f"evil words around a signature that holds the genuine content in its {place}",
            code,
            _hidden(pattern, None),
        )
        for place, (pattern, code) in _IN_SIGNATURE.items()
    ),
    *(
        Flaw(
            f"hidden-in-{place}-by-id",
            f"the same ({place}), and the reference names the genuine content by its id",
            _REFERENCE,
            _hidden(pattern, _TO_ID),
        )
        for place, (pattern, _) in _IN_SIGNATURE.items()
        if place != "reference"
    ),
    *(
        Flaw(
            f"{name}{'-by-id' if by_id else ''}",
            f"evil words around a signature that holds the genuine content in its {name}"
            + (", which the reference names by its id" if by_id else ""),
            _REFERENCE if by_id else _FORM,
            _object(tag, uri=by_id),
        )
        for name, tag in {
            "object": b"<ds:X>",
            "manifest": b"<ds:Manifest>",
            "property": b"<ds:SignatureProperty>",
        }.items()
        for by_id in (False, True)
    ),
    Flaw("signature-first", "the signature stands first in the root", _MISPLACED, _moved_first),
    Flaw(
        "signature-in-a-child",
        "the signature stands in a child of the root",
        _MISPLACED,
        lambda g: re.sub(
            rb"(</(?:Entry|Actions)>)",
            lambda one: g.signature + one[1],
            g.signed.replace(g.signature, b""),
            count=1,
        ),
    ),
    Flaw(
        "signature-wrapped",
        "the signature stands in an element of its own",
        _MISPLACED,
        lambda g: g.altered(g.signature, b"<Proof>" + g.signature + b"</Proof>"),
    ),
    Flaw(
        "signature-is-the-root",
        "the signature is the root, and holds the document",
        "trust.wrong_kind",
        lambda g: g.signature.replace(
            b"</ds:Signature>", b"<ds:Object>" + _content(g) + b"</ds:Object></ds:Signature>"
        ),
    ),
    Flaw(
        "enveloped-in-a-stranger",
        "the genuine document stands in a root of another kind",
        "trust.wrong_kind",
        lambda g: b'<Envelope xmlns="urn:example:e">' + g.inner + b"</Envelope>",
    ),
    Flaw(
        "part-after-the-signature",
        "an element of the document is added after the signature",
        _MISPLACED,
        lambda g: g.added(g.part),
    ),
    Flaw(
        "text-after-the-signature", "words follow the signature", _MISPLACED, lambda g: g.added(b"and more")
    ),
    Flaw(
        "comment-after-the-signature",
        "a comment follows the signature: for some readers the last child",
        _MISPLACED,
        lambda g: g.added(b"<!-- more -->"),
    ),
    Flaw(
        "part-in-the-signature",
        "an element of the document is added in the signature, which is left out of what is signed",
        _FORM,
        lambda g: g.altered(b"</ds:KeyInfo>", b"</ds:KeyInfo>" + g.part),
    ),
    Flaw(
        "part-in-the-last-element-of-the-signature",
        "an element of the document is added in KeyInfo",
        "trust.signature_key_info",
        lambda g: g.altered(b"</ds:KeyInfo>", g.part + b"</ds:KeyInfo>"),
    ),
    Flaw(
        "signature-under-a-false-namespace",
        "the signature is in a namespace that only looks like the right one",
        "trust.signature_missing",
        lambda g: g.altered(DS.encode(), DS.encode().rstrip(b"#")),
    ),
    Flaw(
        "signature-commented-out",
        "the signature stands in a comment",
        "trust.signature_missing",
        lambda g: g.altered(g.signature, b"<!--" + g.signature + b"-->"),
    ),
    Flaw(
        "signature-in-cdata",
        "the signature is a text",
        "trust.signature_missing",
        lambda g: g.altered(g.signature, b"<![CDATA[" + g.signature + b"]]>"),
    ),
    Flaw("not-signed", "there is no signature", "trust.signature_missing", lambda g: g.unsigned),
    Flaw("evil-not-signed", "evil words without a signature", "trust.signature_missing", lambda g: g.evil),
    Flaw(
        "evil-under-the-genuine-signature",
        "evil words above the genuine signature",
        _INVALID,
        lambda g: splice(g.evil, g.signature),
    ),
    Flaw(
        "evil-by-a-stranger",
        "evil words signed by a stranger, under the genuine certificates",
        _INVALID,
        lambda g: g.resigned(g.evil, private_key=stranger()),
    ),
    Flaw(
        "genuine-by-a-stranger",
        "the genuine words signed by a stranger, under the genuine certificates",
        _INVALID,
        lambda g: g.resigned(private_key=stranger()),
    ),
    Flaw(
        "the-other-kind",
        "the publisher's genuine document of the other kind",
        "trust.wrong_kind",
        lambda g: _other(g).signed,
    ),
    Flaw(
        "signed-by-the-key-of-the-other-kind",
        "signed under the certificate that is for the other kind",
        "trust.eku_missing",
        lambda g: g.resigned(private_key=_other(g).signer.private_key, certificates=_other(g).signer.chain),
    ),
)


_ALIEN: Final = b'<Signature xmlns="%b"/>' % DS.encode()

# A second signature: readers differ in which of them they check.
SECOND: Final = (
    Flaw("twice", "the genuine signature stands there twice", _COUNT, lambda g: g.added(g.signature)),
    Flaw("before", "an empty signature stands first", _COUNT, lambda g: g.first(_ALIEN)),
    Flaw("after", "an empty signature follows the genuine one", _COUNT, lambda g: g.added(_ALIEN)),
    Flaw("inside", "an empty signature stands in the genuine one", _COUNT, lambda g: g.in_signature(_ALIEN)),
    Flaw(
        "in-an-object",
        "the signature holds another in an Object",
        _COUNT,
        lambda g: g.in_signature(b"<ds:Object>" + g.signature + b"</ds:Object>"),
    ),
    Flaw(
        "in-key-info",
        "KeyInfo holds another signature",
        _COUNT,
        lambda g: g.altered(b"</ds:KeyInfo>", g.signature + b"</ds:KeyInfo>"),
    ),
    Flaw(
        "by-a-stranger-over-all",
        "a stranger has signed the signed document once more",
        _COUNT,
        lambda g: g.resigned(g.signed, private_key=stranger()),
    ),
    Flaw(
        "by-the-publisher-over-all",
        "the publisher has signed the signed document once more",
        _COUNT,
        lambda g: g.resigned(g.signed),
    ),
    Flaw(
        "by-a-stranger-first",
        "a stranger's signature stands before the genuine one",
        _COUNT,
        lambda g: splice(g.resigned(private_key=stranger()), g.signature),
    ),
    Flaw(
        "hidden-under-another-prefix",
        "the genuine signature, with another prefix, stands before itself",
        _COUNT,
        lambda g: g.first(g.signature.replace(b"ds:", b"x:").replace(b"xmlns:ds", b"xmlns:x")),
    ),
    Flaw(
        "of-another-document",
        "the signature of the publisher's other document follows",
        _COUNT,
        lambda g: g.added(_other(g).signature),
    ),
)
