"""Who may change people, tokens and webhooks, asked within the unit of work that does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.audit import record
from feedsrv.publishing.people import folded
from feedsrv.publishing.people_records import COMMAND_LINE, Person, Principal
from feedsrv.publishing.permits import MissingRoleError, UnknownPersonError
from feedsrv.publishing.ports import Work


def admit(work: Work, by: Principal, act: str) -> None:
    """Refuse whoever may not do an act of the table `ACTS`, as things stand in this unit of work.

    Whoever is at the command line may act while there is no administrator: they could as well write
    the database's file, and somebody must be the first.

    Raises:
        UnknownPersonError: they were removed.
        MissingRoleError: they have not the role, or no longer.
    """
    role = ACTS[act]
    if is_command_line(by) and not has_administrator(work.people.all()):
        return
    roles = roles_now(work, by)
    if role not in roles:
        raise MissingRoleError(by.name, role, roles)


def roles_now(work: Work, by: Principal) -> frozenset[Role]:
    """The roles of somebody who came by a door, as far as they still have them.

    Raises:
        UnknownPersonError: they were removed in between.
    """
    person = work.people.find(by.name)
    if person is None:
        return by.roles
    if person.removed_at is not None:
        raise UnknownPersonError(by.name)
    return by.roles & person.roles


def is_command_line(by: Principal) -> bool:
    """True for whoever has a shell on this machine."""
    return by.via.startswith(COMMAND_LINE)


def is_themselves(by: Principal, name: str) -> bool:
    """True where somebody acts upon what is their own."""
    return folded(by.name) == folded(name)


def has_administrator(people: Iterable[Person], *, besides: Person | None = None) -> bool:
    """True where somebody can give roles; somebody else than `besides`."""
    return any(
        Role.ADMINISTRATOR in one.roles and one.removed_at is None
        for one in people
        if besides is None or folded(one.name) != folded(besides.name)
    )


def note(work: Work, at: datetime, by: Principal, verb: str, about: str, **detail: str) -> None:
    """Write an act into the audit log, with the door by which it came."""
    record(work.audit, at, actor=by.name, verb=verb, subject=about, detail={**detail, "via": by.via})
