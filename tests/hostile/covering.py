"""What a signature says that it covers: less than everything, something else, nothing, or hundreds."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from feedsrv.trust.profile import EXCLUSIVE_C14N
from tests.hostile.flaws import BOTH, FEED, Flaw
from tests.hostile.genuine import Genuine, found, replaced
from tests.unchecked import splice

_REFERENCE: Final = "trust.signature_reference"
_FORM: Final = "trust.signature_form"
_REFERENCES: Final = re.compile(rb"<ds:Reference .*</ds:Reference>", re.DOTALL)

_ADDRESSES: Final[dict[str, bytes]] = {
    "a-file": b"file:///etc/passwd",
    "a-web-page": b"https://evil.example/genuine.xml",
    "a-relative-address": b"genuine.xml",
    "a-data-address": b"data:text/xml,%3CFeed/%3E",
    "an-id": b"#genuine",
    "an-empty-id": b"#",
    "an-xpointer-to-the-root": b"#xpointer(/)",
    "an-xpointer-to-an-id": b"#xpointer(id('genuine'))",
    "an-encoded-id": b"#%67enuine",
    "a-blank": b" ",
    "a-question-mark": b"?",
    "a-share": b"\\\\evil.example\\share\\x",
    "a-part-of-a-mail": b"cid:genuine",
}

_TRANSFORM: Final = b'<ds:Transform Algorithm="%b"></ds:Transform>'


def _to(one: Genuine, *, uri: bytes) -> bytes:
    return one.altered(b'URI=""', b'URI="' + uri + b'"')


def _references(one: Genuine, number: int) -> bytes:
    reference = found(_REFERENCES, one.signed)
    return one.altered(reference, reference * number)


def _one_id(one: Genuine, attribute: bytes) -> bytes:
    """Signed by the publisher's own key, by an id of the root and not by the empty address."""
    unsigned = replaced(
        one.unsigned, b"<" + one.root_name + b" ", b"<" + one.root_name + b" " + attribute + b'="whole" '
    )
    return one.resigned(unsigned).replace(b'URI=""', b'URI="#whole"', 1)


def _two_of(one: Genuine, *, attribute: bytes) -> bytes:
    """An evil root and a copy that have the same id, to which the reference is."""
    root = b"<" + one.root_name + b" "
    return splice(
        replaced(one.evil, root, root + attribute + b'="x" '),
        b"<Copy " + attribute + b'="x"/>' + one.signature.replace(b'URI=""', b'URI="#x"'),
    )


def _signed_part(one: Genuine) -> bytes:
    """The publisher's own signature, which covers one element only."""
    part = re.compile(rb"<(Poll|Title)\b")
    unsigned = part.sub(lambda match: match[0] + b' Id="part"', one.unsigned, count=1)
    return one.resigned(unsigned, reference_uri="#part")


COVERAGE: Final = (
    *(
        Flaw(
            f"reference-to-{name}",
            f"the reference is to {name.replace('-', ' ')}",
            _REFERENCE,
            partial(_to, uri=uri),
        )
        for name, uri in _ADDRESSES.items()
    ),
    Flaw("no-address", "the reference has no address", _REFERENCE, lambda g: g.altered(b' URI=""', b"")),
    Flaw(
        "address-in-another-case",
        "the reference names its address in another attribute",
        _REFERENCE,
        lambda g: g.altered(b'URI=""', b'uri=""'),
    ),
    Flaw("a-part-only", "the publisher signed one element only", _REFERENCE, _signed_part),
    Flaw(
        "a-part-only-said-to-be-all",
        "the publisher signed one element only, and the reference was mended afterwards",
        "trust.signature_invalid",
        lambda g: _signed_part(g).replace(b'URI="#part"', b'URI=""'),
    ),
    *(
        Flaw(
            f"references-{number or 'none'}",
            f"there are {number or 'no'} references",
            _REFERENCE,
            partial(_references, number=number),
        )
        for number in (0, 2, 30, 300)
    ),
    Flaw(
        "a-second-reference-to-elsewhere",
        "a second reference is to a file",
        _REFERENCE,
        lambda g: g.changed(
            _REFERENCES.pattern, lambda one: one[0] + one[0].replace(b'URI=""', b'URI="file:///etc/passwd"')
        ),
    ),
    Flaw(
        "reference-type",
        "the reference says of what type it is",
        _FORM,
        lambda g: g.altered(
            b'<ds:Reference URI=""', b'<ds:Reference Type="http://www.w3.org/2000/09/xmldsig#Manifest" URI=""'
        ),
    ),
    Flaw(
        "reference-id",
        "the reference has an Id",
        _FORM,
        lambda g: g.altered(b"<ds:Reference ", b'<ds:Reference Id="r" '),
    ),
    Flaw(
        "reference-in-a-manifest",
        "the reference stands in a Manifest, which some do not check",
        _REFERENCE,
        lambda g: g.changed(_REFERENCES.pattern, lambda one: b"<ds:Manifest>" + one[0] + b"</ds:Manifest>"),
    ),
    Flaw(
        "reference-deeper-than-signed-info",
        "a second reference stands deeper in SignedInfo",
        _FORM,
        lambda g: g.changed(
            _REFERENCES.pattern, lambda one: one[0] + b"<ds:Manifest>" + one[0] + b"</ds:Manifest>"
        ),
    ),
)

_SPELLINGS: Final = (b"Id", b"ID", b"id", b"iD", b"xml:id")

IDS: Final = (
    *(
        Flaw(
            f"signed-by-{spelling.decode().replace(':', '-')}",
            f"the publisher signed by the root's {spelling.decode()}, not by the empty address",
            _REFERENCE,
            partial(_one_id, attribute=spelling),
            kinds=FEED if spelling == b"id" else BOTH,  # a mitigation has an id of its own
        )
        for spelling in _SPELLINGS
    ),
    *(
        Flaw(
            f"two-of-{spelling.decode().replace(':', '-')}",
            f"two elements have the same {spelling.decode()}, and the reference is to it",
            _REFERENCE,
            partial(_two_of, attribute=spelling),
            kinds=FEED if spelling == b"id" else BOTH,
        )
        for spelling in _SPELLINGS[:4]
    ),
    Flaw(
        "mixed-case",
        "Id and ID name the same, and the reference is to it",
        _REFERENCE,
        lambda g: splice(
            replaced(g.evil, b"<" + g.root_name + b" ", b"<" + g.root_name + b' Id="x" ID="x" iD="x" '),
            g.signature.replace(b'URI=""', b'URI="#x"'),
        ),
    ),
    Flaw(
        "xml-id-twice",
        "two elements have the same xml:id, and the reference is to it",
        "trust.document_malformed",
        lambda g: (
            g.in_root(b'xml:id="x"')
            .replace(b"<Poll ", b'<Poll xml:id="x" ')
            .replace(b"<Title>", b'<Title xml:id="x">')
            .replace(b'URI=""', b'URI="#x"')
        ),
        reader="xml.malformed",
    ),
    Flaw(
        "id-of-the-signature",
        "the reference is to the signature itself",
        _REFERENCE,
        lambda g: g.altered(b"<ds:Signature ", b'<ds:Signature Id="x" ').replace(b'URI=""', b'URI="#x"', 1),
    ),
    Flaw(
        "id-added", "the root has been given an Id", "trust.signature_invalid", lambda g: g.in_root(b'Id="x"')
    ),
)


def _listing(one: Genuine, *, algorithms: tuple[bytes, ...]) -> bytes:
    """The reference with these transforms."""
    listed = b"<ds:Transforms>" + b"".join(_TRANSFORM % name for name in algorithms) + b"</ds:Transforms>"
    return one.changed(rb"<ds:Transforms>.*</ds:Transforms>", lambda _: listed)


def _by_xpath(one: Genuine, *, words: bytes) -> bytes:
    hides = b'<ds:Transform Algorithm="%b"><ds:XPath>%b</ds:XPath></ds:Transform>' % (_XPATH, words)
    return one.altered(b"<ds:Transforms>", b"<ds:Transforms>" + hides)


_ENVELOPED: Final = b"http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_EXCLUSIVE: Final = EXCLUSIVE_C14N.encode()
_XPATH: Final = b"http://www.w3.org/TR/1999/REC-xpath-19991116"
_XSLT: Final = b"http://www.w3.org/TR/1999/REC-xslt-19991116"
_XSL: Final = (
    b'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
    b"<xsl:copy-of select=\"document('file:///etc/passwd')\"/></xsl:template></xsl:stylesheet>"
)

_LISTS: Final[dict[str, tuple[bytes, ...]]] = {
    "none": (),
    "enveloped-alone": (_ENVELOPED,),
    "canonical-alone": (_EXCLUSIVE,),
    "reversed": (_EXCLUSIVE, _ENVELOPED),
    "enveloped-twice": (_ENVELOPED, _ENVELOPED, _EXCLUSIVE),
    "many": (_ENVELOPED, *[_EXCLUSIVE] * 100),
    "unknown": (_ENVELOPED, _EXCLUSIVE, b"urn:example:skip"),
    "unknown-first": (b"urn:example:skip", _ENVELOPED, _EXCLUSIVE),
    "unknown-alone": (b"urn:example:skip",),
    "empty": (_ENVELOPED, b""),
    "base64": (_ENVELOPED, b"http://www.w3.org/2000/09/xmldsig#base64"),
    "inclusive": (_ENVELOPED, b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
    "inclusive-1-1": (_ENVELOPED, b"http://www.w3.org/2006/12/xml-c14n11"),
    "with-comments": (_ENVELOPED, _EXCLUSIVE + b"WithComments"),
    "blank-after": (_ENVELOPED, _EXCLUSIVE + b" "),
    "another-case": (_ENVELOPED, _EXCLUSIVE.upper()),
    "decrypt": (_ENVELOPED, b"http://www.w3.org/2002/07/decrypt#XML", _EXCLUSIVE),
    "soap-token": (
        _ENVELOPED,
        b"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
    ),
}

TRANSFORMS: Final = (
    *(
        Flaw(
            f"list-{name}",
            f"the transforms are not the two published ones ({name})",
            _REFERENCE,
            partial(_listing, algorithms=algorithms),
        )
        for name, algorithms in _LISTS.items()
    ),
    Flaw(
        "no-list",
        "the reference has no transforms",
        _REFERENCE,
        lambda g: g.changed(rb"<ds:Transforms>.*</ds:Transforms>", b""),
    ),
    Flaw(
        "without-algorithm",
        "a transform names no algorithm",
        _REFERENCE,
        lambda g: g.changed(rb"<ds:Transform Algorithm=[^>]*>", b"<ds:Transform>"),
    ),
    *(
        Flaw(
            f"xpath-{name}",
            f"an XPath hides what it likes ({name})",
            _REFERENCE,
            partial(_by_xpath, words=words),
        )
        for name, words in {
            "nothing": b"false()",
            "all-but-one": b"not(ancestor-or-self::*[local-name()='Entry' or local-name()='Actions'])",
            "slow": b"count(//*[count(//*[count(//*) > 0]) > 0]) > 0",
        }.items()
    ),
    Flaw(
        "xpath-in-the-enveloped-transform",
        "an XPath stands in a transform that takes none",
        _FORM,
        lambda g: g.changed(rb"(<ds:Transform [^>]*>)", lambda one: one[1] + b"<ds:XPath>false()</ds:XPath>"),
    ),
    Flaw(
        "xpath-filter-2",
        "an XPath filter intersects what is signed",
        _REFERENCE,
        lambda g: g.altered(
            b"<ds:Transforms>",
            b'<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2">'
            b'<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//*</f:XPath>'
            b"</ds:Transform>",
        ),
    ),
    Flaw(
        "xslt",
        "a style sheet reads a file",
        _REFERENCE,
        lambda g: g.altered(
            b"<ds:Transforms>",
            b'<ds:Transforms><ds:Transform Algorithm="%b">%b</ds:Transform>' % (_XSLT, _XSL),
        ),
    ),
    Flaw(
        "xslt-in-the-canonical-transform",
        "a style sheet stands in a transform that takes none",
        _FORM,
        lambda g: g.changed(rb"(<ds:Transform Algorithm=\"[^\"]*c14n#\">)", lambda one: one[1] + _XSL),
    ),
    Flaw(
        "inclusive-namespaces",
        "the canonical form is told to keep some prefixes",
        _FORM,
        lambda g: g.changed(
            rb"(<ds:Transform Algorithm=\"[^\"]*c14n#\">)",
            lambda one: (
                one[1]
                + b'<ec:InclusiveNamespaces xmlns:ec="%b" PrefixList="ds x"/>' % EXCLUSIVE_C14N.encode()
            ),
        ),
    ),
    Flaw(
        "nested",
        "a transform stands in a transform",
        _REFERENCE,
        lambda g: g.changed(
            rb"(<ds:Transform [^>]*>)", lambda one: one[1] + _TRANSFORM % b"urn:example:skip"
        ),
    ),
    Flaw(
        "of-another-namespace",
        "a transform of another namespace stands beside",
        _FORM,
        lambda g: g.altered(
            b"</ds:Transforms>", b'<x:Transform xmlns:x="urn:example:x" Algorithm="x"/></ds:Transforms>'
        ),
    ),
)
