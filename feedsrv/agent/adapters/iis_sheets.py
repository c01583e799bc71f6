"""Every configuration file that has a say about a place, and what in it takes our rule away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final

from feedsrv.agent.adapters.config_file import read_bounded
from feedsrv.agent.adapters.config_text import ConfigText, Element, parse_config
from feedsrv.agent.adapters.iis_sections import OUTBOUND_RULES, WEB_SERVER, blocks, sections, takes_away
from feedsrv.agent.adapters.iis_server import Directory, IisServer, is_at_or_below, key_of, location_of
from feedsrv.agent.ports import AdapterError

WEB_CONFIG: Final = "web.config"
REWRITE_MODULE: Final = "RewriteModule"
MAX_FOLDERS: Final = 20_000
"""Folders walked in search of web.config files; a folder of millions of files must not hold up a sync."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One section of one place in one file."""

    key: str
    text: ConfigText
    section: Element

    def where(self, element: Element) -> str:
        """File and line of an element, for people."""
        return f"{self.text.source}, line {element.line}"


class Sheets:
    """What all files say about a place and those below it, read once."""

    def __init__(
        self, server: IisServer, text: ConfigText, location: str, *, max_folders: int = MAX_FOLDERS
    ) -> None:
        self._key = key_of(location)
        self._max_folders = max_folders
        self.unread: list[str] = []
        """Sentences about files that could not be looked at."""
        self._files = [("", text), *self._web_configs(server, text)]

    def sections(self, section: str) -> Iterator[Sheet]:
        """The sections of that name, from the outermost place to the innermost.

        Those of places that neither hold this one nor lie below it are left out.
        """
        found = [
            Sheet(block.key, source, element)
            for base, text in self._files
            for block in blocks(text, base)
            if self._concerns(block.key)
            for source, element in self._followed(text, sections(block, section))
        ]
        # A stable sort: in one place, applicationHost.config speaks before a web.config.
        return iter(sorted(found, key=lambda sheet: sheet.key.count("/") + bool(sheet.key)))

    def here(self, section: str) -> Iterator[Sheet]:
        """The sections of that name of this very place."""
        return (sheet for sheet in self.sections(section) if sheet.key == self._key)

    def preconditions(self) -> dict[str, Element]:
        """The preconditions that an outbound rule of this place can name, by casefolded name."""
        return {
            one.attributes.get("name", "").casefold(): one
            for sheet in self.sections(OUTBOUND_RULES)
            if is_at_or_below(self._key, sheet.key)
            for one in sheet.section.descend("preConditions", "preCondition")
        }

    def is_here_or_below(self, sheet: Sheet) -> bool:
        """True where a section speaks about this place or one below it."""
        return is_at_or_below(sheet.key, self._key)

    def module_removed(self) -> Iterator[str]:
        """File and line of everything that takes the URL Rewrite module out of this place or one below."""
        for base, text in self._files:
            for block in blocks(text, base):
                if self._concerns(block.key):
                    for modules in block.element.descend(WEB_SERVER, "modules"):
                        yield from self._removals(text, modules)

    def _removals(self, text: ConfigText, modules: Element) -> Iterator[str]:
        gone: Element | None = None
        for one in modules.children:
            if takes_away(one, REWRITE_MODULE):
                gone = one
            elif one.attributes.get("name", "").casefold() == REWRITE_MODULE.casefold():
                gone = None
        if gone is not None:
            yield f"{text.source}, line {gone.line}"

    def _concerns(self, key: str) -> bool:
        return is_at_or_below(key, self._key) or is_at_or_below(self._key, key)

    def _followed(self, text: ConfigText, found: Iterator[Element]) -> Iterator[tuple[ConfigText, Element]]:
        """Sections, with those read from the file of their own that `configSource` names."""
        for element in found:
            other = element.attributes.get("configSource")
            if other is None:
                yield text, element
                continue
            path = Path(text.source).parent.joinpath(*PureWindowsPath(other).parts)
            read = self._parsed(path)
            if read is not None:
                yield read, read.root

    def _web_configs(self, server: IisServer, text: ConfigText) -> Iterator[tuple[str, ConfigText]]:
        directories = list(server.directories(text))
        elsewhere = {key_of(one.location) for one in directories}
        for directory in directories:
            key = key_of(directory.location)
            if not self._concerns(key):
                continue
            if directory.folder is None or not directory.folder.is_dir():
                self.unread.append(f"{directory.physical} of {directory.location} could not be looked at")
                continue
            # Above our place only the directory's own file counts; at and below it, every folder's.
            depth = self._max_folders if is_at_or_below(key, self._key) else 1
            yield from self._read_all(directory, elsewhere - {key}, max_folders=depth)

    def _read_all(
        self, directory: Directory, elsewhere: set[str], *, max_folders: int
    ) -> Iterator[tuple[str, ConfigText]]:
        assert directory.folder is not None
        for count, (location, path) in enumerate(_folders(directory.folder, directory.location, elsewhere)):
            if count >= max_folders:
                if max_folders > 1:
                    self.unread.append(
                        f"{directory.folder}: only its first {max_folders} folders were looked at"
                    )
                return
            found = (self._parsed(one) for one in path.iterdir() if one.name.casefold() == WEB_CONFIG)
            yield from ((location, read) for read in found if read is not None)

    def _parsed(self, path: Path) -> ConfigText | None:
        # A damaged web.config is its application's affair: it must not keep the server unprotected.
        try:
            return parse_config(read_bounded(path), source=str(path))
        except AdapterError as error:
            self.unread.append(str(error))
            return None


def _folders(top: Path, location: str, elsewhere: set[str]) -> Iterator[tuple[str, Path]]:
    """The folders of a virtual directory, with the places their files speak about."""
    for folder, folders, _ in os.walk(top):
        here = location_of(location, *Path(folder).relative_to(top).parts)
        # A folder whose URL is answered from elsewhere has no say.
        if folder != str(top) and key_of(here) in elsewhere:
            folders.clear()
            continue
        folders.sort()
        yield here, Path(folder)
