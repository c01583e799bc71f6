"""Lists of revisions in memory: the same lines as those that the database makes of its columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from operator import attrgetter

from feedsrv.model.lifecycle import Stage, stage_now
from feedsrv.model.mitigation import Status
from feedsrv.model.supersession import successors
from feedsrv.publishing.records import Revision
from feedsrv.publishing.summaries import Asked, Summary, is_meant, summary_of, takes_over


class MemoryLists:
    """What lists show of these revisions, which come in order of id and number."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self._all = tuple(revisions)
        self._published = {one.id: one for one in self._all if one.stage is Stage.PUBLISHED}
        self._successors = self.successors()

    def page(self, asked: Asked) -> tuple[Summary, ...]:
        """The newest revision of each mitigation, as far as is asked."""
        newest = {one.id: one for one in self._all if one.stage is not Stage.DISCARDED}
        lines = map(self._line, newest.values())
        after = asked.after or ""
        return tuple(one for one in lines if one.id > after and is_meant(one, asked))[: asked.limit]

    def summaries(self, mitigation_id: str) -> tuple[Summary, ...]:
        """Every revision of one mitigation."""
        return tuple(self._line(one) for one in self._all if one.id == mitigation_id)

    def open_summaries(self) -> tuple[Summary, ...]:
        """Every revision that is under way."""
        return tuple(self._line(one) for one in self._all if one.is_open)

    def due_for_review(self, by: date, limit: int) -> tuple[Summary, ...]:
        """What is in force and must be looked at again by that day."""
        lines = map(self._line, self._published.values())
        due = [one for one in lines if one.stage is Stage.PUBLISHED and one.review_by <= by]
        return tuple(sorted(due, key=attrgetter("review_by", "id"))[:limit])

    def standing_summaries(self, ids: Collection[str]) -> tuple[Summary, ...]:
        """The newest published revision of each of these."""
        return tuple(self._line(one) for one in self._published.values() if one.id in ids)

    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each superseded id, who takes over from it."""
        standing = {one.id: one.mitigation for one in self._published.values()}
        found = {}
        for old, new in successors(standing.values()).items():
            channel = standing[old].channel if old in standing else None
            kept = tuple(one for one in new if channel is None or takes_over(standing[one].channel, channel))
            if kept:
                found[old] = kept
        return found

    def _line(self, revision: Revision) -> Summary:
        newest = self._published.get(revision.id)
        number = newest.number if newest else None
        stage = stage_now(
            revision.stage,
            is_newest_published=number == revision.number,
            is_withdrawn=revision.mitigation.status is Status.WITHDRAWN,
            is_superseded=revision.id in self._successors,
        )
        return summary_of(revision, newest.published if newest else None, number, stage)
