"""What an administrator tells the agent: settings, builds and sandboxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.shell import Shell, lay_out_shell, publish_two


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Certificates that are valid now: the command has no other clock."""
    return Pki()


@pytest.fixture
def publisher(pki: Pki) -> Iterator[Simulator]:
    """A publisher with two mitigations."""
    with Simulator(pki, pki.at).serving() as simulator:
        publish_two(simulator, pki)
        yield simulator


@pytest.fixture
def shell(publisher: Simulator, tmp_path: Path, pki: Pki) -> Shell:
    """An agent for a pretended server."""
    return lay_out_shell(tmp_path, publisher, pki)


def test_missing_settings_say_which_command_sets_them(tmp_path: Path) -> None:
    """A new agent leads through its own set-up, one thing after the other."""
    shell = Shell(tmp_path / "new")

    first = shell("sync", code=1).stderr
    shell("config", "--server", "http://127.0.0.1:9")
    second = shell("sync", code=1).stderr
    shell("config", "--product", "exchange-2019")
    third = shell("sync", code=1).stderr

    assert "--server" in first
    assert "--product" in second
    assert "--anchor" in third


def test_config_shows_and_changes(shell: Shell) -> None:
    """What was said is shown; what is unset is back at its default; a wrong word changes nothing."""
    shell("config", "--auto-apply", "off", "--timeout", "5")
    changed = json.loads(shell("config", "--json").stdout)
    shell("config", "--unset", "auto-apply")
    unset = json.loads(shell("config", "--json").stdout)
    refusal = shell("config", "--timeout", "1", "--channel", "Not A Word", code=1)

    assert (changed["auto_apply"], changed["timeout"]) == (False, 5)
    assert unset["auto_apply"] is True
    assert "setting channel" in refusal.stderr
    assert json.loads(shell("config", "--json").stdout)["timeout"] == 5


@pytest.mark.parametrize(
    "words",
    [
        ("--unset", "need-server"),
        ("--unset", "__class__"),
        ("--server", "http://[::1"),
        ("--server", "http://host:99999"),
        ("--proxy", "http://proxy:port"),
        ("--organisation", ""),
    ],
)
def test_a_setting_of_nonsense_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    """With its name, and nothing is changed."""
    before = (shell.home / "settings.json").read_bytes()

    refusal = shell("config", *words, code=1)

    assert refusal.stderr.startswith("error [agent.settings]: ")
    assert (shell.home / "settings.json").read_bytes() == before


def test_words_are_not_taken_for_switches(shell: Shell) -> None:
    """A publisher may be called On."""
    shell("config", "--organisation", "on")

    assert json.loads(shell("config", "--json").stdout)["organisation"] == "on"


def test_a_path_is_the_one_that_was_typed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where the administrator is, not to the agent's folder."""
    (shell.home.parent / "ca.pem").write_bytes(b"")
    monkeypatch.chdir(shell.home.parent)

    shell("config", "--tls-ca", "ca.pem", "--pool-file", "pool.json", "--config-root", ".")

    found = json.loads(shell("config", "--json").stdout)
    here = shell.home.parent
    assert found["tls_ca"] == str(here / "ca.pem")
    assert found["pool_file"] == str(here / "pool.json")
    assert found["config_root"] == str(here)


def test_a_sandbox_of_another_product_asks_for_its_build(tmp_path: Path) -> None:
    """A build of another product would say that nothing is needed."""
    shell = Shell(tmp_path / "box")

    assert "--build" in shell("sandbox", shell.home, "--product", "sfb-2019", code=2).output
    assert not shell.home.exists()


def test_the_pool_switch_is_written_for_all(shell: Shell, tmp_path: Path) -> None:
    """One server writes, every server of the pool obeys."""
    shell("config", "--pool-file", tmp_path / "pool.json", "--pool-auto-apply", "off")

    shell("sync")

    assert json.loads((tmp_path / "pool.json").read_text()) == {"auto_apply": False}
    assert shell.statuses() == {"M0001": "pending", "M0002": "pending"}


def test_a_build_is_set_by_hand_or_from_a_file(shell: Shell, tmp_path: Path) -> None:
    """One takes the place of the other."""
    (tmp_path / "build.txt").write_text("15.2.986.36")

    shell("set-build", "15.2.986.5")
    by_hand = json.loads(shell("config", "--json").stdout)
    shell("set-build", "--from", tmp_path / "build.txt")
    from_file = json.loads(shell("config", "--json").stdout)

    assert (by_hand["build"], by_hand["build_source"]) == ("15.2.986.5", None)
    assert (from_file["build"], from_file["build_source"]) == (None, str(tmp_path / "build.txt"))
    shell("set-build", "15.2", code=1)
    shell("set-build", code=2)
