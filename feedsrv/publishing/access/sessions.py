"""Sign-ins as they are used: known by their secret, seen, and ended by many hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.errors import UnavailableError
from feedsrv.publishing.access.base import AccessDesk, admit_to, end, known
from feedsrv.publishing.access.refusals import NoRoleError, UnknownSignInError
from feedsrv.publishing.access.secret_words import digest_of
from feedsrv.publishing.access.standing import holds
from feedsrv.publishing.admitting import note
from feedsrv.publishing.audit import record
from feedsrv.publishing.people_records import CONSOLE, Person, Principal, SignIn
from feedsrv.publishing.ports import Work

_SEEN: Final = timedelta(minutes=1)
"""How exactly it is kept when a sign-in was last used."""
_PROVIDER: Final = "identity provider"


class Sessions(AccessDesk):
    """Browsers that are signed in."""

    def recognise(self, secret: str) -> Principal | None:
        """Whose sign-in that secret is, in the roles they have now; None where it holds no longer.

        Raises:
            NoRoleError: they have no role any more, and may not even read.
        """
        digest, at = digest_of(secret), self._now()
        with self._store.look() as work:
            found = self._standing(work, digest, at)
        if found is None:
            return None
        sign_in, person = found
        if abs(at - sign_in.seen_at) >= _SEEN and not self._see(digest, at):
            return None
        if not person.roles:
            raise NoRoleError(person.name)
        return Principal(person.name, person.roles, CONSOLE, sign_in.fresh_at, digest)

    def sign_out(self, secret: str) -> None:
        """End the sign-in of that secret; nothing happens where it has ended."""
        with self._store.begin() as work:
            at = self._now()
            found = work.sign_ins.get(digest_of(secret))
            if found is not None and end(work, (found,), at):
                record(work.audit, at, actor=found.person, verb="sign-out", subject=found.person)

    def sign_ins_of(self, name: str) -> tuple[SignIn, ...]:
        """Where somebody is signed in now, newest first.

        Raises:
            UnknownPersonError: there is nobody of that name.
        """
        at = self._now()
        with self._store.look() as work:
            person = known(work, name)
            found = work.sign_ins.of(person.name)
        return tuple(one for one in found if holds(one, person, at, idle=self._idle))

    def end_sign_in(self, digest: str, *, by: Principal) -> None:
        """End one sign-in: one's own, or anybody's by an administrator.

        Raises:
            UnknownSignInError: there is none, or it has ended.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            found = work.sign_ins.get(digest)
            # Asked first: nobody learns which digests there are.
            admit_to(work, by, None if found is None else found.person)
            if found is None or not end(work, (found,), at):
                raise UnknownSignInError
            note(work, at, by, "sign-in-end", found.person)

    def end_all(self, name: str, *, by: Principal) -> int:
        """End every sign-in of one person: oneself, or anybody by an administrator; returns how many.

        Raises:
            UnknownPersonError: there is nobody of that name.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit_to(work, by, name)
            person = known(work, name)
            count = end(work, work.sign_ins.of(person.name), at)
            if count:
                note(work, at, by, "sign-in-end", person.name, count=str(count))
        return count

    def end_provider_session(self, sid: str) -> int:
        """End what the identity provider says is over, by its name for the session; returns how many."""
        with self._store.begin() as work:
            return _end_by_provider(work, work.sign_ins.of_provider_session(sid), self._now())

    def end_provider_subject(self, subject: str) -> int:
        """End every sign-in of whoever the identity provider says is out: issuer and subject."""
        with self._store.begin() as work:
            person = work.people.of_subject(subject)
            found = () if person is None else work.sign_ins.of(person.name)
            return _end_by_provider(work, found, self._now())

    def _standing(self, work: Work, digest: str, at: datetime) -> tuple[SignIn, Person] | None:
        sign_in = work.sign_ins.get(digest)
        person = None if sign_in is None else work.people.find(sign_in.person)
        if sign_in is None or person is None or not holds(sign_in, person, at, idle=self._idle):
            return None
        if person.subject is None and not self._local:
            return None  # signed in with a password, and none is asked for any more
        return sign_in, person

    def _see(self, digest: str, at: datetime) -> bool:
        """Keep that a sign-in was used; False where it ended in this very moment."""
        try:
            with self._store.begin() as work:
                found = self._standing(work, digest, at)
                if found is not None:
                    work.sign_ins.save(replace(found[0], seen_at=at))
                return found is not None
        except UnavailableError:
            return True  # a store that is held for long is no reason to turn people away


def _end_by_provider(work: Work, sign_ins: tuple[SignIn, ...], at: datetime) -> int:
    for one in sign_ins:
        if end(work, (one,), at):
            detail = {"via": _PROVIDER}
            record(work.audit, at, actor=one.person, verb="sign-out", subject=one.person, detail=detail)
    return sum(one.ended_at is None for one in sign_ins)
