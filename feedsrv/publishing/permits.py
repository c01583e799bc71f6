"""Whether somebody may act in a role; asked once by each verb, whichever door they came by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from feedsrv.errors import NotAllowedError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people import folded
from feedsrv.publishing.people_records import Person, Principal

May = Callable[[str, Role], None]
"""Refuses whoever may not act in a role; given their name and that role."""


class MissingRoleError(NotAllowedError):
    """This person has not the role that the act needs."""

    code = "access.missing_role"

    def __init__(self, name: str, role: Role, held: Iterable[Role] = ()) -> None:
        has = ", ".join(sorted(held)) or "no role"
        super().__init__(
            f"{name} needs the role {role} for this and has {has}; an administrator gives roles "
            "(`feedsrv user list` shows them), or the groups of the identity provider do"
        )


class NotThemselvesError(NotAllowedError):
    """Somebody acts in the name of somebody else."""

    code = "access.not_themselves"

    def __init__(self, who: str, named: str) -> None:
        super().__init__(f"{who} cannot act in the name of {named}")


class UnknownPersonError(NotAllowedError):
    """Nobody of that name works here, or no longer."""

    code = "access.unknown_person"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"nobody called {name} works here: say who acts with --as, or FEEDSRV_AS; `feedsrv user list` "
            "shows everybody, `feedsrv user add` adds somebody"
        )


def anybody(name: str, role: Role) -> None:
    """No questions asked: nobody is registered yet, or the keys protect nothing."""
    del name, role


def only(principal: Principal) -> May:
    """Lets one person act, in their own name and in the roles that they have now."""

    def may(name: str, role: Role) -> None:
        if folded(name) != folded(principal.name):
            raise NotThemselvesError(principal.name, name)
        if role not in principal.roles:
            raise MissingRoleError(principal.name, role, principal.roles)

    return may


def registered(people: Iterable[Person]) -> May:
    """Lets registered people act in their roles; anybody where nobody is registered yet."""
    known: Final = {folded(one.name): one for one in people}

    def may(name: str, role: Role) -> None:
        if not known:
            return
        person = known.get(folded(name))
        if person is None or person.removed_at is not None:
            raise UnknownPersonError(name)
        if role not in person.roles:
            raise MissingRoleError(person.name, role, person.roles)

    return may
