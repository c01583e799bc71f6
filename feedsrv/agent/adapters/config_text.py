"""An IIS configuration file as text in which every element knows where it stands.

Configuration is edited by splicing bytes at known places, so that formatting, comments and
everybody else's settings stay as they are, byte for byte. An XML library that writes the file
back would lose them. Offsets are into `ConfigText.data`, which is UTF-8 without a byte order mark
whatever the file is in; `ConfigText.encode` goes back.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from feedsrv.agent.ports import AdapterError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED: Final = re.compile(rb"""^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_START_TAG: Final = re.compile(rb"""<[^\s/>]++(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_SELF_CLOSED: Final = re.compile(rb"\s*/>\Z")


class DamagedConfigError(AdapterError):
    """A configuration file is not what IIS could read; whoever edited it last must mend it."""

    code = "agent.config_damaged"

    def __init__(self, source: str, line: int, what: str) -> None:
        super().__init__(f"{source}, line {line}: {what}; mend or restore the file, it was not changed")
        self.source = source
        self.line = line


@dataclass(eq=False, slots=True)
class Element:
    """One element, and where it stands in the text."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    parent: Element | None
    start: int
    """Of its `<`."""
    open_end: int
    """Just after its start tag."""
    close: int
    """Of its `</`; the same as `open_end` where it is self-closed."""
    end: int
    """Just after all of it."""
    children: list[Element] = field(default_factory=list)

    @property
    def self_closed(self) -> bool:
        """True for `<rules />`."""
        return self.close == self.end

    def named(self, tag: str) -> Iterator[Element]:
        """Its children of that tag, in order."""
        return (child for child in self.children if child.tag == tag)

    def descend(self, *tags: str) -> Iterator[Element]:
        """Everything below it along that path of tags, in order."""
        if not tags:
            yield self
            return
        for child in self.named(tags[0]):
            yield from child.descend(*tags[1:])


@dataclass(frozen=True, eq=False, slots=True)
class ConfigText:
    """A configuration file's text, and its elements."""

    source: str
    data: bytes
    root: Element
    bom: bytes
    encoding: str

    def encode(self, data: bytes) -> bytes:
        """Bring changed text back into the file's own encoding.

        Raises:
            AdapterError: it holds a character which that encoding has not.
        """
        try:
            return self.bom + data.decode("utf-8").encode(self.encoding)
        except UnicodeEncodeError as error:
            raise AdapterError(
                f"{self.source}: its encoding {self.encoding} has no character {error.object[error.start]!r}"
            ) from None

    def between(self, start: int, end: int) -> bytes:
        """A part of the text."""
        return self.data[start:end]

    def self_closing(self, element: Element) -> bytes:
        """How an empty element ends after its name and attributes, such as ` />` or `></rules>`."""
        if element.self_closed:
            found = _SELF_CLOSED.search(self.data, element.start, element.end)
            return found.group() if found else b"/>"
        return self.data[element.open_end - 1 : element.end]


def parse_config(raw: bytes, *, source: str) -> ConfigText:
    """Read a configuration file.

    Raises:
        DamagedConfigError: it is not well-formed, holds a DOCTYPE, or is in no encoding that is known here.
    """
    bom, encoding = _encoding(raw)
    try:
        text = raw[len(bom) :].decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise DamagedConfigError(source, 1, f"it is not in {encoding}, as it says") from None
    data = text.encode("utf-8")
    # An encoding that does not come back the same, such as UTF-7, could not be spliced.
    if bom + text.encode(encoding) != raw:
        raise DamagedConfigError(source, 1, f"its {encoding} text cannot be written back unchanged")
    return ConfigText(source, data, _Reader(data, source).read(), bom, encoding)


def _encoding(raw: bytes) -> tuple[bytes, str]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return bom, encoding
    declared = _DECLARED.match(raw)
    return b"", declared[1].decode("ascii").lower() if declared else "utf-8"


class _Reader:
    """Builds the elements from what expat says, and expat's byte positions."""

    def __init__(self, data: bytes, source: str) -> None:
        self._data = data
        self._source = source
        self._open: list[Element] = []
        self._root: Element | None = None
        # The encoding given here wins over the one declared: the text is UTF-8 by now.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self) -> Element:
        try:
            self._parser.Parse(self._data, True)  # noqa: FBT003 - expat takes its "this is all" by position
        except expat.ExpatError as error:
            raise DamagedConfigError(
                self._source, error.lineno, f"not well-formed: {expat.ErrorString(error.code)}"
            ) from None
        assert self._root is not None
        return self._root

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        found = _START_TAG.match(self._data, start)
        assert found is not None
        parent = self._open[-1] if self._open else None
        element = Element(
            tag,
            attributes,
            self._parser.CurrentLineNumber,
            parent,
            start,
            found.end(),
            found.end(),
            found.end(),
        )
        if parent is None:
            self._root = element
        else:
            parent.children.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        element = self._open.pop()
        if self._data[element.open_end - 2 : element.open_end] != b"/>":
            element.close = self._parser.CurrentByteIndex
            element.end = self._data.index(b">", element.close) + 1

    def _doctype(self, *_: object) -> None:
        raise DamagedConfigError(
            self._source,
            self._parser.CurrentLineNumber,
            "it holds a DOCTYPE, which IIS configuration never does",
        )
