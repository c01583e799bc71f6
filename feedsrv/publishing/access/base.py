"""What every part of the people desk works with: the store, and how long a sign-in lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.clock import Clock
from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.access.passwords import Passwords
from feedsrv.publishing.access.refusals import RemovedPersonError, TokenByTokenError
from feedsrv.publishing.admitting import admit, is_command_line, is_themselves, roles_now
from feedsrv.publishing.people import LONGEST
from feedsrv.publishing.people_records import CONSOLE, Person, Principal, SignIn
from feedsrv.publishing.permits import UnknownPersonError
from feedsrv.publishing.ports import Store, Work


class AccessDesk:
    """The store of people, and how long a sign-in lasts."""

    def __init__(  # noqa: PLR0913 -- a store, a clock, and what an operator chose
        self,
        store: Store,
        *,
        now: Clock,
        session_span: timedelta,
        session_idle: timedelta,
        local_accounts: bool,
        passwords: Passwords | None = None,
    ) -> None:
        """`session_span`: after which a sign-in ends; `session_idle`: after which an unused one does.

        `local_accounts`: whether people sign in with a password that is kept here.
        """
        self._store: Final = store
        self._now: Final = now
        self._span: Final = session_span
        self._idle: Final = session_idle
        self._local: Final = local_accounts
        self._passwords: Final = passwords or Passwords()

    @property
    def has_local_accounts(self) -> bool:
        """True where people sign in with a password that is kept here."""
        return self._local


def known(work: Work, name: str) -> Person:
    """The person of that name, removed or not.

    Raises:
        UnknownPersonError: there is none.
    """
    person = work.people.find(askable(name))
    if person is None:
        raise UnknownPersonError(f"{name[:LONGEST]!a}")
    return person


def working(work: Work, name: str) -> Person:
    """The person of that name, who works here.

    Raises:
        UnknownPersonError: there is none.
        RemovedPersonError: they were removed.
    """
    person = known(work, name)
    if person.removed_at is not None:
        raise RemovedPersonError(person.name)
    return person


def askable(name: str) -> str:
    """A name that the store can be asked for; empty, which is nobody's, for what can be no name."""
    return name if len(name) <= LONGEST * 2 and name.isprintable() else ""


def admit_to(work: Work, by: Principal, owner: str | None) -> None:
    """Refuse whoever may not end what belongs to `owner`: people end their own, administrators everybody's.

    A token that leaked must not keep its owner from working. `owner` is None where there is no such thing.

    Raises:
        TokenByTokenError: a token asks for what only its owner may do.
        NotAllowedError: it is somebody else's.
    """
    is_own = owner is not None and is_themselves(by, owner)
    if is_own and (by.via == CONSOLE or is_command_line(by)):
        return
    if is_own and ACTS["people.change"] not in roles_now(work, by):
        raise TokenByTokenError
    admit(work, by, "people.change")


def end(work: Work, sign_ins: Iterable[SignIn], at: datetime) -> int:
    """End those of these sign-ins that have not ended; returns how many."""
    open_ones = [one for one in sign_ins if one.ended_at is None]
    for one in open_ones:
        work.sign_ins.save(replace(one, ended_at=at))
    return len(open_ones)


def listed(roles: Iterable[Role]) -> str:
    """Roles for people and the audit log, in order."""
    return ", ".join(sorted(roles)) or "none"
