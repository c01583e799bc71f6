"""People: added, given roles, removed; nobody is forgotten, and no name is ever given twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.base import AccessDesk, end, known, listed, working
from feedsrv.publishing.access.passwords import check_password
from feedsrv.publishing.access.refusals import (
    BadEmailError,
    BadShownNameError,
    ByProviderError,
    LastAdministratorError,
    NoLocalAccountsError,
    ReservedNameError,
    SameHumanError,
    TakenNameError,
)
from feedsrv.publishing.admitting import admit, has_administrator, note
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people import KEEPER, checked_name, folded, is_among
from feedsrv.publishing.people_records import COMMAND_LINE, Person, Principal
from feedsrv.publishing.permits import UnknownPersonError
from feedsrv.publishing.ports import Work
from feedsrv.publishing.refusals import BadNameError

RESERVED: Final = frozenset({KEEPER, "feedsrv", "nobody", "system", "unknown"})
"""Names under which parts of this service act, or that stand for nobody."""
_PAGES: Final = frozenset({"new"})
"""Names of pages beside those of people, which would hide the person's."""
LONGEST_SHOWN: Final = 120
LONGEST_EMAIL: Final = 254
"""Characters."""
_EMAIL: Final = re.compile(r"[^\s@<>\"'(),:;\\\[\]]+@[^\s@<>\"'(),:;\\\[\]]+")


class Accounts(AccessDesk):
    """Who works here, and in which roles."""

    def everybody(self) -> tuple[Person, ...]:
        """Everybody, removed people too, in order of name."""
        with self._store.look() as work:
            return work.people.all()

    def person(self, name: str) -> Person:
        """Whoever has that name, however it is typed.

        Raises:
            UnknownPersonError: nobody has.
        """
        with self._store.look() as work:
            return known(work, name)

    def at_command_line(self, name: str, *, via: str = COMMAND_LINE) -> Principal:
        """Who acts at the command line; `via` begins so, and says from which account of the machine.

        Whoever has a shell here may act in every role while nobody is registered, and as administrator
        while there is none.

        Raises:
            UnknownPersonError: people are registered, and nobody of that name, or no longer.
        """
        checked = checked_name(name)
        with self._store.look() as work:
            people = work.people.all()
            person = work.people.find(checked)
        if not people:
            return Principal(checked, frozenset(Role), via)
        if person is not None and person.removed_at is None:
            return Principal(person.name, person.roles, via)
        if has_administrator(people):
            raise UnknownPersonError(checked)
        return Principal(checked, frozenset({Role.ADMINISTRATOR}), via)

    def add(  # noqa: PLR0913 -- what is known of a person
        self,
        name: str,
        *,
        roles: Iterable[Role],
        password: str | None,
        by: Principal,
        shown: str = "",
        email: str | None = None,
    ) -> Person:
        """Add somebody; without a password for whoever acts at the command line alone, or is linked later.

        Raises:
            BadInputError: a name, an address or a password that cannot be used.
            TakenNameError: somebody has, or had, that name.
            SameHumanError: somebody has that e-mail address.
            NoLocalAccountsError: a password was given, and none is asked for here.
            NotAllowedError: `by` may not.
        """
        checked = usable_name(name)
        seen = shown_name(shown or checked)
        box = None if not email else checked_email(email)
        kept = self._hashed(password, checked, by)
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            if work.people.find(checked) is not None:
                raise TakenNameError(checked)
            refuse_same_human(work, box, besides=None, subject=None)
            person = Person(
                name=checked,
                shown=seen,
                email=box,
                subject=None,
                roles=frozenset(roles),
                password=kept,
                since=at,
                by=by.name,
            )
            work.people.save(person)
            note(work, at, by, "person-add", checked, roles=listed(person.roles))
            sentence = f"{by.name} added {checked} with the roles: {listed(person.roles)}"
            tell(work, at, kind="person.added", subject=checked, by=by.name, sentence=sentence)
        return person

    def change_roles(self, name: str, roles: Iterable[Role], *, by: Principal) -> Person:
        """Give somebody these roles and no others; they hold from their next request on.

        Raises:
            ByProviderError: the identity provider's groups say.
            LastAdministratorError: nobody would be left who can give roles.
            RemovedPersonError: they were removed.
            NotAllowedError: `by` may not.
        """
        wanted = frozenset(roles)
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = working(work, name)
            if person.subject is not None:
                raise ByProviderError(person.name, "roles")
            if wanted == person.roles:
                return person
            if Role.ADMINISTRATOR not in wanted:
                _refuse_last(work, person)
            changed = replace(person, roles=wanted)
            work.people.save(changed)
            note(work, at, by, "person-roles", person.name, before=listed(person.roles), after=listed(wanted))
            sentence = f"{by.name} gave {person.name} the roles: {listed(wanted)}"
            tell(work, at, kind="person.roles", subject=person.name, by=by.name, sentence=sentence)
        return changed

    def change_email(self, name: str, email: str | None, *, by: Principal) -> Person:
        """Write down somebody's address, by which one person with two accounts is known.

        Raises:
            BadEmailError: it is no address.
            SameHumanError: somebody else has it.
            ByProviderError: the identity provider says.
            NotAllowedError: `by` may not.
        """
        box = None if not email else checked_email(email)
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = working(work, name)
            if person.subject is not None:
                raise ByProviderError(person.name, "addresses")
            refuse_same_human(work, box, besides=person, subject=None)
            changed = replace(person, email=box)
            work.people.save(changed)
            note(work, at, by, "person-email", person.name, address="written down" if box else "forgotten")
        return changed

    def set_password(self, name: str, password: str, *, by: Principal) -> Person:
        """Give somebody a new password: every sign-in of theirs ends, and so does a lock; tokens stay.

        Raises:
            WeakPasswordError: others would guess it.
            NoLocalAccountsError: none is asked for here.
            RemovedPersonError: they were removed.
            NotAllowedError: `by` may not.
        """
        kept = self._hashed(password, self.person(name).name, by)
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = working(work, name)
            changed = replace(person, password=kept, failures=0, locked_until=None)
            work.people.save(changed)
            end(work, work.sign_ins.of(person.name), at)
            note(work, at, by, "person-password", person.name)
            sentence = f"{by.name} gave {person.name} a new password"
            tell(work, at, kind="person.password", subject=person.name, by=by.name, sentence=sentence)
        return changed

    def remove(self, name: str, *, by: Principal) -> Person:
        """Let somebody in no more: their sign-ins end and their tokens are revoked, all at once.

        Their name stays theirs in the audit log for ever.

        Raises:
            LastAdministratorError: nobody would be left who can give roles.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = known(work, name)
            if person.removed_at is not None:
                return person
            _refuse_last(work, person)
            removed = replace(person, removed_at=at)
            work.people.save(removed)
            end(work, work.sign_ins.of(person.name), at)
            for token in work.tokens.all():
                if is_among(token.owner, (person.name,)) and token.revoked_at is None:
                    work.tokens.save(replace(token, revoked_at=at, revoked_by=by.name))
            note(work, at, by, "person-remove", person.name)
            sentence = f"{by.name} removed {person.name}: sign-ins are ended, tokens revoked"
            tell(work, at, kind="person.removed", subject=person.name, by=by.name, sentence=sentence)
        return removed

    def restore(self, name: str, *, by: Principal) -> Person:
        """Let somebody in again, with the roles they had; sign-ins and tokens stay ended.

        Raises:
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = known(work, name)
            if person.removed_at is None:
                return person
            restored = replace(person, removed_at=None, failures=0, locked_until=None)
            work.people.save(restored)
            note(work, at, by, "person-restore", person.name, roles=listed(person.roles))
            sentence = f"{by.name} restored {person.name} with the roles: {listed(person.roles)}"
            tell(work, at, kind="person.restored", subject=person.name, by=by.name, sentence=sentence)
        return restored

    def unlock(self, name: str, *, by: Principal) -> Person:
        """Accept passwords of somebody again, and forget the wrong ones.

        Raises:
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = known(work, name)
            if not person.failures and person.locked_until is None:
                return person
            unlocked = replace(person, failures=0, locked_until=None)
            work.people.save(unlocked)
            note(work, at, by, "person-unlock", person.name)
        return unlocked

    def _hashed(self, password: str | None, name: str, by: Principal) -> str | None:
        """What is kept of a password; asked before the store is held, since it takes its time."""
        if password is None:
            return None
        if not self._local:
            raise NoLocalAccountsError
        check_password(password, name=name)
        with self._store.look() as work:
            admit(work, by, "people.change")
        return self._passwords.hash(password)


def usable_name(name: str) -> str:
    """A name that a person can have.

    Raises:
        BadNameError: it cannot stand in the audit log, or in an address.
        ReservedNameError: a part of this service calls itself so.
    """
    checked = checked_name(name)
    # Addresses of pages and of the API have names in them, and no way to write these.
    if "/" in checked or not checked.strip(".") or is_among(checked, _PAGES):
        raise BadNameError(f"{checked!a} has a / in it, is nothing but dots, or a page; write another name")
    if is_among(checked, RESERVED):
        raise ReservedNameError(checked)
    return checked


def shown_name(shown: str) -> str:
    """What somebody is called, fit to be shown.

    Raises:
        BadShownNameError: too long, or with characters that cannot be seen.
    """
    trimmed = " ".join(shown.split())
    if not trimmed or len(trimmed) > LONGEST_SHOWN or not trimmed.isprintable():
        raise BadShownNameError(shown)
    return trimmed


def checked_email(email: str) -> str:
    """An e-mail address.

    Raises:
        BadEmailError: it is none.
    """
    trimmed = email.strip()
    if len(trimmed) > LONGEST_EMAIL or not trimmed.isprintable() or not _EMAIL.fullmatch(trimmed):
        raise BadEmailError(email)
    return trimmed


def refuse_same_human(work: Work, email: str | None, *, besides: Person | None, subject: str | None) -> None:
    """Refuse a second account of somebody, who could then review what they wrote themselves.

    Raises:
        SameHumanError: somebody else, removed or not, has that e-mail address.
    """
    if email is None:
        return
    for one in work.people.all():
        is_another = besides is None or folded(one.name) != folded(besides.name)
        if is_another and one.email is not None and _box(one.email) == _box(email):
            raise SameHumanError(one.name, subject)


def _box(email: str) -> str:
    """The letter box that an address leads to: anna+work@example.org is anna@example.org."""
    local, _, domain = unicodedata.normalize("NFKC", email).casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain.rstrip('.')}"


def _refuse_last(work: Work, person: Person) -> None:
    if Role.ADMINISTRATOR in person.roles and not has_administrator(work.people.all(), besides=person):
        raise LastAdministratorError(person.name)
