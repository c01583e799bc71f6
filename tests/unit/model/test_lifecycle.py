"""The life of a revision: what the table says is possible, and nothing else is."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest

from feedsrv.model.lifecycle import MOVES, Role, Stage, WrongStageError, move

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


@pytest.mark.parametrize("stage", [Stage.PUBLISHED, Stage.DISCARDED])
def test_what_is_over_stays_as_it_is(stage: Stage) -> None:
    """A published revision is only ever followed by another one."""
    assert not [verb for at, verb in MOVES if at is stage]


def test_nothing_is_published_that_was_not_approved_by_a_reviewer() -> None:
    """The one way to published leads through approved, and the one way there through a reviewer."""
    to_published = [(at, verb) for (at, verb), step in MOVES.items() if step.to is Stage.PUBLISHED]
    to_approved = [(at, step.role) for (at, _), step in MOVES.items() if step.to is Stage.APPROVED]

    assert to_published == [(Stage.APPROVED, "publish")]
    assert to_approved == [(Stage.IN_REVIEW, Role.REVIEWER)]


def test_any_edit_leads_back_to_draft() -> None:
    """Approval is of what was read, and of nothing else."""
    assert {step.to for (_, verb), step in MOVES.items() if verb == "edit"} == {Stage.DRAFT}
