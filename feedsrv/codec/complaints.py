"""Telling an author what the grammar check found: where it is, what is wrong, what is allowed.

The library's messages name types and namespaces; ours name the place and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from feedsrv.codec.parsing import path_of

_MOST_QUOTED: Final = 60
_MOST_TOLD: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """One message of the library, with its own idea of the place."""

    line: int
    where: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Told:
    """The same for people."""

    line: int
    path: str
    sentence: str


# What the library says, and what we say instead. The first that fits is taken; `advice` is what
# the grammar's documentation has for a pattern or type, `root` how the document must begin.
_TELLINGS: Final = tuple(
    (re.compile(said, re.DOTALL), ours)
    for said, ours in (
        (
            r"The value '(?P<value>.*)' is not accepted by the pattern '(?P<key>.*)'",
            "{value} does not fit. {advice}",
        ),
        (
            r"The value '(?P<value>.*)' is not an element of the set \{(?P<names>.*)\}",
            "{value} is not known here; write one of {names}",
        ),
        (
            r"'(?P<value>.*)' is not a valid value of the \w+ type '(?P<key>.*)'",
            "{value} does not fit. {advice}",
        ),
        (r"length of '0'; this underruns", "must not be empty"),
        (
            r"length of '(?P<long>\d+)'; this exceeds .* '(?P<most>\d+)'",
            "{long} characters; at most {most} fit",
        ),
        (
            r"The attribute '(?P<name>.*)' is required but missing",
            "the attribute {name} is missing; add it",
        ),
        (
            r"The attribute '(?P<name>.*)' is not allowed",
            "there is no attribute {name} here; remove it, or correct its name",
        ),
        (
            r"This element is not expected\. Expected is .*\( (?P<names>.*) \)",
            "{element} does not belong here; expected is {names}",
        ),
        (r"This element is not expected", "{element} does not belong here; remove it"),
        (
            r"Missing child element\(s\)\. Expected is .*\( (?P<names>.*) \)",
            "something is missing inside; expected is {names}",
        ),
        (
            r"Duplicate key-sequence \['(?P<value>.*)'\]",
            "{value} stands here a second time; name each once",
        ),
        (
            r"No match found for key-sequence \['(?P<value>.*)'\]",
            "no action of this mitigation has the id {value}",
        ),
        (r"No matching global declaration", "the document must begin with {root}"),
        (r"Character content", "text does not belong here; remove it"),
        (r"Element content is not allowed", "this holds text only; remove the elements in it"),
    )
)
_SUBJECT: Final = re.compile(
    r"Element '(?P<element>[^']*)'(?:, attribute '(?P<attribute>[^']*)')?: (?P<rest>.*)", re.DOTALL
)
_NAMESPACE: Final = re.compile(r"\{[^{}]*\}")


def told(found: Found, root: _Element, advice: Mapping[str, str], begins: str) -> Told:
    """Tell one message of the library in our words; `begins` is how the document must begin."""
    subject = _SUBJECT.match(found.message)
    if not subject:
        return Told(found.line, path_of(root), _plain(found.message))
    element, attribute, rest = subject.groups()
    path = path_of(_element(found, element, root))
    if attribute:
        path += f"/@{_plain(attribute)}"
    return Told(found.line, path, _sentence(_plain(element), rest, advice, begins))


def _sentence(element: str, message: str, advice: Mapping[str, str], begins: str) -> str:
    for said, ours in _TELLINGS:
        match = said.search(message)
        if match:
            parts = match.groupdict()
            words = {name: _plain(part or "") for name, part in parts.items()}
            words |= {"element": element, "root": begins}
            words["value"] = _quoted(parts.get("value", ""))
            words["names"] = _listed(parts.get("names", ""))
            # Type names come with a namespace; patterns do not, and may hold braces of their own.
            key = parts.get("key", "")
            words["advice"] = advice.get(key) or advice.get(_plain(key)) or "See the grammar."
            return ours.format_map(words)
    return _plain(message)


def _plain(text: str) -> str:
    plain = _NAMESPACE.sub("", text)
    return plain if len(plain) <= _MOST_TOLD else f"{plain[:_MOST_TOLD]}..."


def _quoted(value: str) -> str:
    return repr(value if len(value) <= _MOST_QUOTED else f"{value[:_MOST_QUOTED]}...")


def _listed(names: str) -> str:
    *others, last = [_plain(name).strip("'") for name in names.split(", ")]
    return f"{', '.join(others)} or {last}" if others else last


def _element(found: Found, tag: str, root: _Element) -> _Element:
    """Where the library points; it gives no path where a reference to an action leads nowhere."""
    if found.where:
        try:
            at = root.getroottree().xpath(found.where)
        except etree.XPathError:  # the path uses a prefix that only the document knows
            at = []
        if isinstance(at, list) and at and isinstance(at[0], _Element):
            return at[0]
    return next((one for one in root.iter(tag) if one.sourceline == found.line), root)
