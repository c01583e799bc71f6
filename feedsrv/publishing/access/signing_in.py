"""Signing in, with a password kept here or by the identity provider; every refusal is audited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.access.base import AccessDesk, askable, end, known, listed
from feedsrv.publishing.access.passwords import check_password
from feedsrv.publishing.access.refusals import (
    AnotherPersonError,
    LockedOutError,
    NoLocalAccountsError,
    NoRoleError,
    SignInEndedError,
    TokenByTokenError,
    WeakPasswordError,
    WrongPasswordError,
)
from feedsrv.publishing.access.secret_words import digest_of, new_secret
from feedsrv.publishing.access.standing import holds
from feedsrv.publishing.access.tries import count_failure, is_locked, refused, shortened
from feedsrv.publishing.access.welcoming import REFUSALS, check_claims, welcome
from feedsrv.publishing.audit import record
from feedsrv.publishing.people_records import CONSOLE, Claims, Person, Principal, SignIn
from feedsrv.publishing.ports import Work

KEPT_FOR: Final = timedelta(days=30)
"""How long a sign-in that has ended can still be seen."""

SignedIn = tuple[str, SignIn]
"""The secret for the browser's cookie, shown once, and what is kept."""
Outcome = TypeVar("Outcome")


class SigningIn(AccessDesk):
    """The ways in."""

    def sign_in_local(self, name: str, password: str, *, browser: str) -> SignedIn:
        """Sign somebody in with a password; for an unknown name the same work is done and the same said.

        A locked person is refused with the same words, too, whatever the password.

        Raises:
            NoLocalAccountsError: nobody signs in so here.
            WrongPasswordError: name and password do not belong together, or are locked.
            NoRoleError: they have no role.
        """
        if not self._local:
            raise NoLocalAccountsError

        def begin(work: Work, person: Person, at: datetime) -> SignedIn | FeedsrvError:
            return self._begin(work, person, at, fresh_at=at, browser=browser)

        outcome = self._prove(name, password, browser=browser, then=begin)
        if isinstance(outcome, LockedOutError):
            raise WrongPasswordError
        return _or_raise(outcome)

    def sign_in_provider(self, claims: Claims, *, browser: str) -> SignedIn:
        """Sign in whoever the identity provider vouches for; the first time adds them.

        Raises:
            BadClaimsError: what the provider says cannot be kept.
            RemovedPersonError: they were removed.
            NoRoleError: none of their groups gives them a role.
            TakenNameError: their name is somebody else's; an administrator may link the two.
            SameHumanError: their e-mail address is somebody else's; an administrator may link the two.
        """
        check_claims(claims)
        with self._store.begin() as work:
            at = self._now()
            outcome: SignedIn | FeedsrvError
            try:
                person = welcome(work, claims, at)
                outcome = self._begin_provider(work, person, claims, at, browser)
            except REFUSALS as refusal:
                outcome = refusal
            if isinstance(outcome, FeedsrvError):
                refused(work, at, claims.name, outcome.code, browser, subject=claims.person)
        return _or_raise(outcome)

    def confirm(self, secret: str, *, password: str, browser: str) -> SignedIn:
        """Prove once more who is signed in, with the password; the old secret ends with it.

        Raises:
            SignInEndedError: that sign-in has ended.
            WrongPasswordError: it is not their password.
            LockedOutError: too many wrong ones; this sign-in is ended.
        """
        if not self._local:
            raise NoLocalAccountsError
        old = self._current(secret)

        def begin(work: Work, person: Person, at: datetime) -> SignedIn | FeedsrvError:
            before = work.sign_ins.get(old.digest)
            if before is None or not holds(before, person, at, idle=self._idle):
                return SignInEndedError()
            end(work, (before,), at)
            session = before.provider_session
            return self._begin(work, person, at, fresh_at=at, browser=browser, session=session)

        outcome = self._prove(old.person, password, browser=browser, then=begin)
        self._end_if_locked(outcome, old.digest)
        return _or_raise(outcome)

    def confirm_provider(self, secret: str, claims: Claims, *, browser: str) -> SignedIn:
        """Prove once more who is signed in, by the identity provider; the old secret ends with it.

        Raises:
            SignInEndedError: that sign-in has ended.
            AnotherPersonError: somebody else came back; nothing is changed.
            NoRoleError: none of their groups gives them a role any more.
        """
        check_claims(claims)
        old = self._current(secret)
        with self._store.begin() as work:
            at = self._now()
            outcome: SignedIn | FeedsrvError
            before = work.sign_ins.get(old.digest)
            person = known(work, old.person)
            if before is None or not holds(before, person, at, idle=self._idle):
                outcome = SignInEndedError()
            elif person.subject != claims.person:
                outcome = AnotherPersonError(person.name)
            else:
                try:
                    outcome = self._begin_provider(work, welcome(work, claims, at), claims, at, browser)
                except REFUSALS as refusal:
                    outcome = refusal
                end(work, (before,), at)
            if isinstance(outcome, FeedsrvError):
                refused(work, at, old.person, outcome.code, browser, subject=claims.person)
        return _or_raise(outcome)

    def change_own_password(self, old: str, new: str, *, by: Principal) -> None:
        """Change one's own password; every other sign-in of theirs ends.

        Raises:
            WeakPasswordError: others would guess it, or it is the old one.
            WrongPasswordError: the old one is wrong.
            LockedOutError: too many wrong ones; this sign-in is ended.
            TokenByTokenError: a token asks.
        """
        if by.via != CONSOLE:
            raise TokenByTokenError
        if not self._local:
            raise NoLocalAccountsError
        check_password(new, name=by.name)
        if new == old:
            raise WeakPasswordError("it is the old one; write another")
        kept = self._passwords.hash(new)

        def change(work: Work, person: Person, at: datetime) -> Person:
            changed = replace(person, password=kept)
            work.people.save(changed)
            others = [one for one in work.sign_ins.of(person.name) if one.digest != by.sign_in]
            end(work, others, at)
            detail = {"via": by.via}
            record(work.audit, at, actor=person.name, verb="own-password", subject=person.name, detail=detail)
            return changed

        outcome: Person | FeedsrvError = self._prove(by.name, old, browser="", then=change)
        self._end_if_locked(outcome, by.sign_in)
        _or_raise(outcome)

    def _prove(
        self,
        name: str,
        password: str,
        *,
        browser: str,
        then: Callable[[Work, Person, datetime], Outcome | FeedsrvError],
    ) -> Outcome | FeedsrvError:
        """Check a password, and then act; wrong ones are counted. A refusal is returned, for it is kept.

        The store is not held while the password is worked on. What changed meanwhile is looked at anew:
        of many guesses at once no more count as tries than of as many one after the other.
        """
        with self._store.look() as work:
            kept = _password_of(work.people.find(askable(name)))
        is_right = self._passwords.is_right(kept, password)
        renewed = kept
        if is_right and kept is not None and self._passwords.is_outdated(kept):
            renewed = self._passwords.hash(password)
        with self._store.begin() as work:
            at = self._now()
            person = work.people.find(askable(name))
            if person is None or kept is None or _password_of(person) != kept:
                refused(work, at, name, WrongPasswordError.code, browser, is_known=person is not None)
                return WrongPasswordError()
            if is_locked(person, at):
                assert person.locked_until is not None
                refused(work, at, person.name, LockedOutError.code, browser)
                return LockedOutError(person.locked_until)
            if not is_right:
                return count_failure(work, person, at, browser)
            proven = replace(person, password=renewed, failures=0, locked_until=None)
            work.people.save(proven)
            outcome = then(work, proven, at)
            if isinstance(outcome, FeedsrvError):
                refused(work, at, person.name, outcome.code, browser)
            return outcome

    def _begin_provider(
        self, work: Work, person: Person, claims: Claims, at: datetime, browser: str
    ) -> SignedIn | FeedsrvError:
        # A session at the provider may be older than this visit: that proves nothing fresh.
        fresh_at = min(at, claims.authenticated_at)
        session = claims.provider_session
        return self._begin(work, person, at, fresh_at=fresh_at, browser=browser, session=session)

    def _begin(  # noqa: PLR0913 -- what is kept of a sign-in
        self,
        work: Work,
        person: Person,
        at: datetime,
        *,
        fresh_at: datetime,
        browser: str,
        session: str | None = None,
    ) -> SignedIn | FeedsrvError:
        """A new sign-in with a new secret, whatever the browser brought with it."""
        if not person.roles:
            return NoRoleError(person.name)
        secret = new_secret()
        begun = SignIn(
            digest=digest_of(secret),
            person=person.name,
            begins=at,
            fresh_at=fresh_at,
            seen_at=at,
            ends=at + self._span,
            roles=person.roles,
            browser=shortened(browser),
            provider_session=session,
        )
        work.people.save(replace(person, signed_in_at=at))
        work.sign_ins.save(begun)
        work.sign_ins.forget(before=at - KEPT_FOR)
        detail = {"roles": listed(person.roles), "browser": begun.browser}
        record(work.audit, at, actor=person.name, verb="sign-in", subject=person.name, detail=detail)
        return secret, begun

    def _current(self, secret: str) -> SignIn:
        with self._store.look() as work:
            found = work.sign_ins.get(digest_of(secret))
            person = None if found is None else work.people.find(found.person)
        if found is None or person is None or not holds(found, person, self._now(), idle=self._idle):
            raise SignInEndedError
        return found

    def _end_if_locked(self, outcome: object, digest: str | None) -> None:
        # Whoever guesses in a browser that somebody left open gets no further there.
        if not isinstance(outcome, LockedOutError) or digest is None:
            return
        with self._store.begin() as work:
            found = work.sign_ins.get(digest)
            end(work, () if found is None else (found,), self._now())


def _password_of(person: Person | None) -> str | None:
    return None if person is None or person.removed_at is not None else person.password


def _or_raise(outcome: Outcome | FeedsrvError) -> Outcome:
    if isinstance(outcome, FeedsrvError):
        raise outcome
    return outcome
