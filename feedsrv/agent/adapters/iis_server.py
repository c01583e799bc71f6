"""What an IIS server consists of: its sites, applications and virtual directories, and their folders.

Read from `applicationHost.config`. Windows paths are turned into paths of this machine, so that a
configuration tree that was laid out elsewhere than on Windows can be read, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final

from feedsrv.agent.adapters.config_file import ConfigFile, read_bounded
from feedsrv.agent.adapters.config_text import ConfigText, parse_config
from feedsrv.agent.ports import AdapterError, NotThereError
from feedsrv.model.action import Place

APPLICATION_HOST: Final = "applicationHost.config"
_VARIABLE: Final = re.compile(r"%([^%]+)%")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONFIG_ROOT_DEPTH: Final = len(Path("Windows/System32/inetsrv/config").parts)


@dataclass(frozen=True, slots=True)
class Directory:
    """A virtual directory: which URLs are answered from which folder."""

    location: str
    """Site and URL path as `<location path>` has it, such as `Default Web Site/owa`."""
    physical: str
    """The folder, as written in the configuration."""
    folder: Path | None
    """The folder on this machine; None where it cannot be told."""


class DriveMap:
    """Turns a Windows path of the configuration into a path of this machine.

    The configuration's own folder tells where its system drive is: four folders up from
    `C:/Windows/System32/inetsrv/config`. Elsewhere than on Windows, other drives are its neighbours.
    """

    def __init__(self, config_root: Path) -> None:
        above = config_root.absolute().parents
        self._system = above[min(_CONFIG_ROOT_DEPTH, len(above)) - 1]

    @property
    def home(self) -> Path:
        """The folder in which the drives lie; on Windows the system drive itself."""
        return self._system.parent

    def local(self, physical: str) -> Path | None:
        """Return where a Windows path lies; None for a network share, an unknown variable or drive."""
        expanded = _VARIABLE.sub(self._variable, physical)
        path = PureWindowsPath(expanded)
        if "%" in expanded or not _DRIVE.fullmatch(path.drive):
            return None
        if os.name == "nt":
            return Path(expanded)
        drive = path.drive[0]
        root = self._system if drive.upper() == self._system.name.upper() else self.home / drive.upper()
        return root.joinpath(*path.parts[1:])

    def _variable(self, found: re.Match[str]) -> str:
        letter = self._system.drive or f"{self._system.name}:"
        known = {"systemdrive": letter, "windir": rf"{letter}\Windows", "systemroot": rf"{letter}\Windows"}
        return known.get(found[1].lower()) or os.environ.get(found[1], found[0])


class IisServer:
    """One IIS server's configuration."""

    def __init__(self, config_root: Path) -> None:
        self.application_host = ConfigFile(config_root / APPLICATION_HOST)
        self.drives = DriveMap(config_root)
        self._redirection = config_root / "redirection.config"

    def read(self) -> ConfigText:
        """Return what `applicationHost.config` says.

        Raises:
            AdapterError: it cannot be read, is damaged, or is not the one that IIS reads.
        """
        self._refuse_redirection()
        return self.parse(self.application_host.read())

    def parse(self, raw: bytes) -> ConfigText:
        """Read bytes of `applicationHost.config`.

        Raises:
            DamagedConfigError: they are damaged.
        """
        return parse_config(raw, source=str(self.application_host.path))

    def change(self, edit: Callable[[bytes], bytes]) -> bool:
        """Replace the bytes of `applicationHost.config`; return whether anything changed.

        Raises:
            AdapterError: they cannot be replaced, or are not the ones that IIS reads.
        """
        self._refuse_redirection()
        return self.application_host.change(edit)

    def _refuse_redirection(self) -> None:
        """With shared configuration IIS reads a file on another machine: changing this one does nothing."""
        if not self._redirection.exists():
            return
        text = parse_config(read_bounded(self._redirection), source=str(self._redirection))
        for found in text.root.descend("configurationRedirection"):
            if found.attributes.get("enabled", "false").lower() == "true":
                raise AdapterError(
                    f"{self._redirection}, line {found.line}: this server reads its configuration from "
                    f"{found.attributes.get('path', 'elsewhere')}; run one agent against that folder instead"
                )

    def directories(self, text: ConfigText) -> Iterator[Directory]:
        """Every virtual directory of every site, in the order of the configuration."""
        for site in text.root.descend("system.applicationHost", "sites", "site"):
            for application in site.named("application"):
                for directory in application.named("virtualDirectory"):
                    location = location_of(
                        site.attributes.get("name", ""),
                        application.attributes.get("path", "/"),
                        directory.attributes.get("path", "/"),
                    )
                    physical = directory.attributes.get("physicalPath", "")
                    yield Directory(location, physical, self.drives.local(physical))

    def location(self, text: ConfigText, place: Place) -> str:
        """Return the `<location path>` of a place that exists here; empty for the whole server.

        Raises:
            NotThereError: there is no such site, or no such application below it.
        """
        if place.site is None:
            return ""
        wanted = location_of(place.site, place.path or "/")
        known = {key_of(one.location): one.location for one in self.directories(text)}
        found = known.get(key_of(wanted))
        if found is None:
            what = (
                f"application {place.path} of site {place.site!r}" if place.path else f"site {place.site!r}"
            )
            raise NotThereError(
                f"{self.application_host.path}: there is no {what} on this server; "
                f"there are: {', '.join(known.values()) or 'none'}"
            )
        return found


def location_of(*paths: str) -> str:
    """Join a site and URL paths below it as `<location path>` has them.

    >>> location_of("Default Web Site", "/owa", "/")
    'Default Web Site/owa'
    """
    return "/".join(part for path in paths for part in path.split("/") if part)


def key_of(location: str) -> str:
    """The form in which IIS compares locations: neither case nor outer slashes matter; `.` is here.

    >>> key_of("Default Web Site/OWA/")
    'default web site/owa'
    """
    key = location.strip("/").casefold()
    return "" if key == "." else key


def is_at_or_below(key: str, upper: str) -> bool:
    """True where a location is another one, or lies below it."""
    return not upper or key == upper or key.startswith(f"{upper}/")
