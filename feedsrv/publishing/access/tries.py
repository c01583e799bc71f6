"""Sign-ins that were refused: counted, so that guessing ends in a lock, and written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.access.refusals import LockedOutError, WrongPasswordError
from feedsrv.publishing.audit import record
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people_records import Person
from feedsrv.publishing.ports import Work

FREE_TRIES: Final = 4
"""Wrong passwords in a row that change nothing; the next one locks."""
FIRST_LOCK: Final = timedelta(minutes=15)
LONGEST_LOCK: Final = timedelta(days=1)
_LONGEST: Final = 120
_LONGEST_NAME: Final = 64
"""Characters."""


def count_failure(work: Work, person: Person, at: datetime, browser: str) -> FeedsrvError:
    """One more wrong password; from the fifth on, each locks for longer."""
    failures = person.failures + 1
    doublings = failures - FREE_TRIES - 1
    span = min(FIRST_LOCK * 2 ** min(doublings, 10), LONGEST_LOCK) if doublings >= 0 else None
    until = None if span is None else at + span
    work.people.save(replace(person, failures=failures, locked_until=until))
    refused(work, at, person.name, WrongPasswordError.code, browser)
    if until is None:
        return WrongPasswordError()
    sentence = f"no password of {person.name} is accepted until {to_text(until)}, after {failures} wrong ones"
    tell(work, at, kind="person.locked", subject=person.name, by=person.name, sentence=sentence)
    return LockedOutError(until)


def refused(  # noqa: PLR0913 -- what is known of somebody who was not let in
    work: Work,
    at: datetime,
    name: str,
    code: str,
    browser: str,
    *,
    subject: str | None = None,
    is_known: bool = True,
) -> None:
    """Write down that somebody was not let in, and why; never a password, nor what may be one."""
    # People type passwords where names belong: of what is no name of ours, the log keeps a beginning.
    said = shortened(name)[:_LONGEST_NAME] if is_known else f"{shortened(name)[:3]}..."
    detail = {"why": code, "browser": shortened(browser)} | ({"subject": subject} if subject else {})
    record(work.audit, at, actor="nobody", verb="sign-in-refused", subject=said, detail=detail)


def shortened(text: str) -> str:
    """The beginning of what a browser or a person sent, without what cannot be seen."""
    return "".join(one for one in text[:_LONGEST] if one.isprintable())


def is_locked(person: Person, at: datetime) -> bool:
    """True while no password of this person is accepted."""
    return person.locked_until is not None and at < person.locked_until
