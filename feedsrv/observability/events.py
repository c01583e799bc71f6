"""Numbered events that people act on, in pairs: a condition begins, and the condition ends.

Whoever watches a log by number sees each trouble once when it comes and once when it goes, however
often it was looked at in between. What failed and what worked in one attempt is one event, which names
the failing step. The tables themselves lie with whoever knows the conditions; `docs/events.md` is made
from them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feedsrv.clock import to_text


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind of trouble, and the two events that frame it."""

    name: str
    """Stable, such as `feed.refused`; what stands in log lines beside the numbers."""
    begins: int
    """Number of the event at its begin; that at its end is one higher."""
    level: int
    """Of the event at its begin, in the words of `logging`; its end is told as information."""
    summary: str
    """What is the case while it lasts, in a few words."""
    cause: str
    resolution: str

    @property
    def ends(self) -> int:
        """Number of the event at its end."""
        return self.begins + 1


@dataclass(frozen=True, slots=True)
class Open:
    """A condition that has begun and not ended."""

    name: str
    subject: str
    """What it is about, such as a feed or a certificate; empty where there is only one."""
    since: datetime
    detail: str


Found = Mapping[tuple[str, str], str]
"""What is the case now: by name and subject, the detail for people."""


class Conditions:
    """A table of conditions, and which of them are open; the caller keeps `open` between looks."""

    def __init__(self, table: Iterable[Condition], log: logging.Logger, opened: Iterable[Open] = ()) -> None:
        self._table: Final = {one.name: one for one in table}
        self._log = log
        # One that a later version no longer knows cannot be ended by anybody: it is dropped unsaid.
        self._open = {(one.name, one.subject): one for one in opened if one.name in self._table}

    @property
    def open(self) -> tuple[Open, ...]:
        """What is open, in order of name and subject."""
        return tuple(self._open[key] for key in sorted(self._open))

    def tell(self, found: Found, *, judged: Iterable[str], at: datetime) -> None:
        """Log what begins and what ends, as of a look that judged the conditions named.

        A condition that was not judged stays as it was: who could not look knows nothing.

        Raises:
            KeyError: a condition that is not in the table.
        """
        looked = set(judged)
        for name in looked | {name for name, _ in found}:
            _ = self._table[name]
        for key in [key for key in self._open if key[0] in looked and key not in found]:
            self._end(self._open.pop(key), at)
        for key, detail in sorted(found.items()):
            if key in self._open:
                old = self._open[key]
                self._open[key] = Open(*key, old.since, detail)
            else:
                self._open[key] = Open(*key, at, detail)
                self._begin(self._open[key])

    def _begin(self, opened: Open) -> None:
        condition = self._table[opened.name]
        self._log.log(
            condition.level,
            opened.name,
            extra={
                "event": condition.begins,
                **({"subject": opened.subject} if opened.subject else {}),
                "detail": opened.detail,
                "cause": condition.cause,
                "resolution": condition.resolution,
            },
        )

    def _end(self, opened: Open, at: datetime) -> None:
        condition = self._table[opened.name]
        self._log.info(
            "%s.ended",
            opened.name,
            extra={
                "event": condition.ends,
                **({"subject": opened.subject} if opened.subject else {}),
                "since": to_text(opened.since),
                "until": to_text(at),
            },
        )
