"""The agent's memory: whole after every crash, and never silently empty."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from feedsrv.agent.state import AgentState, FeedMemory, Known, LastSync, Problem, Standing, Status
from feedsrv.agent.state_file import AgentStateError, StateFile
from feedsrv.model.action import (
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    Grouping,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    Service,
    Syntax,
    UrlRewrite,
)
from tests.unit.agent.making import AFFECTED, AT, applied, mitigation, rule

EVERY_KIND = (
    rule(),
    UrlRewrite(
        "A2",
        "OWA CSP - outbound",
        Place(Scope.APPLICATION, "Default Web Site", "/owa"),
        OutboundRule(
            "RESPONSE_Content_Security_Policy",
            "(.*)",
            Rewrite("{R:1}; script-src-attr 'none'"),
            preconditions=Preconditions((Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"),), Grouping.ANY),
            negate=True,
        ),
    ),
    UrlRewrite(
        "A3", "no", Place(Scope.SERVER), InboundRule("*", CustomResponse(404, 2, "No", "no"), Syntax.WILDCARD)
    ),
    UrlRewrite(
        "A4", "r", Place(Scope.SERVER), InboundRule("x", Rewrite("/"), Syntax.EXACT, stop_processing=False)
    ),
    AppPool("A5", "Pool"),
    Service("A6", "Spooler"),
    DoNothing("A7"),
)


def full_state() -> AgentState:
    """A state with something in every field."""
    return AgentState(
        device_id="6f9c2f0e",
        applied={"M0001": applied(mitigation(actions=EVERY_KIND))},
        blocked=frozenset({"M0004", "M0003"}),
        feeds={"exchange-2019/production": FeedMemory(7, "sha256-x", "policy", '"e"', "http://x/v1/")},
        known={"M0001": Known(2, "sha256-y", "policy")},
        standings=(Standing("M0001", 2, Status.APPLIED, "why", "title", in_place=True, places=("here",)),),
        last_sync=LastSync(AT, (Problem("agent.x", "sentence"),), 7, is_stale=True, succeeded=None),
        build=AFFECTED,
        next_order=9,
    )


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """Every field and every kind of action comes back as it went."""
    state = full_state()

    StateFile(tmp_path).save(state)

    assert StateFile(tmp_path).load() == state


def test_a_new_machine_gets_a_device_id_and_nothing_else(tmp_path: Path) -> None:
    """The first state is empty but for its identity, which differs between machines."""
    one, other = StateFile(tmp_path / "a").load(), StateFile(tmp_path / "b").load()

    assert one == AgentState(device_id=one.device_id)
    assert one.device_id != other.device_id


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b'"version": 7', b'"version": 1'),
        lambda content: content.replace(b'"schema": 1', b'"schema": 9'),
        lambda _: b"[]",
        lambda _: b"\xff\xfe",
    ],
    ids=["empty", "half", "edited", "another schema", "a list", "no text"],
)
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, damage: object) -> None:
    """Nothing is guessed: the message names the file and the command that goes back to the copy."""
    file = StateFile(tmp_path)
    file.save(full_state())
    assert callable(damage)
    file.path.write_bytes(damage(file.path.read_bytes()))

    with pytest.raises(AgentStateError, match="feedsrv-agent restore") as refusal:
        file.load()

    assert str(file.path) in str(refusal.value)


def test_restoring_brings_back_the_copy_and_keeps_the_damaged_file(tmp_path: Path) -> None:
    """The second copy is as new as the first, so that nothing is forgotten."""
    file = StateFile(tmp_path)
    file.save(full_state())
    file.path.write_bytes(b"damaged")

    restored = file.restore()

    assert restored == file.load() == full_state()
    assert (tmp_path / "agent-state.damaged.json").read_bytes() == b"damaged"


def test_a_missing_file_beside_its_copy_is_no_new_machine(tmp_path: Path) -> None:
    """A deleted state is an error, too: forgetting would open the door to replayed feeds."""
    file = StateFile(tmp_path)
    file.save(full_state())
    file.path.unlink()

    with pytest.raises(AgentStateError):
        file.load()


def test_both_copies_damaged_says_what_to_do_by_hand(tmp_path: Path) -> None:
    """Without a good copy, the message leads through setting the agent up anew."""
    file = StateFile(tmp_path)
    file.save(full_state())
    file.path.write_bytes(b"")
    file.copy.write_bytes(b"")

    with pytest.raises(AgentStateError, match="backup"):
        file.restore()


def test_a_value_that_the_words_forbid_is_damage(tmp_path: Path) -> None:
    """A checksum that fits does not make a build of nonsense."""
    file = StateFile(tmp_path)
    file.save(replace(full_state(), build=None))
    document = json.loads(file.path.read_text())
    document["state"]["build"] = "nonsense"
    canonical = json.dumps(document["state"], sort_keys=True, separators=(",", ":"))
    document["checksum"] = "sha256-" + sha256(canonical.encode()).hexdigest()
    file.path.write_text(json.dumps(document))

    with pytest.raises(AgentStateError, match="nonsense"):
        file.load()
