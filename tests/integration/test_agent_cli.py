"""The command, as an administrator or a script meets it, against a pretended IIS server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from feedsrv.agent.cli import agent
from feedsrv.model.feed import Feed
from tests.pki import Pki
from tests.simulator import FEED, Answer, Simulator
from tests.unit.agent.making import FIXED, mitigation, pool

COMMAND = Path(sys.executable).parent / "feedsrv-agent"


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Certificates that are valid now: the command has no other clock."""
    return Pki()


@pytest.fixture
def publisher(pki: Pki) -> Iterator[Simulator]:
    """A publisher with two mitigations."""
    with Simulator(pki, pki.at).serving() as simulator:
        simulator.put_crls()
        pools = (pool(name="DefaultAppPool"),)
        simulator.publish(mitigation(issued=pki.at), mitigation("M0002", issued=pki.at, actions=pools))
        yield simulator


@dataclass
class Shell:
    """Types commands for one agent."""

    home: Path

    def __call__(self, *words: str | Path, code: int = 0) -> Result:
        """Run one; its exit code must be this."""
        done = CliRunner().invoke(agent, ["--home", str(self.home), *map(str, words)])
        unexpected = done.exception is not None and not isinstance(done.exception, SystemExit)
        assert not unexpected, done.exc_info
        assert done.exit_code == code, done.output
        return done

    def json(self, *words: str) -> list[dict[str, object]]:
        """Run one that prints JSON."""
        found = json.loads(self(*words, "--json").stdout)
        assert isinstance(found, list)
        return found

    def statuses(self) -> dict[object, object]:
        """What `list` says of each."""
        return {one["id"]: one["status"] for one in self.json("list")}

    @property
    def configuration(self) -> bytes:
        """The pretended server's configuration."""
        (found,) = self.home.rglob("applicationHost.config")
        return found.read_bytes()


@pytest.fixture
def shell(publisher: Simulator, tmp_path: Path, pki: Pki) -> Shell:
    """An agent for a pretended server, laid out by the command itself."""
    anchor = tmp_path / "root.pem"
    anchor.write_bytes(pki.anchors_pem())
    shell = Shell(tmp_path / "box")
    shell("sandbox", shell.home, "--server", publisher.url, "--anchor", anchor, "--build", "15.2.986.5")
    return shell


def test_the_whole_tour_on_a_pretended_server(shell: Shell) -> None:
    """Apply, look, install an update, and everything is as it was, byte for byte."""
    before = shell.configuration

    shell("sync")
    protected = shell.configuration
    applied = shell.statuses()
    (shell.home / "product-build.txt").write_text(f"{FIXED}\n")
    shell("sync")

    assert b"feedsrv M0001.A1 PowerShell - inbound" in protected
    assert applied == {"M0001": "applied", "M0002": "applied"}
    assert shell.configuration == before
    assert shell.statuses() == {"M0001": "not needed", "M0002": "not needed"}


def test_a_rehearsal_changes_nothing_and_says_where_it_would(shell: Shell) -> None:
    """Line for line, and the list says pending."""
    before = shell.configuration

    said = shell("sync", "--rehearse").output

    assert shell.configuration == before
    assert "feedsrv M0001.A1 PowerShell - inbound: would change" in said
    assert shell.statuses() == {"M0001": "pending", "M0002": "pending"}


def test_block_remove_unblock_and_repair(shell: Shell) -> None:
    """Blocking says what is left in place, removing takes it back, repairing brings it again."""
    shell("sync")

    blocked = shell("block", "m0001,M0002").output
    shell("remove", "M0001")
    removed = shell.statuses()
    shell("repair", "M0001", code=1)
    shell("unblock", "M0001", "M0002")
    shell("repair")

    assert "feedsrv-agent remove M0001" in blocked
    assert removed == {"M0001": "blocked", "M0002": "blocked"}
    assert shell.statuses() == {"M0001": "applied", "M0002": "applied"}


def test_repair_puts_back_what_somebody_removed(shell: Shell) -> None:
    """The list sees it at once, and repair needs no network."""
    untouched = shell.configuration
    shell("sync")
    (path,) = shell.home.rglob("applicationHost.config")
    path.write_bytes(untouched)
    seen = shell.statuses()

    shell("config", "--server", "http://127.0.0.1:9")
    shell("repair")

    assert seen["M0001"] == "failed"
    assert b"feedsrv M0001.A1" in shell.configuration


@pytest.mark.parametrize(
    "words", [("block", "M1"), ("repair", "M0001;rm"), ("remove", "../M0001"), ("unblock", "X")]
)
def test_a_wrong_id_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    """Nothing is stored under a name that no mitigation has."""
    refusal = shell(*words, code=1)

    assert refusal.stderr.startswith("error [agent.mitigation_id]: ")


def test_repairing_what_is_not_known_is_refused(shell: Shell) -> None:
    """The message says where to look."""
    assert "error [agent.unknown_mitigation]" in shell("repair", "M0042", code=1).stderr


def test_lists_are_written_to_files(shell: Shell, tmp_path: Path) -> None:
    """XML and CSV at once."""
    shell("sync")

    shell("list", "--xml", tmp_path / "list.xml", "--csv", tmp_path / "list.csv")

    root = etree.parse(tmp_path / "list.xml").getroot()
    assert [one.get("status") for one in root] == ["applied", "applied"]
    assert (tmp_path / "list.csv").read_text("utf-8-sig").startswith("id,revision,status")


def test_the_path_is_tested_to_its_end(shell: Shell) -> None:
    """Every step is named, down to opening each mitigation; nothing is changed or remembered."""
    said = shell("test").output

    assert "Result: Success." in said
    assert "2 opened and trusted" in said
    assert not (shell.home / "agent-state.json").exists()


FAILURES = {
    "connection": (("--server", "http://127.0.0.1:9"), "connection", "agent.unreachable"),
    "TLS": (("--server", "https://127.0.0.1:{port}"), "TLS", "agent.tls"),
    "name": (("--server", "http://does-not-exist.invalid"), "connection", "agent.unreachable"),
    "product": (("--product", "exchange-se"), "HTTP", "agent.not_served"),
    "issuer": (("--organisation", "Somebody Else"), "issuer", "trust.issuer_organisation"),
    "usage": (("--feed-eku", "1.2.3.4"), "key usage", "trust.eku_missing"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_the_failing_step_is_named(shell: Shell, publisher: Simulator, failure: str) -> None:
    """And the steps after it were not reached."""
    words, step, code = FAILURES[failure]
    port = publisher.url.rpartition(":")[2]
    shell("config", *(word.format(port=port) for word in words))

    done = shell("test", "--json", code=1)

    found = json.loads(done.stdout)
    assert (found["steps"][-1]["step"], found["steps"][-1]["code"]) == (step, code)
    assert [one["ok"] for one in found["steps"][:-1]] == [True] * (len(found["steps"]) - 1)
    assert f"error [{code}]" in done.stderr


def test_an_untrusted_anchor_fails_at_the_chain(shell: Shell, tmp_path: Path) -> None:
    """The signature is in order, and proves nothing here."""
    other = tmp_path / "other.pem"
    other.write_bytes(Pki(organisation="Somebody Else").anchors_pem())
    shell("config", "--anchor", other)

    said = shell("test", code=1)

    assert "Result: Failed at: chain." in said.output
    assert "error [trust.anchor_unknown]" in said.stderr


def test_a_mitigation_that_cannot_be_had_fails_the_last_step(shell: Shell, publisher: Simulator) -> None:
    """A feed alone protects nobody."""
    publisher.lie("/v1/mitigations/M0002/1.xml", Answer(b"", 500))

    assert "Result: Failed at: mitigations." in shell("test", code=1).output


def test_an_unreachable_publisher_is_told_in_one_sentence(shell: Shell) -> None:
    """Exit code 1, a code, and no stack trace."""
    shell("config", "--server", "http://127.0.0.1:9")

    refusal = shell("sync", code=1)

    assert refusal.stderr.startswith("error [agent.unreachable]: http://127.0.0.1:9/")
    assert "Traceback" not in refusal.output


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


def test_a_damaged_state_is_told_by_status_and_restored(shell: Shell) -> None:
    """Status works, sync refuses, restore goes back, sync goes on."""
    shell("sync")
    (shell.home / "agent-state.json").write_bytes(b"{}")

    status = shell("status", code=1)
    refusal = shell("sync", code=1)
    shell("restore")
    shell("sync")

    assert "server" in status.stdout
    assert "error [agent.state]" in status.stderr
    assert "feedsrv-agent restore" in refusal.stderr
    assert shell.statuses() == {"M0001": "applied", "M0002": "applied"}


def test_status_tells_how_the_last_sync_went(shell: Shell, publisher: Simulator) -> None:
    """For monitoring: exit code 1 and the problems of the last sync, until one succeeds."""
    shell("sync")
    publisher.lie(FEED, Answer(b"", 500))
    shell("sync", code=1)

    found = json.loads(shell("status", "--json", code=1).stdout)

    assert [one["code"] for one in found["problems"]] == ["agent.server_trouble"]
    assert found["feed_version"] == 1
    assert found["in_place"] == ["M0001", "M0002"]
    assert found["last_sync_without_a_problem"] is not None


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


def test_a_bundle_file_is_enough(shell: Shell, publisher: Simulator, tmp_path: Path) -> None:
    """For a server without internet."""
    (tmp_path / "bundle.zip").write_bytes(publisher.bundle())
    shell("config", "--unset", "server")

    shell("sync", "--bundle", tmp_path / "bundle.zip")

    assert shell.statuses() == {"M0001": "applied", "M0002": "applied"}
    assert publisher.requests == []


def test_events_are_logged_for_operators(shell: Shell) -> None:
    """One line each, with the event's name and its fields."""
    shell("sync")

    lines = (shell.home / "agent.log").read_text().splitlines()

    assert any('INFO mitigation.applied mitigation="M0001" revision=1' in line for line in lines)


def test_run_syncs_and_stops_cleanly_when_told(shell: Shell) -> None:
    """SIGTERM ends the waiting at once, with exit code 0."""
    process = subprocess.Popen(
        [str(COMMAND), "--home", str(shell.home), "run", "--first-after", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if "sync.done" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0

    assert any("mitigation.applied" in line for line in seen)
    assert "agent.stopped" in seen[-1]
    assert shell.statuses() == {"M0001": "applied", "M0002": "applied"}


def test_the_agent_carries_nothing_of_the_server() -> None:
    """It installs and starts without Flask, SQLAlchemy, or the server's other libraries."""
    server = (
        "flask",
        "sqlalchemy",
        "alembic",
        "boto3",
        "pydantic",
        "xmlsec",
        "gunicorn",
        "jinja2",
        "regress",
    )
    program = f"import sys; sys.modules.update(dict.fromkeys({server!r})); import feedsrv.agent.cli"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ
    )

    assert done.returncode == 0, done.stderr


def test_a_feed_of_nothing_is_no_error(shell: Shell, publisher: Simulator, pki: Pki) -> None:
    """A publisher may begin with nothing but its heartbeat, or less."""
    publisher.versions.clear()
    publisher.put_feed(Feed("exchange-2019", "production", 1, pki.at, pki.at + timedelta(days=7), None, ()))

    assert "feed version 1" in shell("sync").output
