"""What a publication came to, for the people who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.publishing.proving import Made
from feedsrv.publishing.records import Head
from feedsrv.publishing.rehearsing import Rehearsal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went out, what waits, and what an earlier run had left to finish."""

    feeds: tuple[Head, ...] = ()
    """New versions, now current."""
    revisions: tuple[tuple[str, int], ...] = ()
    """Mitigation ids and revision numbers that went out."""
    released: tuple[CumulativeUpdate, ...] = ()
    held: tuple[str, ...] = ()
    """What waits, and for what; one sentence each."""
    recovered: str | None = None
    """What became of a publication that was cut short; None where there was none."""
    rehearsal: Rehearsal | None = None
    """Until when agents will accept what went out; None where nothing did."""

    @classmethod
    def of(
        cls,
        made: Made,
        *,
        held: tuple[str, ...] = (),
        recovered: str | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> Outcome:
        """What came of what was made."""
        return cls(
            feeds=tuple(one.head for one in made.feeds),
            revisions=tuple((one.revision.id, one.revision.number) for one in made.revisions),
            released=tuple(one.update for one in made.updates),
            held=held,
            recovered=recovered,
            rehearsal=rehearsal,
        )

    @property
    def nothing(self) -> bool:
        """True where nothing went out."""
        return not (self.feeds or self.revisions or self.released)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The whole outcome, a sentence at a time."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.recovered:
            yield self.recovered
        if self.nothing:
            yield "nothing to publish"
        for mitigation_id, number in self.revisions:
            yield f"published {mitigation_id} revision {number}"
        for update in self.released:
            yield f"released {update.product} {update.build} ({update.name})"
        for head in self.feeds:
            yield (
                f"feed {head.name} is now version {head.feed.version}, "
                f"fresh until {head.feed.expires:%Y-%m-%d %H:%M} UTC"
            )
        if self.rehearsal is not None:
            yield self.rehearsal.sentence
        yield from self.held
