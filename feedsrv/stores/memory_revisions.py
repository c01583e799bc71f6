"""Revisions of mitigations in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Revision, Standing
from feedsrv.publishing.summaries import Asked, Summary
from feedsrv.stores.memory_lists import MemoryLists


@dataclass
class MemoryRevisions:
    """Revisions of mitigations, by id and number."""

    kept: dict[tuple[str, int], Revision] = field(default_factory=dict)

    def _all(self) -> list[Revision]:
        return [self.kept[key] for key in sorted(self.kept)]

    def get(self, mitigation_id: str, number: int) -> Revision | None:
        """That revision, or None."""
        return self.kept.get((mitigation_id, number))

    def history(self, mitigation_id: str) -> tuple[Revision, ...]:
        """Every revision of one mitigation, oldest first."""
        return tuple(one for one in self._all() if one.id == mitigation_id)

    def last(self, mitigation_id: str) -> Revision | None:
        """The newest revision that is not discarded, or None."""
        found = [one for one in self.history(mitigation_id) if one.stage is not Stage.DISCARDED]
        return found[-1] if found else None

    def published(self, mitigation_id: str, *, below: int | None = None) -> Revision | None:
        """The newest published revision, or None."""
        found = [one for one in self.history(mitigation_id) if one.stage is Stage.PUBLISHED]
        kept = [one for one in found if below is None or one.number < below]
        return kept[-1] if kept else None

    def newest(self) -> tuple[Revision, ...]:
        """The newest revision of each mitigation that is not discarded."""
        newest = {one.id: one for one in self._all() if one.stage is not Stage.DISCARDED}
        return tuple(newest.values())

    def at_stage(self, stage: Stage) -> tuple[Revision, ...]:
        """Every revision at that stage."""
        return tuple(one for one in self._all() if one.stage is stage)

    def standing(self) -> tuple[Standing, ...]:
        """The newest published revision of each mitigation."""
        newest = {
            one.id: Standing(one.mitigation, one.published)
            for one in self._all()
            if one.stage is Stage.PUBLISHED and one.published is not None
        }
        return tuple(newest.values())

    def published_numbers(self, of: Collection[str] | None = None) -> Mapping[str, tuple[int, ...]]:
        """Every published revision number, by mitigation id."""
        numbers: dict[str, tuple[int, ...]] = {}
        for one in self.at_stage(Stage.PUBLISHED):
            if of is None or one.id in of:
                numbers[one.id] = (*numbers.get(one.id, ()), one.number)
        return numbers

    def first_published(self) -> Mapping[str, datetime]:
        """When the first revision of each mitigation was published."""
        first: dict[str, datetime] = {}
        for one in self.at_stage(Stage.PUBLISHED):
            if one.published is not None:
                first.setdefault(one.id, one.published.at)
        return first

    def emergencies(self) -> tuple[Revision, ...]:
        """Every revision that one person approved alone and nobody countersigned."""
        return tuple(
            one
            for one in self._all()
            if one.break_glass and not one.break_glass.countersigned_at and one.stage is not Stage.DISCARDED
        )

    def ids(self) -> tuple[str, ...]:
        """Every id that was ever given, in order."""
        return tuple(sorted({mitigation_id for mitigation_id, _ in self.kept}))

    def page(self, asked: Asked) -> tuple[Summary, ...]:
        """The newest revision of each mitigation that is not discarded, as far as is asked."""
        return MemoryLists(self._all()).page(asked)

    def summaries(self, mitigation_id: str) -> tuple[Summary, ...]:
        """Every revision of one mitigation, oldest first."""
        return MemoryLists(self._all()).summaries(mitigation_id)

    def open_summaries(self) -> tuple[Summary, ...]:
        """Every revision that is under way."""
        return MemoryLists(self._all()).open_summaries()

    def due_for_review(self, by: date, limit: int) -> tuple[Summary, ...]:
        """What is in force and must be looked at again by that day."""
        return MemoryLists(self._all()).due_for_review(by, limit)

    def standing_summaries(self, ids: Collection[str]) -> tuple[Summary, ...]:
        """The newest published revision of each of these."""
        return MemoryLists(self._all()).standing_summaries(ids)

    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each superseded id, the active published mitigations that take over from it."""
        return MemoryLists(self._all()).successors()

    def save(self, revision: Revision) -> None:
        """Keep a revision; one of the same id and number is replaced."""
        self.kept[revision.id, revision.number] = revision
