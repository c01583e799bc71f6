"""Whether our clock can be believed: by what was recorded before, by certificates, by other clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Final

from feedsrv.publishing.records import Head
from feedsrv.publishing.watching.certificates import watched
from feedsrv.publishing.watching.results import BOTH, NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import Seen
from feedsrv.publishing.watching.words import moment, span

BEHIND: Final = "clock.behind"
SKEWED: Final = "clock.skewed"
SILENT: Final = "clock.silent"
WARNING: Final = timedelta(minutes=1)
CRITICAL: Final = timedelta(minutes=5)
_SET_IT: Final = "Set the clock of this machine, and let a time service (NTP) keep it"


def clock_is_behind(seen: Seen) -> Iterator[Result]:
    """Behind our own newest record, or before our certificates begin; the value is by how many seconds."""
    records = [(head.feed.issued, f"the feed {head.name}") for head in _heads(seen)]
    if seen.store is not None and seen.store.clock_was_ahead:
        records = []  # every publication is an act, too, so that the newest act is witness enough
    if seen.store is not None and seen.store.newest_act is not None:
        act = seen.store.newest_act
        records.append((act.at, f"entry {act.seq} of the audit log"))
    if records:
        newest, what = max(records)
        yield _behind("records", seen, newest - seen.at, f"{what} of {moment(newest)}")
    if seen.trust is not None:
        begins = [(one.certificate.not_valid_before_utc, one) for one in watched(seen) if one.signs]
        if begins:
            first, one = min(begins, key=lambda pair: pair[0])
            what = f"{one.subject} began on {moment(first)}, the earliest of our certificates"
            yield _behind("certificates", seen, first - seen.at, what)


def _heads(seen: Seen) -> Iterator[Head]:
    if seen.store is not None:
        yield from seen.store.heads
    elif seen.shelf is not None:
        yield from seen.shelf.heads


def _behind(subject: str, seen: Seen, by: timedelta, what: str) -> Result:
    grade = _grade(by)
    if grade is Grade.OK:
        return Result(
            BEHIND,
            subject,
            grade,
            f"the clock is not behind our {subject}",
            value=max(0.0, by.total_seconds()),
        )
    return Result(
        BEHIND,
        subject,
        grade,
        f"the clock says {moment(seen.at)}, which is {span(by)} before {what}",
        f"{_SET_IT}. Where it is right and was ahead then, say so once with `feedsrv key crl "
        "--clock-is-right`",
        by.total_seconds(),
        BOTH if grade is Grade.CRITICAL else NEITHER,
    )


def clock_is_skewed(seen: Seen) -> Iterator[Result]:
    """Against the median of the other clocks; the value is by how many seconds ours is ahead."""
    said = [one for one in seen.clocks if one.ahead is not None]
    if not said:
        if not seen.clocks:
            yield Result(
                SKEWED,
                "",
                Grade.OK,
                "no other clock was asked: neither FEEDSRV_PUBLIC_URL nor FEEDSRV_CLOCK_SOURCES is set",
            )
        return
    ahead = timedelta(seconds=median(one.ahead.total_seconds() for one in said if one.ahead is not None))
    grade = _grade(abs(ahead))
    which = "ahead of" if ahead > timedelta(0) else "behind"
    sentence = f"the clock is {span(ahead)} {which} {_named([one.source for one in said])}"
    remedy = "" if grade is Grade.OK else _SET_IT
    yield Result(SKEWED, "", grade, sentence, remedy, ahead.total_seconds())


def clocks_are_silent(seen: Seen) -> Iterator[Result]:
    """Sources that say nothing of use."""
    for one in seen.clocks:
        if one.ahead is None:
            yield Result(
                SILENT,
                one.source,
                Grade.WARNING,
                f"{one.source} does not say what time it is: {one.why}",
                "See whether it can be reached from here, or name another in FEEDSRV_CLOCK_SOURCES",
            )
        else:
            yield Result(SILENT, one.source, Grade.OK, f"{one.source} says what time it is")


def _grade(by: timedelta) -> Grade:
    if by > CRITICAL:
        return Grade.CRITICAL
    return Grade.WARNING if by > WARNING else Grade.OK


def _named(sources: list[str]) -> str:
    if len(sources) == 1:
        return sources[0]
    return f"the median of {', '.join(sources)}"
