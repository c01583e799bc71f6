"""The life of a revision as one table; a pair that is missing is a refusal.

Superseded and withdrawn are said by a newer revision or another mitigation, never by moving an
old one: what was published stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from feedsrv.errors import NotAllowedError


class Stage(StrEnum):
    """How far one revision has come."""

    DRAFT = "draft"
    IN_REVIEW = "in review"
    APPROVED = "approved"
    PUBLISHED = "published"
    DISCARDED = "discarded"


class Role(StrEnum):
    """Who makes a move."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Move:
    """Where a verb leads, and whose verb it is."""

    to: Stage
    role: Role


MOVES: Final[dict[tuple[Stage, str], Move]] = {
    (Stage.DRAFT, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.DRAFT, "submit"): Move(Stage.IN_REVIEW, Role.AUTHOR),
    (Stage.DRAFT, "discard"): Move(Stage.DISCARDED, Role.AUTHOR),
    (Stage.IN_REVIEW, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.IN_REVIEW, "return"): Move(Stage.DRAFT, Role.REVIEWER),
    (Stage.IN_REVIEW, "approve"): Move(Stage.APPROVED, Role.REVIEWER),
    (Stage.APPROVED, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.APPROVED, "return"): Move(Stage.DRAFT, Role.REVIEWER),
    (Stage.APPROVED, "publish"): Move(Stage.PUBLISHED, Role.PUBLISHER),
}


class WrongStageError(NotAllowedError):
    """This move does not lead on from that stage."""

    code = "lifecycle.wrong_stage"

    def __init__(self, stage: Stage, verb: str) -> None:
        possible = ", ".join(known for at, known in MOVES if at is stage) or "nothing"
        super().__init__(f"{verb} is not possible while {stage}; possible is {possible}")


def move(stage: Stage, verb: str) -> Move:
    """Where `verb` leads from `stage`.

    Raises:
        WrongStageError: nowhere.
    """
    try:
        return MOVES[stage, verb]
    except KeyError:
        raise WrongStageError(stage, verb) from None
