"""An exception lets one check pass, for one issuing CA and one purpose, until a date; and nothing else."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from feedsrv.agent.exceptions import Granted, grant
from feedsrv.clock import now
from feedsrv.trust.profile import Kind, fingerprint
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, mitigation, pool
from tests.unit.agent.shell import Shell, lay_out_shell
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher whose mitigation signer was issued without the right usage."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        simulator.signers[Kind.MITIGATION] = simulator.pki.signer(Kind.MITIGATION, "eku-code-signing-only")
        simulator.publish(mitigation())
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator) -> World:
    """A new agent."""
    return World(tmp_path / "home", publisher)


def exception_for(
    publisher: Simulator, *, kind: Kind = Kind.MITIGATION, ca_of: Kind = Kind.MITIGATION
) -> Granted:
    """That of thirty days which the wrong certificate needs, or one beside it."""
    issuer = fingerprint(publisher.pki.signer(ca_of).chain[1])
    until = date(2026, 6, 13)
    return grant("trust.eku_missing", issuer, kind, until=until, reason="until the renewal", at=AT)


def test_a_refusal_tells_the_very_way_out(world: World, publisher: Simulator) -> None:
    """Whoever reads it at night has the command before him, with the fingerprint in it."""
    issuer = fingerprint(publisher.pki.signer(Kind.MITIGATION).chain[1])

    (problem,) = world.sync().problems

    assert problem.code == "trust.eku_missing"
    wanted = f"exception add --check trust.eku_missing --issuer {issuer} --for mitigation"
    assert wanted in problem.message


def test_a_refusal_without_a_way_out_tells_none(world: World, publisher: Simulator) -> None:
    """No exception helps against a stranger's signature."""
    publisher.signers[Kind.MITIGATION] = Pki(at=AT, organisation="Somebody Else").signer(Kind.MITIGATION)
    publisher.publish(mitigation(revision=2))

    (problem,) = world.sync().problems

    assert problem.code.startswith("trust.")
    assert "exception" not in problem.message


def test_an_exception_lets_that_one_thing_pass(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The mitigation is applied, and the log says by what."""
    world.tell(exceptions=(exception_for(publisher),))

    with caplog.at_level(logging.INFO):
        done = world.sync()

    assert codes(done) == []
    assert world.host.names() == {NAME}
    assert {"exception.in_force", "exception.used"} <= {record.message for record in caplog.records}


@pytest.mark.parametrize("other", ["kind", "issuer"])
def test_an_exception_for_another_purpose_or_issuer_helps_nobody(
    world: World, publisher: Simulator, other: str
) -> None:
    """It is for one issuing CA and one kind of document."""
    made = (
        exception_for(publisher, kind=Kind.FEED)
        if other == "kind"
        else exception_for(publisher, ca_of=Kind.FEED)
    )
    world.tell(exceptions=(made,))

    assert codes(world.sync()) == ["trust.eku_missing"]
    assert world.host.names() == set()


def test_an_exception_ends_by_itself(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """What is applied stays; what was accepted only by it is judged again, and nothing new is accepted."""
    publisher.lifetime = timedelta(days=60)
    publisher.publish(mitigation())
    world.tell(exceptions=(exception_for(publisher),))
    world.sync()
    publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))

    with caplog.at_level(logging.INFO):
        done = world.sync(at=AT + timedelta(days=31))

    assert codes(done) == ["trust.eku_missing", "trust.eku_missing"]
    assert world.host.names() == {NAME}
    assert world.host.stopped == set()
    assert "exception.in_force.ended" in {record.message for record in caplog.records}


def test_an_exception_that_is_taken_away_is_judged_without_at_once(
    world: World, publisher: Simulator
) -> None:
    """Though the publisher answers that nothing has changed."""
    world.tell(exceptions=(exception_for(publisher),))
    world.sync()
    world.tell(exceptions=())

    done = world.sync()

    assert codes(done) == ["trust.eku_missing"]
    assert world.host.names() == {NAME}


def test_another_exception_judges_nothing_again(world: World, publisher: Simulator) -> None:
    """Only what stood on an exception depends on it."""
    del publisher.signers[Kind.MITIGATION]
    publisher.publish(mitigation(revision=2))
    world.sync()
    before = world.state.known

    world.tell(exceptions=(exception_for(publisher),))
    world.sync()

    assert world.state.known == before


class TestTheCommand:
    """`feedsrv-agent exception`, and what `status` says of it."""

    @pytest.fixture
    def shell(self, tmp_path: Path, publisher: Simulator) -> Shell:
        """An agent for a pretended server, whose publisher's certificates are valid now."""
        publisher.pki = Pki()
        publisher.at = publisher.pki.at
        signer = publisher.pki.signer(Kind.MITIGATION, "eku-code-signing-only")
        publisher.signers[Kind.MITIGATION] = signer
        publisher.files.clear()
        publisher.publish(mitigation(issued=publisher.at))
        return lay_out_shell(tmp_path, publisher, publisher.pki)

    def words(self, publisher: Simulator, *, days: int = 30, check: str = "trust.eku_missing") -> list[str]:
        """What one types."""
        issuer = fingerprint(publisher.pki.signer(Kind.MITIGATION).chain[1])
        until = (now() + timedelta(days=days)).date().isoformat()
        reason = "renewal ordered, says the publisher"
        pairs = {
            "check": check,
            "issuer": issuer.upper(),
            "for": "mitigation",
            "until": until,
            "reason": reason,
        }
        return ["exception", "add", *(word for name, value in pairs.items() for word in (f"--{name}", value))]

    def test_is_added_used_shown_and_removed(self, shell: Shell, publisher: Simulator) -> None:
        """In plain words in the settings, and in `status` with days left and whether it was needed."""
        shell("sync", code=1)
        shell(*self.words(publisher))
        written = json.loads((shell.home / "settings.json").read_text())["exceptions"]
        unneeded = json.loads(shell("status", "--json", code=1).stdout)["exceptions"]
        shell("sync")
        status = json.loads(shell("status", "--json").stdout)
        said = shell("status").stdout
        (row,) = status["exceptions"]
        shell("exception", "remove", row["name"])
        shell("sync", code=1)

        assert [one["check"] for one in written] == ["trust.eku_missing"]
        assert [one["needed"] for one in unneeded] == [False]
        assert (row["needed"], row["daysLeft"]) == (True, 30)
        assert [one["name"] for one in status["conditions"]] == ["exception.in_force"]
        assert "renewal ordered, says the publisher" in said
        assert "30 days left" in said
        assert shell("exception", "list").stdout == "none\n"

    @pytest.mark.parametrize(
        ("days", "check", "code"),
        [
            (91, "trust.eku_missing", "agent.exception"),
            (-1, "trust.eku_missing", "agent.exception"),
            (30, "trust.signature_invalid", "trust.waiver"),
            (30, "trust.signer_revoked", "trust.waiver"),
            (30, "everything", "trust.waiver"),
        ],
    )
    def test_refuses_what_no_exception_may_be(
        self, shell: Shell, publisher: Simulator, days: int, check: str, code: str
    ) -> None:
        """Too long, over already, or a check that never bends; nothing is written."""
        refused = shell(*self.words(publisher, days=days, check=check), code=1)

        assert f"error [{code}]" in refused.stderr
        assert "exceptions" not in (shell.home / "settings.json").read_text()

    def test_takes_ninety_days(self, shell: Shell, publisher: Simulator) -> None:
        """And an exception for the same thing takes the place of the one before."""
        shell(*self.words(publisher, days=90))
        shell(*self.words(publisher, days=10))

        (row,) = shell.json("exception", "list")

        assert row["daysLeft"] == 10

    def test_a_longer_one_written_into_the_file_is_refused(self, shell: Shell, publisher: Simulator) -> None:
        """An editor is no way around the ninety days."""
        shell(*self.words(publisher))
        path = shell.home / "settings.json"
        settings = json.loads(path.read_text())
        settings["exceptions"][0]["until"] = "2099-01-01T00:00:00Z"
        path.write_text(json.dumps(settings))

        refused = shell("sync", code=1)

        assert "error [agent.settings]" in refused.stderr
        assert "90 days" in refused.stderr

    def test_names_what_there_is_when_another_is_to_be_removed(self, shell: Shell) -> None:
        """A typing error changes nothing."""
        refused = shell("exception", "remove", "nosuchone", code=1)

        assert "error [agent.no_exception]" in refused.stderr
