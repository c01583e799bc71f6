"""Who may act in which role, by either door."""

from __future__ import annotations

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.permits import (
    MissingRoleError,
    NotThemselvesError,
    UnknownPersonError,
    anybody,
    only,
    registered,
)
from tests.desk import person

ANNA = person("Anna Liddell", Role.AUTHOR, Role.REVIEWER)


@pytest.mark.parametrize("role", list(Role))
def test_before_anybody_is_registered_everybody_may_everything(role: Role) -> None:
    """The first start needs no ceremony."""
    anybody("anna", role)
    registered(())("anna", role)


@pytest.mark.parametrize("name", ["Anna Liddell", "anna liddell", " ANNA  Liddell ", "\uff21nna liddell"])
def test_a_registered_person_acts_in_their_roles(name: str) -> None:
    """However their name is typed."""
    may = registered((ANNA,))

    may(name, Role.AUTHOR)

    with pytest.raises(MissingRoleError, match=r"Anna Liddell needs the role publisher .* author, reviewer"):
        may(name, Role.PUBLISHER)


def test_somebody_without_any_role_hears_so() -> None:
    """A list of nothing would be no sentence."""
    with pytest.raises(MissingRoleError, match="ben needs the role author for this and has no role"):
        registered((person("ben"),))("ben", Role.AUTHOR)


@pytest.mark.parametrize("name", ["mallory", "anna", "Anna Lidell"])
def test_strangers_do_not_act_once_somebody_is_registered(name: str) -> None:
    """A slip of the pen is a stranger, too."""
    with pytest.raises(UnknownPersonError, match="nobody called"):
        registered((ANNA,))(name, Role.AUTHOR)


def test_whoever_was_removed_does_not_act() -> None:
    """Nor is their name free for somebody else; that only removed people are known opens no door."""
    gone = person("carl", Role.AUTHOR, removed=True)

    for people in ((ANNA, gone), (gone,)):
        with pytest.raises(UnknownPersonError, match="nobody called carl works here"):
            registered(people)("carl", Role.AUTHOR)


def test_whoever_is_signed_in_acts_as_themselves() -> None:
    """In the roles that they have at this moment."""
    may = only(Principal("anna", frozenset({Role.AUTHOR}), "console"))

    may(" Anna", Role.AUTHOR)

    with pytest.raises(MissingRoleError):
        may("anna", Role.REVIEWER)
    with pytest.raises(NotThemselvesError):
        may("ben", Role.AUTHOR)
