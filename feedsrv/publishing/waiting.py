"""What waits for whom, and what can be done with one revision: worked out of the lines of lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.lifecycle import Role, Stage, verbs_at
from feedsrv.publishing.people import is_among
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.summaries import Needs, Shown, Summary

COUNTERSIGN: Final = "countersign"
REVIEW_SOON: Final = timedelta(days=14)
"""How long before its `ReviewBy` a mitigation is shown as one to look at again."""


def needs_of(  # noqa: PLR0913 -- each is one list that the store keeps, and all are named
    name: str,
    roles: frozenset[Role],
    under_way: Iterable[Summary],
    *,
    alone: Iterable[Revision],
    standing: Iterable[Summary],
    review_soon: tuple[Summary, ...],
    updates: Iterable[Update],
) -> Needs:
    """What waits for somebody of that name who has these roles.

    `alone` are revisions that one person approved and nobody has countersigned, `standing` what is published
    newest of the same mitigations: one that was replaced since needs no second person any more.
    """
    lines = tuple(under_way)
    mine = [one for one in lines if is_among(name, one.hands)]
    drafts = [one for one in mine if one.stage is Stage.DRAFT] if Role.AUTHOR in roles else []
    in_review = [one for one in lines if one.stage is Stage.IN_REVIEW and one not in mine]
    approved = [one for one in lines if one.stage is Stage.APPROVED]
    may_review, may_publish = Role.REVIEWER in roles, Role.PUBLISHER in roles
    asks_for_updates = not roles.isdisjoint({Role.AUTHOR, Role.PUBLISHER})
    return Needs(
        to_review=tuple(in_review) if may_review else (),
        returned_to_me=tuple(one for one in drafts if one.returned_by is not None),
        my_drafts=tuple(one for one in drafts if one.returned_by is None),
        to_publish=tuple(approved) if may_publish else (),
        to_countersign=tuple(_to_countersign(name, alone, (*lines, *standing))) if may_review else (),
        review_soon=review_soon if not roles.isdisjoint({Role.AUTHOR, Role.REVIEWER}) else (),
        updates_waiting=tuple(one for one in updates if one.update.stage is UpdateStage.REGISTERED)
        if asks_for_updates
        else (),
    )


def _to_countersign(name: str, alone: Iterable[Revision], lines: Iterable[Summary]) -> Iterator[Summary]:
    known = {(one.id, one.number): one for one in lines}
    for one in alone:
        line, breaker = known.get((one.id, one.number)), one.break_glass
        if line is not None and breaker is not None and not is_among(name, (*one.hands, breaker.by)):
            yield line


def shown(
    revision: Revision, history: tuple[Summary, ...], superseded_by: tuple[str, ...], *, tag: str
) -> Shown:
    """A revision beside the history of its mitigation."""
    (line,) = (one for one in history if one.number == revision.number)
    kept = [one.number for one in history if one.stage is not Stage.DISCARDED]
    is_newest = kept[-1:] == [revision.number]
    return Shown(
        revision=revision,
        stage=line.stage,
        tag=tag,
        history=history,
        published=line.published_number,
        superseded_by=superseded_by,
        supersedes=revision.mitigation.supersedes,
        verbs=tuple(_verbs(revision, line, is_newest=is_newest)),
    )


def _verbs(revision: Revision, line: Summary, *, is_newest: bool) -> Iterator[str]:
    """Those of the table; only a countersignature is asked for whatever came after the revision."""
    if is_newest:
        yield from (verb for verb in verbs_at(line.stage) if verb != COUNTERSIGN)
    matters = revision.is_open or revision.number == line.published_number
    if line.has_break_glass and matters and COUNTERSIGN in verbs_at(revision.stage):
        yield COUNTERSIGN
