"""What publishing needs kept of mitigations: every revision, and lists of them that read no document.

Part of a `Work`; `feedsrv.stores` holds the back ends, asked the same questions in `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Protocol

from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Revision, Standing
from feedsrv.publishing.summaries import Asked, Summary


class Revisions(Protocol):
    """Revisions of mitigations, by id and number."""

    def get(self, mitigation_id: str, number: int) -> Revision | None:
        """That revision, or None."""

    def history(self, mitigation_id: str) -> tuple[Revision, ...]:
        """Every revision of one mitigation, oldest first, discarded ones too."""

    def last(self, mitigation_id: str) -> Revision | None:
        """The newest revision that is not discarded, or None."""

    def published(self, mitigation_id: str, *, below: int | None = None) -> Revision | None:
        """The newest published revision, or None; of those with a lower number than `below`."""

    def newest(self) -> tuple[Revision, ...]:
        """The newest revision of each mitigation that is not discarded, in order of id."""

    def at_stage(self, stage: Stage) -> tuple[Revision, ...]:
        """Every revision at that stage, in order of id and number."""

    def standing(self) -> tuple[Standing, ...]:
        """The newest published revision of each mitigation, in order of id; quick for thousands."""

    def published_numbers(self, of: Collection[str] | None = None) -> Mapping[str, tuple[int, ...]]:
        """Every revision number that was published, by mitigation id; of these mitigations, or of all."""

    def first_published(self) -> Mapping[str, datetime]:
        """When the first revision of each mitigation was published, by id."""

    def emergencies(self) -> tuple[Revision, ...]:
        """Every revision that one person approved alone and nobody countersigned, in order."""

    def ids(self) -> tuple[str, ...]:
        """Every id that was ever given, in order; those of discarded drafts, too."""

    def page(self, asked: Asked) -> tuple[Summary, ...]:
        """The newest revision of each mitigation that is not discarded, as far as is asked; by id."""

    def summaries(self, mitigation_id: str) -> tuple[Summary, ...]:
        """Every revision of one mitigation, oldest first, discarded ones too."""

    def open_summaries(self) -> tuple[Summary, ...]:
        """Every revision that is under way, in order of id."""

    def due_for_review(self, by: date, limit: int) -> tuple[Summary, ...]:
        """What is in force and must be looked at again by that day, the most pressing first."""

    def standing_summaries(self, ids: Collection[str]) -> tuple[Summary, ...]:
        """The newest published revision of each of these, in order of id."""

    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each superseded id, the active published mitigations that take over from it, in order.

        Those of another channel take over from nothing there, unless theirs is production.
        """

    def save(self, revision: Revision) -> None:
        """Keep a revision; one of the same id and number is replaced."""
