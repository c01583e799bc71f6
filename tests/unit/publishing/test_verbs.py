"""What every verb of the workflow has in common: it asks for a role, and for what was seen."""

from __future__ import annotations

import pytest

from feedsrv.model.lifecycle import ACTS, MOVES, Role, role_of
from feedsrv.publishing.permits import MissingRoleError, NotThemselvesError
from feedsrv.publishing.reading import tag_of
from feedsrv.publishing.refusals import BadNameError, ChangedSinceError, UnknownMitigationError
from tests.desk import Desk, urgent
from tests.verbs import VERBS

ELSEWHERE = {
    # The cycle, the register of keys, and the desks of people and notices ask for these themselves.
    "publish",
    "feed.publish",
    "feed.refresh",
    "key.change",
    "trust.change",
    "people.change",
    "webhooks.change",
    "audit.read",
    # An edit is an import.
    "edit",
}
TAKING_SEEN = sorted(name for name, verb in VERBS.items() if verb.takes_seen)


def test_every_verb_of_both_tables_is_tried_here() -> None:
    """A new row that nobody tries would be a row that nobody asks."""
    assert {verb for _, verb in MOVES} | set(ACTS) == set(VERBS) | ELSEWHERE


@pytest.mark.parametrize("name", sorted(VERBS))
def test_whoever_has_every_role_but_the_one_is_refused(desk: Desk, name: str) -> None:
    """Nothing is changed, written down or told; the refusal names the role that is missing."""
    verb, role = VERBS[name], role_of(name)
    verb.prepare(desk)
    acts, told = desk.acts(), desk.told()

    with pytest.raises(MissingRoleError, match=f"dora needs the role {role} for this"):
        verb.act(desk.as_("dora", *set(Role) - {role}), "dora", None)

    assert (desk.acts(), desk.told()) == (acts, told)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_whoever_has_that_role_alone_may(desk: Desk, name: str) -> None:
    """And the log says by which door they came."""
    verb = VERBS[name]
    verb.prepare(desk)
    known = len(desk.acts())

    verb.act(desk.as_("dora", role_of(name), via="token 3 (ci)"), "dora", None)

    entries = desk.workflow.list_audit()[known:]
    assert entries
    assert {one.actor for one in entries} == {"dora"}
    assert {one.detail["via"] for one in entries} == {"token 3 (ci)"}


@pytest.mark.parametrize("name", sorted(VERBS))
def test_nobody_acts_in_the_name_of_somebody_else(desk: Desk, name: str) -> None:
    """A form or a request that names another person changes nothing."""
    verb = VERBS[name]
    verb.prepare(desk)
    acts = desk.acts()

    with pytest.raises(NotThemselvesError, match="dora cannot act in the name of emil"):
        verb.act(desk.as_("dora", *Role), "emil", None)

    assert desk.acts() == acts


@pytest.mark.parametrize("name", sorted(set(VERBS) - {"unsigned.withdraw"}))
def test_nobody_acts_as_the_keeper(desk: Desk, name: str) -> None:
    """What the log says that it did, no person did."""
    verb = VERBS[name]
    verb.prepare(desk)
    acts = desk.acts()

    with pytest.raises(BadNameError, match="keeper is what a program here is called"):
        verb.act(desk.workflow, " Keeper", None)

    assert desk.acts() == acts


@pytest.mark.parametrize("name", TAKING_SEEN)
def test_what_was_not_seen_is_not_decided_on(desk: Desk, name: str) -> None:
    """Somebody was faster: nothing is changed, and the message says what there is now."""
    verb = VERBS[name]
    verb.prepare(desk)
    acts, told = desk.acts(), desk.told()

    with pytest.raises(ChangedSinceError, match="M0001 revision 1 has changed since you looked"):
        verb.act(desk.workflow, "dora", "0" * 16)

    assert (desk.acts(), desk.told()) == (acts, told)


@pytest.mark.parametrize("name", TAKING_SEEN)
def test_what_was_seen_is_decided_on(desk: Desk, name: str) -> None:
    """Once: the same tag is worth nothing afterwards."""
    verb = VERBS[name]
    verb.prepare(desk)
    seen = tag_of(desk.workflow.show_mitigation("M0001"))

    verb.act(desk.workflow, "dora", seen)

    with pytest.raises((ChangedSinceError, UnknownMitigationError)):
        verb.act(desk.workflow, "dora", seen)


def test_an_import_may_ask_that_nothing_be_there_yet(desk: Desk) -> None:
    """Two who begin a mitigation of one id at once: the second hears of the first."""
    workflow = desk.workflow
    workflow.import_mitigation(urgent(), source="m.xml", by="anna", seen="")

    with pytest.raises(ChangedSinceError, match="M0001 revision 1 exists already"):
        workflow.import_mitigation(urgent(title="Mine"), source="m.xml", by="carl", seen="")

    assert workflow.show_mitigation("M0001").author == "anna"


def test_what_was_discarded_meanwhile_is_not_written_on(desk: Desk) -> None:
    """The form that somebody had open is no way to bring it back unseen."""
    seen = tag_of(desk.bring(urgent()).revision)
    desk.workflow.discard("M0001", by="anna")

    with pytest.raises(ChangedSinceError, match="was discarded since"):
        desk.workflow.import_mitigation(urgent(title="Mine"), source="m.xml", by="carl", seen=seen)

    assert desk.workflow.list_mitigations() == ()
