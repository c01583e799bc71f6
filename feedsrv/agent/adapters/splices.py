"""Putting an element into configuration text, and taking it out again, without touching the rest.

Pure: text in, text out. What is put in follows the file's own newlines and indentation; what is
taken out leaves exactly what was there before, including the form of an element that was empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

from feedsrv.agent.adapters.config_text import ConfigText, Element
from feedsrv.model.iis_rule import Piece

_USUAL_UNIT: Final = b"    "
_ATTRIBUTE: Final = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an element goes: the innermost parent that exists, and the parents still missing below it."""

    parent: Element
    missing: tuple[Piece, ...] = ()
    """From the outside in; none of them has children yet."""
    after: Element | None = None
    """Where nothing is missing: the sibling it follows; None puts it first."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a spot looked like beforehand: all that is needed to leave it so again."""

    missing: tuple[str, ...] = ()
    """Tags of the parents that did not exist."""
    closed: str | None = None
    """How the innermost existing parent ended, if it was empty, such as ` />`."""


def shape_of(text: ConfigText, spot: Spot) -> Shape:
    """Note what a spot looks like now."""
    empty = not text.between(spot.parent.open_end, spot.parent.close)
    closed = text.self_closing(spot.parent).decode() if empty else None
    return Shape(tuple(piece.tag for piece in spot.missing), closed)


def put(text: ConfigText, spot: Spot, piece: Piece) -> bytes:
    """Write an element at a spot, with the parents that are missing.

    In an existing parent it goes first, or after `spot.after`; a missing parent goes last in its own.
    """
    for outer in reversed(spot.missing):
        piece = Piece(outer.tag, outer.attributes, (piece,))
    parent, style = spot.parent, _Style(text)
    own, inner = style.indent_of(parent), style.indent_in(parent)
    written = style.newline + inner + style.write(piece, inner)
    if parent.self_closed:
        ending = text.self_closing(parent)
        written = b">" + written + style.newline + own + f"</{parent.tag}>".encode()
        return _splice(text.data, parent.end - len(ending), parent.end, written)
    if not text.between(parent.open_end, parent.close):
        written += style.newline + own
    if spot.missing:
        at = parent.open_end + len(text.between(parent.open_end, parent.close).rstrip())
    else:
        at = spot.after.end if spot.after else parent.open_end
    return _splice(text.data, at, at, written)


def replace(text: ConfigText, element: Element, piece: Piece) -> bytes:
    """Write an element in the place of another."""
    style = _Style(text)
    return _splice(text.data, element.start, element.end, style.write(piece, style.indent_of(element)))


def take(text: ConfigText, element: Element, *shapes: Shape) -> bytes:
    """Take an element out, and with it the parents that it leaves empty and that were not there before.

    The first shape tells how it was; the next are asked where the first leaves an empty parent
    behind, as it does when the one who made that parent was taken out earlier.
    """
    parent = element.parent
    assert parent is not None
    outermost, closed, lifted = element, None, -1
    for shape in shapes:
        if len(shape.missing) >= lifted:
            outermost, parent, closed = _lift(text, element, shape)
            lifted = len(shape.missing)
        if closed is not None or not _holds_only(text, parent, outermost):
            break
    if closed is not None and _holds_only(text, parent, outermost):
        return _splice(text.data, parent.open_end - 1, parent.end, closed.encode())
    start = outermost.start
    while start > parent.open_end and text.data[start - 1 : start].isspace():
        start -= 1
    return _splice(text.data, start, outermost.end, b"")


def _lift(text: ConfigText, element: Element, shape: Shape) -> tuple[Element, Element, str | None]:
    """Rise to the outermost parent to be taken out; return it, its parent, and the parent's old ending."""
    outermost = element
    for tag in reversed(shape.missing):
        parent = outermost.parent
        assert parent is not None
        if parent.tag != tag or not _holds_only(text, parent, outermost) or not _is_plain(parent):
            assert outermost.parent is not None
            return outermost, outermost.parent, None
        outermost = parent
    assert outermost.parent is not None
    return outermost, outermost.parent, shape.closed


def _holds_only(text: ConfigText, parent: Element, child: Element) -> bool:
    rest = text.between(parent.open_end, child.start) + text.between(child.end, parent.close)
    return not rest.strip()


def _is_plain(element: Element) -> bool:
    """True where nobody gave it attributes of their own."""
    return set(element.attributes) <= ({"path"} if element.tag == "location" else set())


def set_attribute(text: ConfigText, element: Element, name: str, value: str) -> bytes:
    """Write one attribute of an element: in its old place, or after the last one."""
    written = f" {name}={quoteattr(value)}".encode()
    end = element.start + 1 + len(element.tag.encode())
    for found in _ATTRIBUTE.finditer(text.data, element.start, element.open_end):
        end = found.end()
        if found[1].decode() == name:
            return _splice(text.data, found.end(1), end, f"={quoteattr(value)}".encode())
    return _splice(text.data, end, end, written)


def drop_attribute(text: ConfigText, element: Element, name: str) -> bytes:
    """Take one attribute of an element away; nothing happens where it is not there."""
    for found in _ATTRIBUTE.finditer(text.data, element.start, element.open_end):
        if found[1].decode() == name:
            return _splice(text.data, found.start(), found.end(), b"")
    return text.data


def raw_attribute(text: ConfigText, element: Element, name: str) -> str | None:
    """One attribute exactly as written after its name, such as `="true"`; None where it is absent."""
    for found in _ATTRIBUTE.finditer(text.data, element.start, element.open_end):
        if found[1].decode() == name:
            return text.between(found.end(1), found.end()).decode()
    return None


def put_back_attribute(text: ConfigText, element: Element, name: str, raw: str | None) -> bytes:
    """Write one attribute exactly as `raw_attribute` found it."""
    if raw is None:
        return drop_attribute(text, element, name)
    for found in _ATTRIBUTE.finditer(text.data, element.start, element.open_end):
        if found[1].decode() == name:
            return _splice(text.data, found.end(1), found.end(), raw.encode())
    return text.data


class _Style:
    """How a file is laid out: its newline, and its unit of indentation."""

    def __init__(self, text: ConfigText) -> None:
        self._text = text
        first = text.data.find(b"\n")
        if first < 0:
            self.newline = self._unit = b""
            return
        self.newline = b"\r\n" if text.data[first - 1 : first] == b"\r" else b"\n"
        self._unit = self._unit_of(text.root.children)

    def _unit_of(self, children: Sequence[Element]) -> bytes:
        for child in children:
            indent = self._line_start(child)
            if indent is not None:
                return indent
        return _USUAL_UNIT

    def _line_start(self, element: Element) -> bytes | None:
        """The white space before an element that begins its line; None where it does not."""
        before = self._text.data[self._text.data.rfind(b"\n", 0, element.start) + 1 : element.start]
        return before if not before.strip() else None

    def indent_of(self, element: Element) -> bytes:
        """The indentation of the line on which an element begins."""
        if not self.newline:
            return b""
        line = self._text.data[self._text.data.rfind(b"\n", 0, element.start) + 1 : element.start]
        return line[: len(line) - len(line.lstrip())]

    def indent_in(self, parent: Element) -> bytes:
        """The indentation for a child: as its siblings have it, or one unit more than its parent."""
        if not self.newline:
            return b""
        for child in parent.children:
            indent = self._line_start(child)
            if indent is not None and self._text.data.rfind(b"\n", parent.open_end, child.start) >= 0:
                return indent
        return self.indent_of(parent) + self._unit

    def write(self, piece: Piece, indent: bytes) -> bytes:
        """Write an element as IIS does; the first line is not indented."""
        attributes = "".join(
            f" {name}={quoteattr(value, _ESCAPES)}" for name, value in piece.attributes.items()
        )
        tag = f"<{piece.tag}{attributes}".encode()
        if not piece.children:
            return tag + b" />"
        inner = b"".join(
            self.newline + indent + self._unit + self.write(child, indent + self._unit)
            for child in piece.children
        )
        return tag + b">" + inner + self.newline + indent + f"</{piece.tag}>".encode()


# A quotation mark is always escaped: quoteattr would otherwise change to single quotes.
_ESCAPES: Final = {'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}


def _splice(data: bytes, start: int, end: int, written: bytes) -> bytes:
    return data[:start] + written + data[end:]
