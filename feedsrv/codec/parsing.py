"""From bytes to a tree of elements, within limits: no DTD, no entities, no network, UTF-8 only.

The limits are held in passes over the raw bytes that cost next to nothing, before a parser sees
them: parsers, canonicalisation and `attrib` of lxml take quadratic time over very many attributes
or namespaces of one element. What the words mean is left to the readers of each document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, NoReturn

from lxml import etree
from lxml.etree import _Comment, _Element, _ProcessingInstruction

from feedsrv.codec.refusals import (
    DtdError,
    EncodingError,
    MalformedError,
    MeaningError,
    NotPortableError,
    ProcessingInstructionError,
    SchemaError,
    TextTooLongError,
    TooDeepError,
    TooLargeError,
    TooManyAttributesError,
    TooManyElementsError,
    XmlError,
)

__all__ = [
    "LIMITS_CATALOGUE",
    "LIMITS_FEED",
    "LIMITS_MITIGATION",
    "DtdError",
    "EncodingError",
    "Limits",
    "MalformedError",
    "MeaningError",
    "NotPortableError",
    "ProcessingInstructionError",
    "SchemaError",
    "TextTooLongError",
    "TooDeepError",
    "TooLargeError",
    "TooManyAttributesError",
    "TooManyElementsError",
    "XmlError",
    "parse",
    "path_of",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost its reader."""

    max_bytes: int
    max_depth: int
    max_elements: int
    max_attributes: int
    """Of one element, namespace declarations included."""
    max_text: int
    """Bytes of one text, tag or comment."""


LIMITS_MITIGATION: Final = Limits(
    max_bytes=512 * 1024, max_depth=16, max_elements=4_000, max_attributes=64, max_text=64 * 1024
)
# There are 10,001 mitigation ids, with two elements and about 200 bytes each.
LIMITS_FEED: Final = Limits(
    max_bytes=3 * 1024 * 1024, max_depth=16, max_elements=24_000, max_attributes=64, max_text=64 * 1024
)
LIMITS_CATALOGUE: Final = Limits(
    max_bytes=2 * 1024 * 1024, max_depth=16, max_elements=6_000, max_attributes=64, max_text=64 * 1024
)

# Whoever sends a long name does not get all of it back, nor does a log.
_MOST_QUOTED: Final = 60
_BOM: Final = b"\xef\xbb\xbf"
_OTHER_BOMS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_GZIP: Final = b"\x1f\x8b"
_DECLARATION: Final = re.compile(
    rb"""<\?xml\s+version\s*=\s*["']([^"']{1,20})["'](?:\s+encoding\s*=\s*["']([^"']{1,60})["'])?"""
    rb"""(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>"""
)
_DECLARES: Final = re.compile(rb"<\?xml\s")
# A tag without its `<`: up to the `>` that stands outside quotes. Possessive, so that it is linear.
_TAG: Final = re.compile(rb"""[^>"']*+(?:"[^"]*+"[^>"']*+|'[^']*+'[^>"']*+)*+""")
_QUOTED: Final = re.compile(rb""""[^"]*+"|'[^']*+'""")
_SHORTEST_ATTRIBUTE: Final = len(' a=""')
_WHITE_REFERENCE: Final = re.compile(rb"&#0*+(?:9|10|13);|&#x0*+[9aAdD];")


def parse(data: bytes, *, limits: Limits, source: str, authored: bool = False) -> _Element:
    """Read bytes into elements, or refuse them. Costs little for any input, however hostile.

    A byte order mark is refused in what is published and passed over in what people write
    (`authored`), since some editors put one there.

    Raises:
        XmlError: not XML, not UTF-8, beyond a limit, or something no document of ours holds; the
            subclass and its code say which.
    """
    if len(data) > limits.max_bytes:
        raise TooLargeError(f"{len(data)} bytes; at most {limits.max_bytes} are read", source=source)
    if authored:
        data = data.removeprefix(_BOM)
    _check_encoding(data, source)
    _check_dtd(data, source)
    _check_tags(data, limits, source)
    root = _tree(data, source)
    _check_tree(root, data, limits, source)
    return root


def path_of(element: _Element) -> str:
    """Where an element stands, such as `/Mitigation/Actions/UrlRewrite[2]`.

    A number counts the siblings of that name; it is left out where there is only one.
    """
    steps: list[str] = []
    here: _Element | None = element
    while here is not None:
        tag = str(here.tag)
        if isinstance(here, _Comment | _ProcessingInstruction):
            here = here.getparent()
            continue
        before = len(list(here.itersiblings(tag, preceding=True)))
        alone = before == 0 and next(here.itersiblings(tag), None) is None
        name = etree.QName(tag).localname[:_MOST_QUOTED]
        steps.append(name if alone else f"{name}[{before + 1}]")
        here = here.getparent()
    return "/" + "/".join(reversed(steps))


def _check_encoding(data: bytes, source: str) -> None:
    if not data:
        raise MalformedError("the document is empty", source=source)
    if data.startswith(_GZIP):
        raise EncodingError("these bytes are compressed; unpack them first", source=source)
    if data.startswith(_BOM):
        raise EncodingError(
            "begins with a byte order mark, which some verifiers refuse; save it without one", source=source
        )
    if data.startswith(_OTHER_BOMS) or b"\x00" in data[:4]:
        raise EncodingError("this looks like UTF-16 or UTF-32; save it as UTF-8", source=source)
    declared = _DECLARATION.match(data)
    if declared is None and _DECLARES.match(data):
        # Some reader would find a version or an encoding in it; that must not be another than ours.
        raise MalformedError(
            'the XML declaration is not of the usual form; write <?xml version="1.0" encoding="UTF-8"?>',
            source=source,
            line=1,
        )
    if declared and declared[1] != b"1.0":
        raise MalformedError("only XML 1.0 is read; declare version 1.0", source=source, line=1)
    if declared and declared[2] and declared[2].upper() != b"UTF-8":
        raise EncodingError(
            f"declares the encoding {declared[2].decode('latin-1')!r}; save and declare it as UTF-8",
            source=source,
            line=1,
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise EncodingError(
            f"byte {problem.start} is not UTF-8; save the file as UTF-8",
            source=source,
            line=_line(data, problem.start),
        ) from None


def _check_dtd(data: bytes, source: str) -> None:
    # UTF-8 leaves one way to spell it. A comment that quotes it is refused, too, which does no harm.
    at = data.find(b"<!DOCTYPE")
    if at >= 0:
        raise DtdError(
            "a document type declaration is not read, nor are entities; remove it and write the text itself",
            source=source,
            line=_line(data, at),
        )


def _check_tags(data: bytes, limits: Limits, source: str) -> None:
    # No `<` can hide in a tag, so what lies between two of them is one tag and the text after it.
    if data.count(b"<") > 3 * limits.max_elements:
        raise TooManyElementsError(
            f"far more than {limits.max_elements} elements, which is the most that are read", source=source
        )
    # The parser alone takes a second for a million attributes, however they are spread. The feed with the
    # most has three and a half for each element.
    if data.count(b"=") > 4 * limits.max_elements:
        raise TooManyAttributesError(
            f"far more attributes than {limits.max_elements} elements of ours have", source=source
        )
    suspicious = limits.max_attributes * _SHORTEST_ATTRIBUTE
    for piece in [piece for piece in data.split(b"<") if len(piece) > suspicious]:
        _check_piece(piece, data, limits, source)


def _check_piece(piece: bytes, data: bytes, limits: Limits, source: str) -> None:
    equals = 0 if piece.startswith(b"!") else piece.count(b"=")
    too_long = len(piece) > limits.max_text
    if equals > limits.max_attributes and (too_long or _attributes(piece) > limits.max_attributes):
        raise TooManyAttributesError(
            f"more than {limits.max_attributes} attributes on one element",
            source=source,
            line=_line(data, data.find(piece)),
        )
    if too_long:
        raise TextTooLongError(
            f"{len(piece)} bytes in one text, tag or comment; at most {limits.max_text} are read",
            source=source,
            line=_line(data, data.find(piece)),
        )


def _attributes(piece: bytes) -> int:
    tag = _TAG.match(piece)
    return len(_QUOTED.findall(tag[0])) if tag else 0


def _tree(data: bytes, source: str) -> _Element:
    # One parser per document: a parser holds a lock, and threads would wait for each other.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        if "Excessive depth" in (problem.msg or ""):
            raise TooDeepError("elements inside elements without end", source=source) from None
        reason = re.sub(r", line \d+, column \d+(?: \(.*\))?$", "", (problem.msg or "no XML").strip())
        raise _malformed(reason, problem.lineno, problem.offset, source) from None
    # A prefix without a namespace, or an id that is taken, is an error that lxml raises only where it was the
    # parser's last word: any warning after it hides it, and the tree has names that nothing can read.
    for error in parser.error_log.filter_from_errors():
        raise _malformed(error.message, error.line, error.column, source)
    return root


def _malformed(reason: str, line: int | None, column: int | None, source: str) -> MalformedError:
    # The parser quotes namespaces letter for letter, and they may hold what steers a terminal.
    printable = "".join(one if one.isprintable() else "?" for one in reason[:200])
    return MalformedError(
        f"not well-formed XML: {printable} (column {column}); correct it there or just before",
        source=source,
        line=line,
    )


def _check_tree(root: _Element, data: bytes, limits: Limits, source: str) -> None:
    if _deeper_than(limits.max_depth)(root):
        raise TooDeepError(f"elements nested more than {limits.max_depth} deep", source=source)
    if _COUNT(root) > limits.max_elements:
        raise TooManyElementsError(f"more than {limits.max_elements} elements", source=source)
    for instruction in _INSTRUCTIONS(root):
        raise ProcessingInstructionError(
            f"remove the processing instruction <?{instruction.target[:_MOST_QUOTED]} ...?>",
            source=source,
            line=instruction.sourceline,
        )
    if b"xml:base" in data:
        _check_base(root, source)
    if b"&" in data and _WHITE_REFERENCE.search(data):
        _check_white(root, source)


@cache
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


_COUNT: Final = etree.XPath("count(//*)")
_INSTRUCTIONS: Final = etree.XPath("//processing-instruction()")
_BASES: Final = etree.XPath("//*[@xml:base]")
_BREAK: Final = re.compile("[\t\n\r]")
_BEARING: Final = tuple(
    f"{{http://www.w3.org/2000/09/xmldsig#}}{name}" for name in ("SignatureValue", "X509Certificate")
)
# Some signers write `&#13;` into their base64, which no signature covers.
_RETURNS: Final = etree.XPath(
    "//text()[contains(., '\r') and not(parent::ds:SignatureValue or parent::ds:X509Certificate)]",
    namespaces={"ds": "http://www.w3.org/2000/09/xmldsig#"},
)


def _check_base(root: _Element, source: str) -> None:
    for element in _BASES(root):
        raise NotPortableError(
            "remove xml:base: verifiers differ in what they make of it",
            source=source,
            line=element.sourceline,
            path=f"{path_of(element)}/@xml:base",
        )


def _check_white(root: _Element, source: str) -> None:
    # Only a character reference brings these past the parser. .NET turns a TAB in an attribute
    # into a blank and a CR in a text into a line feed, and the digest no longer holds.
    #
    # Written anew, a tree has references for these alone, and for none where there is none: to look at
    # a hundred thousand attributes one by one takes seven times as long.
    written = etree.tostring(root, encoding="utf-8").count(b"&#")
    if written == sum((one.text or "").count("\r") for one in root.iter(*_BEARING)):
        return
    for element in root.iter():
        if _BREAK.search("".join(map(str, element.values()))):
            _refuse_break(element, source)
    for text in _RETURNS(root):
        raise NotPortableError(
            "a carriage return in a text is not read alike everywhere; leave &#13; out",
            source=source,
            line=text.getparent().sourceline,
            path=path_of(text.getparent()),
        )


def _refuse_break(element: _Element, source: str) -> NoReturn:
    name = next(str(name) for name, value in element.items() if _BREAK.search(str(value)))
    raise NotPortableError(
        "a TAB, CR or line feed in an attribute is not read alike everywhere; write a blank",
        source=source,
        line=element.sourceline,
        path=f"{path_of(element)}/@{etree.QName(name).localname[:_MOST_QUOTED]}",
    )


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1
