"""The command, as an administrator or a script meets it, against a pretended IIS server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from feedsrv.agent.journal import Journal, Note
from feedsrv.agent.state_file import StateFile
from feedsrv.model.feed import Feed
from tests.pki import Pki
from tests.simulator import FEED, Answer, Simulator
from tests.unit.agent.making import FIXED, mitigation, pool
from tests.unit.agent.shell import Shell, lay_out_shell, publish_two

COMMAND = Path(sys.executable).parent / "feedsrv-agent"


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
    """Line for line; it is no sync, so the list and the status know nothing of it."""
    before = shell.configuration

    said = shell("sync", "--rehearse").output

    assert shell.configuration == before
    assert "M0001 revision 1: pending (only checking, nothing is changed: it would be applied)" in said
    assert "feedsrv M0001.A1 PowerShell - inbound: would change" in said
    assert shell.statuses() == {}
    assert json.loads(shell("status", "--json").stdout)["last_sync"] is None
    assert (shell.home / "agent.log").read_text() == ""


def test_a_rehearsal_tells_what_would_fail(shell: Shell, publisher: Simulator, pki: Pki) -> None:
    """A pool that is not there is found beforehand."""
    publisher.publish(mitigation(issued=pki.at, actions=(pool(name="Ghost"),)))

    said = shell("sync", "--rehearse", code=1)

    assert "it would be applied, but" in said.stdout
    assert "error [agent.not_there]" in said.stderr


def test_a_rehearsal_leaves_the_way_back_of_a_crash_alone(shell: Shell) -> None:
    """What a killed sync left half done is still known to the next real one."""
    shell("sync")
    home = shell.home
    protected = shell.configuration
    (host,) = home.rglob("applicationHost.config")
    state = StateFile(home).load()
    change = state.applied["M0001"].changes[0]
    Journal(home).write(Note("M0001", 1, change))
    StateFile(home).save(state.without_applied("M0001"))
    left = (home / "journal.jsonl").read_bytes()

    shell("sync", "--rehearse")
    after = (home / "journal.jsonl").read_bytes()
    shell("block", "M0001")
    shell("sync")

    assert after == left
    assert b"feedsrv M0001" in protected
    assert b"feedsrv M0001" not in host.read_bytes()


def test_an_agent_that_only_rehearses_takes_nothing_back(shell: Shell) -> None:
    """It would forget what is in place without taking it away."""
    shell("sync")
    shell("config", "--adapter", "rehearsal")

    refusal = shell("remove", "M0001", code=1)

    assert "error [agent.rehearsing]" in refusal.stderr
    shell("config", "--unset", "adapter")
    assert shell.statuses()["M0001"] == "applied"


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


def test_a_rule_that_somebody_renamed_stays_theirs_and_is_told(shell: Shell) -> None:
    """It does the same, so it counts; taking back leaves it, and says where it stands."""
    shell("sync")
    (path,) = shell.home.rglob("applicationHost.config")
    path.write_bytes(path.read_bytes().replace(b"feedsrv M0001.A1 PowerShell - inbound", b"Web team"))
    while_affected = shell.statuses()
    shell("sync")
    (shell.home / "product-build.txt").write_text(f"{FIXED}\n")

    shell("sync")

    said = shell("list").output
    assert while_affected["M0001"] == "applied"
    assert b"Web team" in path.read_bytes()
    assert shell.statuses()["M0001"] == "not needed"
    assert "taken back; still there:" in said
    assert "'Web team', which is not ours, does the same" in said


@pytest.mark.parametrize(
    "words", [("block", "M1"), ("repair", "M0001;rm"), ("remove", "../M0001"), ("unblock", "X")]
)
def test_a_wrong_id_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    """Nothing is stored under a name that no mitigation has."""
    refusal = shell(*words, code=1)

    assert refusal.stderr.startswith("error [agent.mitigation_id]: ")


@pytest.mark.parametrize("verb", ["block", "unblock", "repair", "remove"])
def test_nothing_but_commas_is_wrong_usage(shell: Shell, verb: str) -> None:
    """A variable that was empty in a script does not pass for done, or for everything."""
    shell(verb, ",", code=2)


def test_blocking_what_is_not_known_yet_says_so(shell: Shell) -> None:
    """It is done, since one may block beforehand; a slip of the pen is seen."""
    assert "no mitigation of that id is known here yet" in shell("block", "M0042").output
    assert shell.statuses() == {"M0042": "blocked"}


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


def test_an_unreachable_publisher_is_told_in_one_sentence(shell: Shell) -> None:
    """Exit code 1, a code, and no stack trace."""
    shell("config", "--server", "http://127.0.0.1:9")

    refusal = shell("sync", code=1)

    assert refusal.stderr.startswith("error [agent.unreachable]: http://127.0.0.1:9/")
    assert "Traceback" not in refusal.output


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


def test_status_tells_that_nobody_syncs_and_that_the_feed_expired_since(shell: Shell) -> None:
    """Whatever keeps the agent running may have ended; the last sync alone would look well."""
    shell("sync")
    state = StateFile(shell.home).load()
    assert state.last_sync is not None
    old = replace(state.last_sync, at=state.last_sync.at - timedelta(days=3))
    StateFile(shell.home).save(replace(state, last_sync=old))

    found = json.loads(shell("status", "--json", code=1).stdout)

    assert [one["code"] for one in found["problems"]] == ["agent.idle"]
    assert found["feed_is_stale"] is False


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
            if "sync.done" in line or "sync.failed" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0

    assert any("mitigation.applied" in line for line in seen)
    assert "agent.stopped" in seen[-1]
    assert shell.statuses() == {"M0001": "applied", "M0002": "applied"}


def test_run_ends_at_once_in_the_middle_of_a_slow_answer(shell: Shell, publisher: Simulator) -> None:
    """A publisher that drips does not keep a server from shutting down; nothing is remembered of it."""
    publisher.lie(FEED, Answer(b"<" * 100_000, drip=0.05))
    process = subprocess.Popen(
        [str(COMMAND), "--home", str(shell.home), "run", "--first-after", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        while FEED not in publisher.paths:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        said = process.stderr.read()

    assert "agent.stopped" in said
    assert "sync." not in said
    assert json.loads(shell("status", "--json").stdout)["last_sync"] is None


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
