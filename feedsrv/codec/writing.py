"""Words to bytes: the same words always give the same bytes, on every machine and in every version.

The bytes are our own, not a library's, since signatures and approvals hang on them for years.
What some reader would read differently is refused, naming its place. Signing is left to others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from feedsrv import clock
from feedsrv.codec.parsing import Limits, NotPortableError, parse
from feedsrv.codec.reading import collapse
from feedsrv.codec.schemas import validate

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_UNWRITABLE: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_BREAKS: Final = re.compile(r"[\t\n\r]")
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
    lines = list(_lines(root, f"/{root.name}", "", source, f' xmlns="{namespace}"'))
    written = (_DECLARATION + "".join(lines)).encode("utf-8")
    validate(parse(written, limits=limits, source=source), schema, source)
    return written


def _lines(here: Node, path: str, indent: str, source: str, namespace: str = "") -> Iterator[str]:
    attributes = "".join(
        f' {name}="{_checked(value, f"{path}/@{name}", source).translate(_ESCAPES)}"'
        for name, value in here.attributes.items()
        if value is not None
    )
    start = f"{indent}<{here.name}{namespace}{attributes}"
    if here.text is not None:
        yield f"{start}>{_tidy(here.text, path, source).translate(_ESCAPES)}</{here.name}>\n"
    elif not here.children:
        yield f"{start}/>\n"
    else:
        yield f"{start}>\n"
        for child, step in zip(here.children, _steps(here.children), strict=True):
            yield from _lines(child, f"{path}/{step}", f"{indent}  ", source)
        yield f"{indent}</{here.name}>\n"


def _steps(children: tuple[Node, ...]) -> Iterator[str]:
    """Each child's step of a path, numbered among those of its name, as readers number them."""
    many = Counter(child.name for child in children)
    seen: Counter[str] = Counter()
    for child in children:
        seen[child.name] += 1
        yield child.name if many[child.name] == 1 else f"{child.name}[{seen[child.name]}]"


def _checked(value: str, path: str, source: str) -> str:
    # XML cannot hold them; or .NET reads a TAB in an attribute as a blank.
    found = _UNWRITABLE.search(value) or _BREAKS.search(value)
    if found:
        raise NotPortableError(
            f"the character U+{ord(found[0]):04X} is not read alike everywhere; leave it out",
            source=source,
            path=path,
        )
    return value


def _tidy(words: str, path: str, source: str) -> str:
    if words != collapse(words):
        raise NotPortableError(
            "write this text on one line, with single blanks and none at its ends; readers collapse them",
            source=source,
            path=path,
        )
    return _checked(words, path, source)
