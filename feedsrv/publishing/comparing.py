"""What a new revision changes, for the people who review it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from feedsrv.model.action import Action, title
from feedsrv.model.mitigation import Affects, Mitigation
from feedsrv.publishing.changes import Change, changes_between
from feedsrv.publishing.records import Revision
from feedsrv.publishing.sides import SidePair, lay_side_by_side, opcodes, unified

__all__ = ["Change", "Difference", "SidePair", "compare"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two revisions beside each other: by what they mean, and as bytes."""

    subject: str
    before: int | None
    """Number of the revision that it is laid beside; None where none was published before."""
    after: int
    text: str
    """A unified diff of the very bytes that are signed."""
    summary: tuple[str, ...]
    """What it means, one sentence each."""
    changes: tuple[Change, ...] = ()
    """Field by field, actions by their parts; what counts most first."""
    sides: tuple[SidePair, ...] = ()
    """The very bytes line by line, side by side; unchanged stretches are folded."""
    effects: tuple[str, ...] = ()
    """What publishing it does beyond its own words, one sentence each."""


def compare(before: Revision | None, after: Revision, *, effects: tuple[str, ...] = ()) -> Difference:
    """Lay a revision beside another one of the same mitigation, by default the one published before it."""
    old = before.unsigned.decode("utf-8").splitlines() if before else []
    new = after.unsigned.decode("utf-8").splitlines()
    codes = opcodes(old, new)
    names = (str(before) if before else "nothing published", str(after))
    sentences = _changes(before.mitigation, after.mitigation) if before else _beginning(after.mitigation)
    return Difference(
        subject=after.id,
        before=before.number if before else None,
        after=after.number,
        text=unified(old, new, codes, names),
        summary=tuple(sentences),
        changes=changes_between(before.mitigation if before else None, after.mitigation),
        sides=lay_side_by_side(old, new, codes),
        effects=effects,
    )


def _beginning(new: Mitigation) -> Iterator[str]:
    yield f"new: {new.title}"
    yield from (f"affects {line}" for one in new.affects for line in _lines(one))
    yield from (f"action {action.id}: {title(action)}" for action in new.actions)


# These say something of their own below, or differ in every revision.
_TOLD_APART = frozenset({"id", "revision", "issued", "status", "change", "affects", "actions"})


def _changes(old: Mitigation, new: Mitigation) -> Iterator[str]:
    if new.status is not old.status:
        yield f"status: {old.status} -> {new.status}"
    if new.change:
        yield f"reason: {new.change}"
    yield from _ranges(old, new)
    yield from _actions(old.actions, new.actions)
    for one in fields(Mitigation):
        was, now = getattr(old, one.name), getattr(new, one.name)
        if one.name not in _TOLD_APART and was != now:
            yield f"{one.name.replace('_', ' ')}: {_shown(was)} -> {_shown(now)}"


def _ranges(old: Mitigation, new: Mitigation) -> Iterator[str]:
    before = [line for one in old.affects for line in _lines(one)]
    after = [line for one in new.affects for line in _lines(one)]
    yield from (f"no longer affects {line}" for line in before if line not in after)
    yield from (f"affects {line}" for line in after if line not in before)


def _lines(affects: Affects) -> Iterator[str]:
    yield from (f"{affects.product} {build_range}" for build_range in affects.ranges)


def _actions(old: tuple[Action, ...], new: tuple[Action, ...]) -> Iterator[str]:
    before, after = ({action.id: action for action in actions} for actions in (old, new))
    for action_id, action in before.items():
        if action_id not in after:
            yield f"action {action_id} is gone: {title(action)}"
    for action_id, action in after.items():
        if action_id not in before:
            yield f"action {action_id} is new: {title(action)}"
        elif action != before[action_id]:
            yield f"action {action_id} is another: {title(action)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)
