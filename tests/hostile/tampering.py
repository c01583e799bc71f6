"""One change, anywhere in what was signed; the table is made by walking over every element and attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree
from lxml.etree import _Element

from feedsrv.trust.profile import DS
from tests.hostile.flaws import BOTH, Flaw
from tests.hostile.genuine import Genuine, genuine

_SIGNATURE: Final = f"{{{DS}}}Signature"
INVALID: Final = "trust.signature_invalid"

_Change = Callable[[_Element], None]


def _signed_elements(root: _Element) -> list[_Element]:
    signature = root.find(_SIGNATURE)
    assert signature is not None
    inside = set(signature.iter())
    return [one for one in root.iter() if one not in inside]


def _edited(number: int, change: _Change) -> Callable[[Genuine], bytes]:
    """Apply a change to the element of that number, and write the document anew."""

    def make(one: Genuine) -> bytes:
        root = etree.fromstring(one.signed)
        change(_signed_elements(root)[number])
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    return make


def _other(value: str) -> str:
    """Another value of the same form, as far as that is possible."""
    last = value[-1:]
    nearby = {"9": "8", "z": "y", "Z": "Y"}.get(last, chr(ord(last) + 1) if last.isalnum() else "x")
    return value[:-1] + nearby


def _set(name: str) -> _Change:
    return lambda element: element.set(name, _other(str(element.get(name))))


def _drop(name: str) -> _Change:
    def change(element: _Element) -> None:
        del element.attrib[name]

    return change


def _retext(element: _Element) -> None:
    element.text = _other(element.text or "")


def _remove(element: _Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _double(element: _Element) -> None:
    copy = etree.fromstring(etree.tostring(element))
    copy.tail = element.tail
    element.addnext(copy)


def _swap(element: _Element) -> None:
    following = element.getnext()
    assert following is not None
    following.addnext(element)


def _own_namespace(element: _Element) -> None:
    element.tag = f"{{urn:example:other}}{etree.QName(element).localname}"


def _place(root: _Element, element: _Element) -> str:
    path = root.getroottree().getelementpath(element)
    return (
        re.sub(r"\{[^}]*\}", "", path).replace("/", "-").replace("[", "").replace("]", "").strip(".-")
        or "root"
    )


def _rows(one: Genuine) -> Iterator[Flaw]:
    root = etree.fromstring(one.signed)
    for number, element in enumerate(_signed_elements(root)):
        place = _place(root, element)
        for name in map(str, element.attrib):
            yield _row(
                one, f"{place}-{name}-changed", f"{name} of {place} says something else", number, _set(name)
            )
            yield _row(one, f"{place}-{name}-dropped", f"{name} of {place} is gone", number, _drop(name))
        if (element.text or "").strip():
            yield _row(one, f"{place}-text-changed", f"the text of {place} is another", number, _retext)
        if element is root:
            continue
        yield _row(one, f"{place}-removed", f"{place} is gone", number, _remove)
        yield _row(one, f"{place}-doubled", f"{place} stands there twice", number, _double)
        yield _row(
            one, f"{place}-renamespaced", f"{place} is in a namespace of its own", number, _own_namespace
        )
        following = element.getnext()
        if following is not None and following.tag != _SIGNATURE:
            yield _row(
                one, f"{place}-swapped", f"{place} and what follows it have changed places", number, _swap
            )


def _row(one: Genuine, name: str, wrong: str, number: int, change: _Change) -> Flaw:
    return Flaw(name, wrong, INVALID, _edited(number, change), kinds=(one.kind,))


def everywhere() -> tuple[Flaw, ...]:
    """A row for each attribute, text, element, order and namespace of both documents."""
    return tuple(row for kind in BOTH for row in _rows(genuine(kind)))


# What no walk over the signed elements meets.
BY_HAND: Final = (
    Flaw(
        "root-namespace",
        "the root is in another namespace",
        "trust.wrong_kind",
        lambda g: g.altered(b"urn:feedsrv:", b"urn:example:"),
    ),
    Flaw(
        "root-name",
        "the root has another name",
        "trust.wrong_kind",
        lambda g: g.changed(rb"(</?)" + g.root_name + rb"\b", lambda one: one[1] + b"Poem", count=0),
    ),
    Flaw("root-attribute-added", "the root says more", INVALID, lambda g: g.in_root(b'urgent="true"')),
    Flaw(
        "root-attribute-of-another-namespace",
        "the root says more, in a namespace of its own",
        INVALID,
        lambda g: g.in_root(b'xmlns:x="urn:example:x" x:urgent="true"'),
    ),
    Flaw("text-added", "words stand between two elements", INVALID, lambda g: g.first(b"words")),
    Flaw("blank-added", "one blank stands between two elements", INVALID, lambda g: g.first(b" ")),
    Flaw(
        "line-ends-removed",
        "the document is on one line",
        INVALID,
        lambda g: g.changed(rb">\n\s*<", b"><", count=0),
    ),
    Flaw(
        "indented-anew",
        "a formatter has indented the document after it was signed",
        INVALID,
        lambda g: g.changed(rb">\n  ", b">\n\t", count=0),
    ),
    Flaw("element-added", "an element is added", INVALID, lambda g: g.first(b"<Extra/>")),
    Flaw(
        "element-of-another-namespace-added",
        "an element of another namespace is added",
        INVALID,
        lambda g: g.first(b'<x:Extra xmlns:x="urn:example:x"/>'),
    ),
    Flaw(
        "prefix-given",
        "the same names, with a prefix; canonical form keeps prefixes",
        INVALID,
        lambda g: re.sub(
            rb"<(/?)(?!/|ds:|\?|!)",
            rb"<\1p:",
            g.signed.replace(b'xmlns="urn:feedsrv:', b'xmlns:p="urn:feedsrv:', 1),
        ),
    ),
    Flaw(
        "blank-after-the-signature",
        "a blank follows the signature, in the root",
        INVALID,
        lambda g: g.altered(b"</ds:Signature>", b"</ds:Signature> "),
    ),
    Flaw(
        "digest-bit",
        "one bit of the digest is another",
        INVALID,
        lambda g: g.changed(
            rb"(<ds:DigestValue>)(.)", lambda one: one[1] + (b"A" if one[2] != b"A" else b"B")
        ),
    ),
    Flaw(
        "signature-bit",
        "one bit of the signature is another",
        INVALID,
        lambda g: g.changed(
            rb"(<ds:SignatureValue>)(.)", lambda one: one[1] + (b"A" if one[2] != b"A" else b"B")
        ),
    ),
    Flaw(
        "signature-cut",
        "the signature lacks its last bytes",
        INVALID,
        lambda g: g.changed(rb".{4}(</ds:SignatureValue>)", lambda one: one[1]),
    ),
    Flaw(
        "signature-longer",
        "the signature has zeros before it",
        INVALID,
        lambda g: g.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"),
    ),
    Flaw(
        "signature-empty",
        "the signature is empty",
        INVALID,
        lambda g: g.changed(rb"(<ds:SignatureValue>)[^<]*", lambda one: one[1]),
    ),
    Flaw(
        "digest-empty",
        "the digest is empty",
        INVALID,
        lambda g: g.changed(rb"(<ds:DigestValue>)[^<]*", lambda one: one[1]),
    ),
    Flaw(
        "signature-zeros",
        "the signature is all zeros",
        INVALID,
        lambda g: g.changed(rb"(<ds:SignatureValue>)[^<]*", lambda one: one[1] + b"A" * 344),
    ),
    Flaw(
        "signed-info-blank",
        "a blank stands in what the signature covers of itself",
        INVALID,
        lambda g: g.altered(b"<ds:SignedInfo>", b"<ds:SignedInfo> "),
    ),
    Flaw(
        "digest-recomputed",
        "other words with their own digest, under the genuine signature value",
        INVALID,
        lambda g: re.sub(
            rb"(<ds:SignatureValue>)[^<]*",
            lambda one: one[1] + re.search(rb"<ds:SignatureValue>([^<]*)", g.signed)[1],  # type: ignore[index]  # it is there
            g.resigned(g.evil),
        ),
    ),
)
