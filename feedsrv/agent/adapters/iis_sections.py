"""Where the rewrite rules of a place stand in a configuration file, and where a new one goes.

A file speaks about a place in `<system.webServer>` itself and in `<location path="...">` elements;
IIS reads places from the outside in, and in each place the files from `applicationHost.config` down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from feedsrv.agent.adapters.config_text import ConfigText, Element
from feedsrv.agent.adapters.iis_server import key_of, location_of
from feedsrv.agent.adapters.splices import Spot
from feedsrv.model.iis_rule import Piece

GLOBAL_RULES: Final = "globalRules"
RULES: Final = "rules"
OUTBOUND_RULES: Final = "outboundRules"
WEB_SERVER: Final = "system.webServer"
REWRITE: Final = "rewrite"
_SECTION_DEPTH: Final = len((WEB_SERVER, REWRITE, RULES))


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file that speaks about one place."""

    key: str
    """Which place, as `key_of` writes it."""
    element: Element

    @property
    def is_open(self) -> bool:
        """True where what is written in it neither locks the places below, nor stays hidden from them."""
        attributes = {name: value.casefold() for name, value in self.element.attributes.items()}
        return (
            attributes.get("overrideMode") != "deny"
            and attributes.get("allowOverride") != "false"
            and attributes.get("inheritInChildApplications") != "false"
        )


def blocks(text: ConfigText, base: str = "") -> Iterator[Block]:
    """Every part of a file that speaks about a place; `base` is the place of the file itself."""
    yield Block(key_of(base), text.root)
    for location in text.root.named("location"):
        path = location.attributes.get("path", "")
        yield Block(key_of(location_of(base, "" if path == "." else path)), location)


def sections(block: Block, section: str) -> Iterator[Element]:
    """The rewrite sections of that name in a block."""
    return block.element.descend(WEB_SERVER, REWRITE, section)


def is_declared(text: ConfigText, section: str) -> bool:
    """True where the URL Rewrite module has told IIS about a section.

    IIS answers every request with 500.19 when its configuration holds a section it was never told of.
    """
    groups = text.root.descend("configSections", "sectionGroup", "sectionGroup", "section")
    return any(
        one.attributes.get("name") == section
        and _name_above(one, 1) == REWRITE
        and _name_above(one, 2) == WEB_SERVER
        for one in groups
    )


def _name_above(element: Element, levels: int) -> str | None:
    for _ in range(levels):
        assert element.parent is not None
        element = element.parent
    return element.attributes.get("name")


def spot_for(text: ConfigText, location: str, section: str, *inner: str, name: str) -> Spot:
    """Where a new element called `name` goes in the section of a place, creating what is missing.

    It goes before everybody else's rules, so that none of them can stop the processing first, but
    after a `<clear/>`, which would take it away again.
    """
    path = (WEB_SERVER, REWRITE, section, *inner)
    best, depth = _deepest(text, location, path)
    if best is None:
        place = Piece("location", {"path": location})
        return Spot(text.root, (place, *(Piece(tag, {}) for tag in path)))
    missing = tuple(Piece(tag, {}) for tag in path[depth:])
    return Spot(best, missing, after=None if missing else _last_taking_away(best, name))


def _deepest(text: ConfigText, location: str, path: tuple[str, ...]) -> tuple[Element | None, int]:
    """The innermost parent that exists, and how far along the path it stands."""
    here = [block for block in blocks(text) if block.key == key_of(location)]
    for depth in range(len(path), -1, -1):
        for block in here:
            # IIS refuses one section twice for one place, so an existing one is used wherever it
            # stands. A new one is not put where the places below would be locked out of theirs.
            if block.is_open or depth >= _SECTION_DEPTH:
                found = next(block.element.descend(*path[:depth]), None)
                if found is not None:
                    return found, depth
    return None, 0


def _last_taking_away(section: Element, name: str) -> Element | None:
    return next((one for one in reversed(section.children) if takes_away(one, name)), None)


def takes_away(element: Element, name: str) -> bool:
    """True for the `<clear/>` and the `<remove>` that take a rule of that name out of a collection."""
    if element.tag == "clear":
        return True
    return element.tag == "remove" and element.attributes.get("name", "").casefold() == name.casefold()
