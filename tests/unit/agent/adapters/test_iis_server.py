"""Sites, applications and folders are read from the configuration, whatever machine it lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedsrv.agent.adapters.iis_server import DriveMap, key_of, location_of
from feedsrv.model.action import Place, Scope
from tests.unit.agent.adapters.iis_tree import OWA, SERVER, SITE, Tree


def test_every_virtual_directory_is_found_with_its_folder(tree: Tree) -> None:
    """Variables and drive letters lead to this machine's folders."""
    found = {one.location: one.folder for one in tree.server.directories(tree.server.read())}

    assert found == {
        "Default Web Site": tree.root / "C/inetpub/wwwroot",
        "Default Web Site/pictures": tree.root / "D/pictures",
        "Default Web Site/owa": tree.root / "C/Exchange/owa",
        "Back End": tree.root / "C/backend",
    }


@pytest.mark.parametrize(
    ("place", "location"),
    [
        (SERVER, ""),
        (SITE, "Default Web Site"),
        (OWA, "Default Web Site/owa"),
        (Place(Scope.APPLICATION, "DEFAULT web site", "/OWA/"), "Default Web Site/owa"),
        (Place(Scope.APPLICATION, "Default Web Site", "/pictures"), "Default Web Site/pictures"),
    ],
)
def test_a_place_is_a_location_as_the_server_writes_it(tree: Tree, place: Place, location: str) -> None:
    """Case and slashes do not matter; the configuration's own spelling comes out."""
    assert tree.server.location(tree.server.read(), place) == location


@pytest.mark.parametrize(
    ("physical", "local"),
    [
        (r"%SystemDrive%\inetpub\wwwroot", "C/inetpub/wwwroot"),
        (r"%windir%\web", "C/Windows/web"),
        (r"%SYSTEMROOT%\web", "C/Windows/web"),
        (r"c:\Program Files\x", "C/Program Files/x"),
        (r"E:\x", "E/x"),
        (r"\\nas\share\x", None),
        (r"%NoSuchVariable%\x", None),
        ("", None),
        ("relative", None),
    ],
)
def test_a_windows_path_is_found_beside_the_configuration(
    tmp_path: Path, physical: str, local: str | None
) -> None:
    """The folder of the configuration tells where the system drive is."""
    drives = DriveMap(tmp_path / "C" / "Windows" / "System32" / "inetsrv" / "config")

    assert drives.local(physical) == (None if local is None else tmp_path / local)


def test_a_shallow_configuration_folder_is_no_error() -> None:
    """A path with too few folders above it still has a drive."""
    assert DriveMap(Path("/config")).local(r"Z:\x") == Path("/Z/x")


def test_locations_are_joined_and_compared_as_iis_does() -> None:
    """Outer slashes and case do not matter, and a dot is the place itself."""
    assert location_of("Site", "/", "/a/", "b") == "Site/a/b"
    assert key_of(".") == key_of("") == ""
    assert key_of("Default Web Site/OWA/") == key_of("default web site/owa")
