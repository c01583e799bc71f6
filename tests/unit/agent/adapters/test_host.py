"""One host for all kinds of action, and a rehearsal that changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from feedsrv.agent.adapters.host import open_host
from feedsrv.agent.adapters.rehearsal import RehearsalHost
from feedsrv.agent.adapters.runner import APPCMD, SC, WindowsRunner
from feedsrv.agent.ports import AdapterError, NameTakenError, NotThereError, Presence
from feedsrv.agent.sandbox import FolderTakenError, Sandbox, lay_out, sandbox_at
from feedsrv.model.action import Action, AppPool, DoNothing, Place, Scope, Service
from feedsrv.model.build import Build
from tests.unit.agent.adapters.iis_tree import OWA, SERVER, SITE, inbound, location, outbound, target

ACTIONS: list[Action] = [
    inbound(SERVER, identifier="A1"),
    inbound(SITE, identifier="A2"),
    outbound(OWA, identifier="A3"),
    AppPool("A4", "MSExchangeECPAppPool"),
    Service("A5", "MSExchangeUM"),
    DoNothing("A6"),
]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A sandbox that was just laid out."""
    return lay_out(tmp_path / "sandbox")


def _digest(folder: Path) -> dict[str, str]:
    """Every file of a tree but the notes we keep beside the configuration."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".feedsrv-" not in path.name
    }


def test_every_kind_of_action_comes_and_goes_in_a_sandbox(sandbox: Sandbox) -> None:
    """A newcomer sees all of it change, and come back to the byte, between separate commands."""
    before = _digest(sandbox.folder)
    notes = []
    for action in ACTIONS:
        host = open_host(kind="iis", config_root=sandbox.config_root)
        notes.append(json.loads(json.dumps(dict(host.capture(target(action))))))
        host.apply(target(action))
        assert host.look(target(action)).presence is Presence.PRESENT

    changed = {name for name, digest in _digest(sandbox.folder).items() if before.get(name) != digest}
    for action, note in reversed(list(zip(ACTIONS, notes, strict=True))):
        open_host(kind="iis", config_root=sandbox.config_root).undo(target(action, ours=True), note)

    assert changed == {"C/Windows/System32/inetsrv/config/applicationHost.config", "state.json"}
    assert _digest(sandbox.folder) == before


def test_a_rehearsal_tells_all_and_changes_nothing(sandbox: Sandbox) -> None:
    """Each change is told with file and lines; not a file changes, not even a backup is made."""
    before = {path for path in sandbox.folder.rglob("*") if path.is_file()}, _digest(sandbox.folder)
    host = open_host(kind="rehearsal", config_root=sandbox.config_root)
    assert isinstance(host, RehearsalHost)

    for action in ACTIONS:
        note = host.capture(target(action))
        host.apply(target(action))
        host.undo(target(action), note)

    assert ({path for path in sandbox.folder.rglob("*") if path.is_file()}, _digest(sandbox.folder)) == before
    told = "\n".join(host.told)
    assert '+                <rule name="feedsrv M0001.A1 rule" enabled="true"' in told
    assert 'write autoStart="false", stop application pool MSExchangeECPAppPool' in told
    assert "service MSExchangeUM: start mode from auto to disabled, stop it" in told
    assert "feedsrv M0001.A6 rule: would change nothing" in told
    assert "feedsrv M0001.A2 rule: would remove that rule" in told


def test_a_rehearsal_refuses_what_the_server_would_refuse(sandbox: Sandbox) -> None:
    """A taken name or a missing site is found before the day it matters."""
    path = sandbox.config_root / "applicationHost.config"
    taken = location("Default Web Site/EWS", '<rule name="feedsrv M0001.A1 rule"><match url="x"/></rule>')
    path.write_bytes(path.read_bytes().replace(b"</configuration>", taken.encode() + b"</configuration>"))
    host = open_host(kind="rehearsal", config_root=sandbox.config_root)

    with pytest.raises(NameTakenError):
        host.apply(target(inbound(Place(Scope.APPLICATION, "Default Web Site", "/EWS"))))
    with pytest.raises(NotThereError):
        host.apply(target(inbound(Place(Scope.SITE, "Intranet"))))
    with pytest.raises(NotThereError):
        host.apply(target(AppPool("A1", "Ghost")))


def test_a_rehearsal_speaks_while_it_goes(sandbox: Sandbox) -> None:
    """Whoever watches hears each sentence when it is said."""
    heard: list[str] = []
    inner = open_host(kind="rehearsal", config_root=sandbox.config_root)
    assert isinstance(inner, RehearsalHost)

    RehearsalHost(inner, tell=heard.append).apply(target(inbound()))

    assert len(heard) == 1


def test_an_unknown_kind_or_folder_is_refused(tmp_path: Path) -> None:
    """The kinds there are, and the folder that is meant, are said."""
    with pytest.raises(AdapterError, match="choose one of iis, rehearsal"):
        open_host(kind="nginx", config_root=tmp_path)
    with pytest.raises(AdapterError, match=r"holds applicationHost\.config"):
        open_host(kind="iis", config_root=tmp_path / "nowhere")


def test_without_the_programs_only_pools_and_services_are_refused(sandbox: Sandbox) -> None:
    """Rewrite rules need no program; the one that is missing is named."""
    sandbox.state_file.unlink()
    host = open_host(kind="iis", config_root=sandbox.config_root)

    host.apply(target(inbound()))

    with pytest.raises(AdapterError, match=r"appcmd\.exe cannot be run"):
        host.look(target(AppPool("A1", "MSExchangeOWAAppPool")))
    with pytest.raises(AdapterError, match=r"sc\.exe cannot be run"):
        host.look(target(Service("A1", "MSExchangeUM")))


def test_programs_are_run_without_a_shell(tmp_path: Path) -> None:
    """Arguments arrive one by one, however they look; code and output come back."""
    program = tmp_path / "inetsrv" / "appcmd.exe"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor one in "$@"; do echo "[$one]"; done; echo oops >&2; exit 5\n')
    program.chmod(0o755)
    (tmp_path / "sc.exe").symlink_to(program)
    runner = WindowsRunner(program.parent)

    answer = runner.run(APPCMD, "stop", "apppool", "/apppool.name:a b; rm $HOME & del")

    assert (answer.code, answer.output) == (
        5,
        "[stop]\n[apppool]\n[/apppool.name:a b; rm $HOME & del]\noops\n",
    )
    assert runner.run(SC, "query").output == "[query]\noops\n"


def test_a_damaged_sandbox_says_so(sandbox: Sandbox) -> None:
    """The state file is named, with the way out."""
    sandbox.state_file.write_text('{"pools": []}')

    with pytest.raises(AdapterError, match=r"state\.json is damaged: lay the sandbox out anew"):
        open_host(kind="iis", config_root=sandbox.config_root).look(
            target(AppPool("A1", "MSExchangeOWAAppPool"))
        )


def test_a_sandbox_looks_like_a_server(sandbox: Sandbox) -> None:
    """BOM and CRLF as IIS writes them, a build that can be read, and places that mitigations name."""
    raw = (sandbox.config_root / "applicationHost.config").read_bytes()
    host = open_host(kind="iis", config_root=sandbox.config_root)
    names = ("owa", "ecp", "Autodiscover", "PowerShell", "EWS", "mapi")

    sights = [
        host.look(target(inbound(Place(Scope.APPLICATION, site, f"/{name}"))))
        for site in ("Default Web Site", "Exchange Back End")
        for name in names
    ]

    assert raw.startswith(b"\xef\xbb\xbf<?xml")
    assert raw.count(b"\r\n") == raw.count(b"\n") > 100
    assert Build.parse(sandbox.build_file.read_text().strip()) == Build(15, 2, 986, 5)
    assert {sight.presence for sight in sights} == {Presence.ABSENT}
    assert not [sight for sight in sights if "could not be looked at" in sight.detail]
    assert sandbox_at(sandbox.folder) == sandbox


def test_a_sandbox_is_laid_only_into_an_empty_folder(tmp_path: Path) -> None:
    """A folder that is empty will do; one that holds anything, or a file, is left alone."""
    empty, full, file = tmp_path / "empty", tmp_path / "full", tmp_path / "file"
    empty.mkdir()
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    file.write_text("mine too")

    lay_out(empty)
    for taken in (empty, full, file):
        before = _digest(taken)
        with pytest.raises(FolderTakenError, match="is not an empty folder"):
            lay_out(taken)
        assert _digest(taken) == before
