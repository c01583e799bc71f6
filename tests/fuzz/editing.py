"""Changes to a document that leave it well-formed more often than not, chosen by a source of chance.

Shared by the fuzzers and by the property tests: what both look for lies behind the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

from lxml import etree

_TAG: Final = re.compile(rb"<[^<>!?]*>")
_ELEMENT: Final = re.compile(rb"<([\w:]+)\b[^<>]*/>|<([\w:]+)\b[^<>]*>[^<>]*</\2>")
_LARGE: Final = re.compile(rb"<([\w:]+)(?:\s[^<>]*)?(?<!/)>.*?</\1>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(rb'\s[\w:]+="[^"<]*"')
_VALUE: Final = re.compile(rb'(?<==")[^"<]*(?=")|(?<=>)[^<>]+(?=<)')

# What is put where it does not belong.
_INSERTS: Final = (
    b"<!-- -->",
    b"<?a b?>",
    b"<![CDATA[a]]>",
    b"&#13;",
    b"&#9;",
    b"&amp;",
    b"&x;",
    b" ",
    b"\n",
    b"\r\n",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\x00",
    b"<a/>",
    b'<a xmlns=""/>',
    b"<Extra/>",
    b'<x:a xmlns:x="urn:x"/>',
    b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>',
    b"<ds:Object/>",
    b"<ds:Reference/>",
    b"<ds:KeyName>a</ds:KeyName>",
    b"<ds:X509Certificate/>",
)
_ATTRIBUTES: Final = (
    b' Id="a"',
    b' ID="a"',
    b' id="M0001"',
    b' xml:id="a"',
    b' xml:base="http://a/"',
    b' xml:space="preserve"',
    b' xmlns=""',
    b' xmlns:x="urn:x"',
    b' xmlns:ds="urn:x"',
    b' xmlns="urn:feedsrv:feed:1"',
    b' URI="#a"',
    b' Algorithm=""',
    b' a="&#9;"',
    b' xsi:type="a" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
)
_VALUES: Final = (
    b"",
    b"0",
    b"-1",
    b"9999999999999999999",
    b"#a",
    b"a",
    b" ",
    b"&#10;",
    b"true",
    b"../..",
    b"1970-01-01T00:00:00Z",
    b"9999-12-31T23:59:59Z",
    b"2026-02-30",
    b"http://www.w3.org/2000/09/xmldsig#sha1",
    b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    b"http://www.w3.org/2001/10/xml-exc-c14n#",
    b"http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    b"http://www.w3.org/TR/1999/REC-xpath-19991116",
    b"http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    b"urn:feedsrv:feed:1",
    b"urn:feedsrv:mitigation:1",
    b"AAAA",
    b"\xd9\xa7",
)


def edited(data: bytes, chance: Random, *, most: int = 4) -> bytes:
    """The document after one to `most` changes; of those that break it, most are taken back."""
    for _ in range(chance.randint(1, most)):
        changed = chance.choice(_CHANGES)(data, chance)
        if chance.random() < 0.1 or _is_readable(changed) or not _is_readable(data):
            data = changed
    return data


def _is_readable(data: bytes) -> bool:
    try:
        etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return False
    return True


def _spot(pattern: re.Pattern[bytes], data: bytes, chance: Random) -> tuple[int, int] | None:
    """Where something that fits stands, by chance; to look from anywhere costs less than to list all."""
    found = pattern.search(data, chance.randrange(len(data) + 1)) or pattern.search(data)
    return None if found is None else found.span()


def _insert(data: bytes, chance: Random) -> bytes:
    spot = _spot(_TAG, data, chance)
    at = chance.choice(spot) if spot else 0
    return data[:at] + chance.choice(_INSERTS) + data[at:]


def _insert_inside(data: bytes, chance: Random) -> bytes:
    spot = _spot(_VALUE, data, chance)
    at = chance.randint(*spot) if spot else 0
    return data[:at] + chance.choice(_INSERTS) + data[at:]


def _attribute(data: bytes, chance: Random) -> bytes:
    spot = _spot(_TAG, data, chance)
    if spot is None:
        return data
    end = re.compile(rb"[\s/>]").search(data, spot[0] + 1)
    at = end.start() if end else spot[1] - 1
    return data[:at] + chance.choice(_ATTRIBUTES) + data[at:]


def _value(data: bytes, chance: Random) -> bytes:
    spot = _spot(_VALUE, data, chance)
    return data if spot is None else data[: spot[0]] + chance.choice(_VALUES) + data[spot[1] :]


def _nearby_value(data: bytes, chance: Random) -> bytes:
    """One character is another."""
    spot = _spot(_VALUE, data, chance)
    if spot is None or spot[0] == spot[1]:
        return data
    at = chance.randrange(*spot)
    return data[:at] + bytes([chance.randrange(0x20, 0x7F)]) + data[at + 1 :]


def _remove(pattern: re.Pattern[bytes]) -> Callable[[bytes, Random], bytes]:
    def change(data: bytes, chance: Random) -> bytes:
        spot = _spot(pattern, data, chance)
        return data if spot is None else data[: spot[0]] + data[spot[1] :]

    return change


def _double(pattern: re.Pattern[bytes]) -> Callable[[bytes, Random], bytes]:
    def change(data: bytes, chance: Random) -> bytes:
        spot = _spot(pattern, data, chance)
        return data if spot is None else data[: spot[1]] + data[spot[0] :]

    return change


def _move(pattern: re.Pattern[bytes]) -> Callable[[bytes, Random], bytes]:
    """To before or after any other tag."""

    def change(data: bytes, chance: Random) -> bytes:
        spot = _spot(pattern, data, chance)
        if spot is None:
            return data
        part, rest = data[slice(*spot)], data[: spot[0]] + data[spot[1] :]
        target = _spot(_TAG, rest, chance)
        at = chance.choice(target) if target else 0
        return rest[:at] + part + rest[at:]

    return change


def _wrap(data: bytes, chance: Random) -> bytes:
    """Put an element into another."""
    spot = _spot(chance.choice((_ELEMENT, _LARGE)), data, chance)
    if spot is None:
        return data
    name = chance.choice((b"a", b"Entry", b"Actions", b"ds:Object", b"ds:KeyInfo", b"ds:Signature"))
    part = data[slice(*spot)]
    return data[: spot[0]] + b"<" + name + b">" + part + b"</" + name + b">" + data[spot[1] :]


def _rename(data: bytes, chance: Random) -> bytes:
    """Every tag of one name has another."""
    spot = _spot(_TAG, data, chance)
    name = re.search(rb"[\w:]+", data[slice(*spot)]) if spot else None
    if name is None:
        return data
    other = chance.choice((b"a", b"Entry", b"ds:Reference", b"ds:X509Data", name[0].swapcase()))
    return re.sub(rb"(</?)" + re.escape(name[0]) + rb"\b", lambda one: one[1] + other, data)


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flip(data: bytes, chance: Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _copy(data: bytes, chance: Random) -> bytes:
    """Some bytes from anywhere to anywhere."""
    if not data:
        return data
    start, at = chance.randrange(len(data)), chance.randrange(len(data))
    length = chance.choice((1, 4, 16, 64, 256, 1024))
    return data[:at] + data[start : start + length] + data[at + chance.choice((0, length)) :]


_CHANGES: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (
    _insert,
    _insert_inside,
    _attribute,
    _value,
    _nearby_value,
    _remove(_ELEMENT),
    _remove(_LARGE),
    _remove(_ATTRIBUTE),
    _double(_ELEMENT),
    _double(_LARGE),
    _double(_ATTRIBUTE),
    _move(_ELEMENT),
    _move(_LARGE),
    _move(_ATTRIBUTE),
    _wrap,
    _rename,
    _cut,
    _flip,
    _copy,
)
