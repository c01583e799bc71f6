"""Killing the agent in the middle of changing an IIS configuration: no half file, no lost way back."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from feedsrv.agent.adapters.host import open_host
from feedsrv.agent.sandbox import lay_out, sandbox_at
from feedsrv.agent.settings import SettingsFile
from feedsrv.agent.sync import Sync, Synced
from feedsrv.clock import to_text
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, FIXED, mitigation, pool, rule
from tests.unit.agent.world import World, codes

ROOT = Path(__file__).parent.parent.parent
MIDWAYS = range(1, 7)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Simulator]:
    """A publisher of two rules and a pool."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        rules = (rule("A1"), rule("A2", name="second", pattern="second"))
        simulator.publish(
            mitigation(actions=rules), mitigation("M0002", actions=(pool(name="DefaultAppPool"),))
        )
        yield simulator


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory, publisher: Simulator) -> Path:
    """A pretended server with an agent that has not synced yet; copied for every crash."""
    folder = tmp_path_factory.mktemp("iis") / "box"
    box = lay_out(folder)
    settings = World(folder, publisher).settings
    root = str(box.config_root.relative_to(folder))
    SettingsFile(folder).save(replace(settings, config_root=root))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every configuration file of the pretended server, and what runs on it."""
    box = sandbox_at(folder)
    files = [*folder.rglob("*.config"), box.state_file]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("number", MIDWAYS)
def test_a_killed_sync_leaves_a_whole_configuration(
    laid_out: Path, publisher: Simulator, tmp_path: Path, number: int
) -> None:
    """The file can be read at every moment; the next sync finishes; the fix brings back every byte."""
    folder = shutil.copytree(laid_out, tmp_path / "box")
    before = content(folder)
    settings = SettingsFile(folder).load()

    command = [sys.executable, "-m", "tests.unit.agent.crashing", str(folder), publisher.url, to_text(AT)]
    died = subprocess.run([*command, "midway", str(number)], cwd=ROOT, capture_output=True, check=False)
    config = sandbox_at(folder).config_root
    etree.parse(config / "applicationHost.config")
    world = World(folder, publisher)
    finished = sync(world, folder)
    world.settings = replace(settings, build=str(FIXED))
    ended = sync(world, folder)

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (codes(finished), codes(ended)) == ([], [])
    assert len(finished.state.applied) == 2
    assert ended.state.applied == {}
    assert content(folder) == before


def sync(world: World, folder: Path) -> Synced:
    """Sync against the pretended server."""
    root = sandbox_at(folder).config_root
    source = world.source()
    try:
        return Sync(folder, world.settings, lambda: open_host(kind="iis", config_root=root), AT).run(source)
    finally:
        source.close()
