"""The life of a revision as one table; a pair that is missing is a refusal.

Beside it, whose act every other verb is. Console, API, command line, documentation and tests all read
these two tables.
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
    # The last two are worked out by `stage_now` and never kept: what was published stays what it was.
    SUPERSEDED = "superseded"
    """Published; a newer revision, or another mitigation, was published since and stands in its place."""
    WITHDRAWN = "withdrawn"
    """Published, and it takes the mitigation back everywhere."""


class Role(StrEnum):
    """What a person may do here; one person may have several."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    PUBLISHER = "publisher"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Move:
    """Where a verb leads, and whose verb it is."""

    to: Stage
    role: Role


MOVES: Final[dict[tuple[Stage, str], Move]] = {
    (Stage.DRAFT, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.DRAFT, "submit"): Move(Stage.IN_REVIEW, Role.AUTHOR),
    (Stage.DRAFT, "discard"): Move(Stage.DISCARDED, Role.AUTHOR),
    (Stage.DRAFT, "break-glass"): Move(Stage.APPROVED, Role.PUBLISHER),
    (Stage.IN_REVIEW, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.IN_REVIEW, "return"): Move(Stage.DRAFT, Role.REVIEWER),
    (Stage.IN_REVIEW, "approve"): Move(Stage.APPROVED, Role.REVIEWER),
    (Stage.IN_REVIEW, "break-glass"): Move(Stage.APPROVED, Role.PUBLISHER),
    (Stage.APPROVED, "edit"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.APPROVED, "return"): Move(Stage.DRAFT, Role.REVIEWER),
    (Stage.APPROVED, "countersign"): Move(Stage.APPROVED, Role.REVIEWER),
    (Stage.APPROVED, "publish"): Move(Stage.PUBLISHED, Role.PUBLISHER),
    (Stage.PUBLISHED, "countersign"): Move(Stage.PUBLISHED, Role.REVIEWER),
    (Stage.SUPERSEDED, "countersign"): Move(Stage.SUPERSEDED, Role.REVIEWER),
    (Stage.WITHDRAWN, "countersign"): Move(Stage.WITHDRAWN, Role.REVIEWER),
    # These two begin the next revision; the published one stays as it is.
    (Stage.PUBLISHED, "revise"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.PUBLISHED, "withdraw"): Move(Stage.IN_REVIEW, Role.AUTHOR),
    (Stage.SUPERSEDED, "revise"): Move(Stage.DRAFT, Role.AUTHOR),
    (Stage.SUPERSEDED, "withdraw"): Move(Stage.IN_REVIEW, Role.AUTHOR),
    (Stage.WITHDRAWN, "revise"): Move(Stage.DRAFT, Role.AUTHOR),
}

FRESH: Final = frozenset({"approve", "break-glass", "countersign", "publish", "withdraw"})
"""Verbs for which somebody at the console must have signed in a short while ago."""

ACTS: Final[dict[str, Role]] = {
    "mitigation.import": Role.AUTHOR,
    "catalogue.import": Role.AUTHOR,
    "update.register": Role.AUTHOR,
    "update.discard": Role.AUTHOR,
    "update.release": Role.PUBLISHER,
    "feed.publish": Role.PUBLISHER,
    "feed.refresh": Role.PUBLISHER,
    "unsigned.withdraw": Role.PUBLISHER,
    "key.change": Role.ADMINISTRATOR,
    "trust.change": Role.ADMINISTRATOR,
    "people.change": Role.ADMINISTRATOR,
    "webhooks.change": Role.ADMINISTRATOR,
    "audit.read": Role.AUDITOR,
}
"""Whose act each verb is that moves no revision. What is not here may be done by whoever has a role."""


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


def role_of(verb: str) -> Role:
    """Whose act a verb is, in either table; from every stage the same.

    >>> str(role_of("approve"))
    'reviewer'
    """
    return ACTS.get(verb) or next(step.role for (_, known), step in MOVES.items() if known == verb)


def stage_now(stage: Stage, *, is_newest_published: bool, is_withdrawn: bool, is_superseded: bool) -> Stage:
    """The stage as people see it, of a revision that is kept at `stage`.

    `is_newest_published`: no newer revision of its mitigation was published; `is_withdrawn`: its words
    withdraw; `is_superseded`: another active mitigation supersedes this one.
    """
    if stage is not Stage.PUBLISHED:
        return stage
    if not is_newest_published:
        return Stage.SUPERSEDED
    if is_withdrawn:
        return Stage.WITHDRAWN
    return Stage.SUPERSEDED if is_superseded else Stage.PUBLISHED


def verbs_at(stage: Stage) -> tuple[str, ...]:
    """What can be done at a stage, in the table's order."""
    return tuple(verb for at, verb in MOVES if at is stage)
