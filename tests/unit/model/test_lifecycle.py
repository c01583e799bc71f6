"""The life of a revision: what the table says is possible, and nothing else is."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest

from feedsrv.model.lifecycle import (
    ACTS,
    FRESH,
    MOVES,
    Role,
    Stage,
    WrongStageError,
    move,
    role_of,
    stage_now,
    verbs_at,
)

VERBS: Final = sorted({verb for _, verb in MOVES})


@pytest.mark.parametrize(("stage", "verb"), list(product(Stage, VERBS)))
def test_a_pair_that_is_missing_is_a_refusal(stage: Stage, verb: str) -> None:
    """Each stage with each verb: a move of the table, or refused with what is possible instead."""
    if (stage, verb) in MOVES:
        assert move(stage, verb) is MOVES[stage, verb]
        return

    with pytest.raises(WrongStageError, match="possible is") as refused:
        move(stage, verb)
    assert refused.value.code == "lifecycle.wrong_stage"


def test_what_is_published_is_only_ever_followed_by_another_revision() -> None:
    """From there on verbs lead to an open revision, which is the next one, or nowhere else."""
    over = {Stage.PUBLISHED, Stage.SUPERSEDED, Stage.WITHDRAWN}
    begun = {(verb, step.to) for (at, verb), step in MOVES.items() if at in over and step.to is not at}

    assert begun == {("revise", Stage.DRAFT), ("withdraw", Stage.IN_REVIEW)}
    assert {verb for (at, verb), step in MOVES.items() if at in over and step.to is at} == {"countersign"}


def test_what_is_discarded_stays_so() -> None:
    """Its number is free for another draft."""
    assert verbs_at(Stage.DISCARDED) == ()


def test_nothing_is_published_that_nobody_else_looked_at_but_by_break_glass() -> None:
    """The one way to published leads through approved; the ways there are a reviewer's, or break-glass."""
    to_published = {
        (at, verb) for (at, verb), step in MOVES.items() if step.to is Stage.PUBLISHED and at is not step.to
    }
    to_approved = {
        (verb, step.role)
        for (at, verb), step in MOVES.items()
        if step.to is Stage.APPROVED and at is not step.to
    }

    assert to_published == {(Stage.APPROVED, "publish")}
    assert to_approved == {("approve", Role.REVIEWER), ("break-glass", Role.PUBLISHER)}


def test_any_edit_and_any_return_lead_back_to_draft() -> None:
    """Approval is of what was read, and of nothing else."""
    assert {step.to for (_, verb), step in MOVES.items() if verb in {"edit", "return"}} == {Stage.DRAFT}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_the_same_persons_act_from_every_stage(verb: str) -> None:
    """So that it can be asked before anything is looked up."""
    assert {step.role for (_, known), step in MOVES.items() if known == verb} == {role_of(verb)}
    assert verb not in ACTS


@pytest.mark.parametrize("verb", sorted(ACTS))
def test_every_other_act_has_its_role(verb: str) -> None:
    """From the second table."""
    assert role_of(verb) is ACTS[verb]


def test_what_needs_a_fresh_sign_in_is_a_verb() -> None:
    """A slip there would ask nobody."""
    assert set(VERBS) >= FRESH


def test_the_auditor_changes_nothing() -> None:
    """Who looks over everybody's shoulder has no hand in it."""
    assert [step for step in MOVES.values() if step.role is Role.AUDITOR] == []
    assert [verb for verb, role in ACTS.items() if role is Role.AUDITOR] == ["audit.read"]


@pytest.mark.parametrize(
    ("newest", "withdrawn", "superseded", "seen"),
    [
        (True, False, False, Stage.PUBLISHED),
        (True, False, True, Stage.SUPERSEDED),
        (True, True, False, Stage.WITHDRAWN),
        (True, True, True, Stage.WITHDRAWN),
        (False, False, False, Stage.SUPERSEDED),
        (False, True, True, Stage.SUPERSEDED),
    ],
)
def test_what_became_of_a_published_revision_is_worked_out(
    *, newest: bool, withdrawn: bool, superseded: bool, seen: Stage
) -> None:
    """It is kept as published for ever."""
    assert (
        stage_now(
            Stage.PUBLISHED, is_newest_published=newest, is_withdrawn=withdrawn, is_superseded=superseded
        )
        is seen
    )


@pytest.mark.parametrize("stage", [Stage.DRAFT, Stage.IN_REVIEW, Stage.APPROVED, Stage.DISCARDED])
def test_what_is_not_published_is_at_the_stage_it_is_kept_at(stage: Stage) -> None:
    """A withdrawal in review is in review."""
    assert stage_now(stage, is_newest_published=False, is_withdrawn=True, is_superseded=True) is stage
