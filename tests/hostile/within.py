"""Documents that pass every limit and hold as much as fits: to refuse them must still be cheap."""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.hostile.filling import (
    Make,
    attributes,
    elements_of,
    full,
    limit_of,
    many,
    namespaces,
)
from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine

_INVALID: Final = "trust.signature_invalid"

_SIXTEEN: Final = 10
"""Elements inside each other that still pass; the root and the signature take the rest."""


def _room(one: Genuine) -> int:
    return limit_of(one) - len(one.signed) - 100


def _blanks(one: Genuine) -> bytes:
    """Between ever so many elements, since each text has a limit of its own."""
    return one.first((b"<a/>" + b" " * 60_000) * ((limit_of(one) - len(one.signed)) // 60_010))


_WITHIN: Final[dict[str, tuple[str, Make]]] = {
    "parts": (
        "the same genuine element as often as fits",
        lambda g: g.first(g.part * min(_room(g) // len(g.part), elements_of(g) // (g.part.count(b"<") - 1))),
    ),
    "blanks": ("as many blanks as fit", _blanks),
    "comments": ("as many comments as fit", many(lambda _: b"<!--a-->")),
    "long-comments": ("long comments to the limit", full(b"<!--" + b"a" * 60_000 + b"-->")),
    "long-texts": ("long texts to the limit", full(b"<a>" + b"a" * 60_000 + b"</a>")),
    "long-astral-texts": (
        "long texts outside the basic plane",
        full(b"<a>" + "𝄞".encode() * 15_000 + b"</a>"),
    ),
    "long-attributes": ("long attributes to the limit", full(b'<a b="' + b"a" * 60_000 + b'"/>')),
    "escapes": ("texts of escapes to the limit", full(b"<a>" + b"&amp;" * 12_000 + b"</a>")),
    "characters-by-number": ("texts by numbers to the limit", full(b"<a>" + b"&#65;" * 12_000 + b"</a>")),
    "cdata": ("CDATA sections to the limit", full(b"<a>" + b"<![CDATA[a]]>a" + b"</a>" + b"a" * 2_000)),
    "elements": ("as many elements as fit", many(lambda _: b"<a/>")),
    "named-elements": ("as many elements as fit, each of its own name", many(lambda n: b"<a%d/>" % n)),
    "elements-with-text": ("as many elements as fit, with texts between", many(lambda _: b"<a>b</a>c")),
    "attributes": (
        "four attributes on each of many elements",
        many(lambda _: b"<a " + attributes(4) + b"/>"),
    ),
    "attributes-in-groups": (
        "sixty attributes on each of many elements",
        many(lambda _: b"<a " + attributes(60) + b"/>", 15),
    ),
    "deep-and-wide": (
        "as deep and as wide as fits",
        many(lambda _: b"<a>" * _SIXTEEN + b"</a>" * _SIXTEEN, _SIXTEEN),
    ),
    "one-deep-then-wide": (
        "all elements at the greatest depth",
        lambda g: g.first(b"<a>" * _SIXTEEN + b"<b/>" * (elements_of(g) - 50) + b"</a>" * _SIXTEEN),
    ),
    "tails": ("as many texts as fit between elements", many(lambda _: b"<a/>" + b"b" * 60)),
    "blanks-in-values": (
        "blanks in certificates to the limit",
        lambda g: g.altered(b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b" \n" * 6_000).replace(
            b"<ds:DigestValue>", b"<ds:DigestValue>A", 1
        ),
    ),
    "namespaces": ("as many namespaces as are allowed", lambda g: g.in_root(namespaces(55))),
    "namespaces-used": (
        "as many namespaces as are allowed, used everywhere",
        lambda g: g.first(
            b"<w "
            + namespaces(55)
            + b">"
            + b"".join(b"<n%d:a/>" % (n % 55) for n in range(elements_of(g)))
            + b"</w>"
        ),
    ),
    "attributes-of-namespaces": (
        "attributes of many namespaces on many elements",
        lambda g: g.first(
            b"<w "
            + namespaces(50)
            + b">"
            + b"".join(
                b"<a " + b" ".join(b'n%d:b=""' % n for n in range(50)) + b"/>"
                for _ in range(elements_of(g) // 13)
            )
            + b"</w>"
        ),
    ),
}


# Each asks a question that costs more than reading: white space by number, xml:base, an instruction.
_ASKING: Final[dict[str, tuple[str, str, Make]]] = {
    "returns": (
        "a carriage return at the end of very many texts",
        "xml.not_portable",
        many(lambda _: b"<a>b</a>c"),
    ),
    "tabs": (
        "a tab in the last of very many attributes",
        "xml.not_portable",
        many(lambda _: b"<a " + attributes(4) + b"/>"),
    ),
}


def _asking(name: str) -> Make:
    make = _ASKING[name][2]
    last = b"<a>&#13;</a>" if name == "returns" else b'<a b="&#9;"/>'
    return lambda one: make(one).replace(b"<ds:Signature ", last + b"<ds:Signature ", 1)


def _harmless_white(one: Genuine) -> bytes:
    """A white reference that is allowed where it stands makes the reader look at every text and attribute."""
    wide = b"".join(b"<a " + attributes(4) + b">b</a>c" for _ in range(elements_of(one)))
    return one.first(wide).replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>&#13;", 1)


def _harmless_base(one: Genuine) -> bytes:
    wide = b"".join(b"<a " + attributes(4) + b">b</a>c" for _ in range(elements_of(one)))
    return one.first(wide + b"<!-- xml:base -->")


def _with_one_more(one: Genuine, *, make: Make) -> bytes:
    return make(one).replace(b"<ds:Signature ", b"<a/><ds:Signature ", 1)


WITHIN: Final = (
    *(
        Flaw(
            f"within-{name}",
            f"{wrong}; no limit is passed, and one element was added",
            _INVALID,
            partial(_with_one_more, make=make),
        )
        for name, (wrong, make) in _WITHIN.items()
    ),
    *(
        Flaw(f"asking-{name}", wrong, "trust.document_malformed", _asking(name), reader=reader)
        for name, (wrong, reader, _) in _ASKING.items()
    ),
    Flaw("asking-about-every-text", "a question is asked of every text", _INVALID, _harmless_white),
    Flaw("asking-about-every-element", "a question is asked of every element", _INVALID, _harmless_base),
)
