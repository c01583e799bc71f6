"""Words to bytes: the same words always give the same bytes, on every machine and in every version.

The bytes are our own, not a library's, since signatures and approvals hang on them for years.
What some reader would read differently is refused, naming its place. Signing is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from feedsrv import clock
from feedsrv.codec.parsing import Limits, NotPortableError, parse
from feedsrv.codec.reading import collapse
from feedsrv.codec.schemas import validate

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# What XML cannot hold, and what .NET reads differently: a TAB in an attribute is a blank there.
_UNWRITABLE: Final = re.compile("[^\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_SPECIAL: Final = re.compile(f'{_UNWRITABLE.pattern}|[&<>"]')
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}


@dataclass(frozen=True, slots=True)
class Node:
    """An element to be written: attributes in the order given, then either text or children."""

    name: str
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    """Those that are None are left out."""
    children: tuple[Node, ...] = ()
    text: str | None = None


def node(tag: str, /, *children: Node | Iterable[Node], **attributes: str | None) -> Node:
    """An element with children."""
    flat: list[Node] = []
    for child in children:
        flat.extend([child] if isinstance(child, Node) else child)
    return Node(tag, attributes, tuple(flat))


def text(tag: str, words: str) -> Node:
    """An element with text."""
    return Node(tag, text=words)


def moment_text(moment: datetime, path: str, source: str) -> str:
    """A moment as the grammar writes it.

    Raises:
        NotPortableError: finer than a second, so it would not be read back as it is.
    """
    if moment.microsecond:
        raise NotPortableError("moments are written to the second", source=source, path=path)
    return clock.to_text(moment)


def yes_no(value: bool) -> str:
    """A flag as the grammar writes it."""
    return "true" if value else "false"


def write(root: Node, *, namespace: str, schema: str, limits: Limits, source: str) -> bytes:
    """Write a document, and make sure that its readers will take it.

    Raises:
        NotPortableError: a text that some reader would not read back as it is.
        SchemaError: the words say what the grammar cannot, such as an empty title.
        XmlError: beyond the limits of its readers.
    """
    lines = [_DECLARATION]
    _Writer(source, lines).write(root, ())
    lines[1] = lines[1].replace(f"<{root.name}", f'<{root.name} xmlns="{namespace}"', 1)
    written = "".join(lines).encode("utf-8")
    validate(parse(written, limits=limits, source=source), schema, source)
    return written


@dataclass(frozen=True, slots=True)
class _Writer:
    source: str
    lines: list[str]

    def write(self, here: Node, above: tuple[Node, ...]) -> None:
        indent = "  " * len(above)
        start = f"{indent}<{here.name}"
        for name, value in here.attributes.items():
            if value is not None:
                start += f' {name}="{self._escaped(value, here, above, name)}"'
        if here.text is not None:
            self.lines.append(f"{start}>{self._tidy(here.text, here, above)}</{here.name}>\n")
        elif not here.children:
            self.lines.append(f"{start}/>\n")
        else:
            self.lines.append(f"{start}>\n")
            for child in here.children:
                self.write(child, (*above, here))
            self.lines.append(f"{indent}</{here.name}>\n")

    def _tidy(self, words: str, here: Node, above: tuple[Node, ...]) -> str:
        if words != collapse(words):
            raise NotPortableError(
                "write this text on one line, with single blanks and none at its ends; readers collapse them",
                source=self.source,
                path=_path(here, above),
            )
        return self._escaped(words, here, above)

    def _escaped(self, words: str, here: Node, above: tuple[Node, ...], attribute: str = "") -> str:
        if not _SPECIAL.search(words):
            return words
        found = _UNWRITABLE.search(words)
        if found:
            raise NotPortableError(
                f"the character U+{ord(found[0]):04X} is not read alike everywhere; leave it out",
                source=self.source,
                path=_path(here, above) + (f"/@{attribute}" if attribute else ""),
            )
        return words.translate(_ESCAPES)


def _path(here: Node, above: tuple[Node, ...]) -> str:
    """Where a node stands, as `parsing.path_of` tells it of an element."""
    if not above:
        return f"/{here.name}"
    alike = [one for one in above[-1].children if one.name == here.name]
    number = next(number for number, one in enumerate(alike, 1) if one is here)
    step = here.name if len(alike) == 1 else f"{here.name}[{number}]"
    return f"{_path(above[-1], above[:-1])}/{step}"
