"""One value held against one type of the authoring grammar, for whoever asks for values one by one.

A form field then says what a document's refusal would say, in the same words, beside the field.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from threading import Lock
from typing import Final

from lxml import etree

from feedsrv.codec.complaints import Found, told
from feedsrv.codec.schemas import FOLDER, advice

_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_NAMESPACE: Final = "urn:feedsrv:authoring:1"
_GRAMMARS: Final = ("words.xsd", "authoring.xsd")
_LONGEST: Final = 4_000
_HEAD: Final = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:feedsrv:authoring:1" '
    'targetNamespace="urn:feedsrv:authoring:1" elementFormDefault="qualified">'
    '<xs:include schemaLocation="authoring.xsd"/></xs:schema>'
)


class UnknownTypeError(LookupError):
    """The grammar has no such type; a slip in the program, never in what somebody typed."""


def complaint(kind: str, value: str) -> str | None:
    """What the grammar has against a value, as a sentence for people; None where it fits.

    `kind` is a type such as `Build`, or an attribute with a type of its own such as `OutboundRule@variable`.

    >>> complaint("Build", "15.2.1118.7")
    >>> complaint("Build", "15.2")
    "'15.2' does not fit. Four whole numbers joined by dots, without leading zeros, such as 15.2.1118.7."
    """
    if len(value) > _LONGEST:
        # Said before the grammar's expressions see it: they take their time over a long text.
        return f"{len(value)} characters; at most {_LONGEST} fit"
    schema, kinds, lock = _types()
    if kind not in kinds:
        raise UnknownTypeError(kind)
    element = etree.Element(f"{{{_NAMESPACE}}}{_element_name(kind)}")
    try:
        element.text = value
    except ValueError:
        return "holds a character that no document can hold; leave it out"
    with lock:
        if schema.validate(element):
            return None
        found = schema.error_log[0]
        seen = Found(found.line, found.path, found.message)
    return told(seen, element, advice(), "").sentence


def _element_name(kind: str) -> str:
    return f"value-{kind.replace('@', '.')}"


@cache
def _types() -> tuple[etree.XMLSchema, frozenset[str], Lock]:
    """A grammar in which each type is an element of its own; errors are logged in it, hence the lock."""
    root = etree.fromstring(_HEAD, base_url=str(FOLDER / "values.xsd"))
    kinds: set[str] = set()
    for name in _GRAMMARS:
        for simple in etree.parse(FOLDER / name).getroot().iter(f"{_XSD}simpleType"):
            owner = simple.getparent()
            if simple.get("name"):
                kind = simple.get("name", "")
                element = etree.Element(f"{_XSD}element", type=kind)
            elif owner is not None and owner.tag == f"{_XSD}attribute":
                above = next(owner.iterancestors(f"{_XSD}complexType"))
                kind = f"{above.get('name')}@{owner.get('name')}"
                element = etree.Element(f"{_XSD}element")
                element.append(deepcopy(simple))
            else:
                continue
            kinds.add(kind)
            element.set("name", _element_name(kind))
            root.append(element)
    # Written and read once more, so that the types' names are looked up in this grammar's namespace.
    whole = etree.fromstring(etree.tostring(root), base_url=str(FOLDER / "values.xsd"))
    return etree.XMLSchema(whole), frozenset(kinds), Lock()
