"""Signing in, with a password kept here or by the identity provider; every refusal is audited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.access.accounts import (
    LONGEST_SHOWN,
    is_locked,
    refuse_same_human,
    shown_name,
    usable_name,
)
from feedsrv.publishing.access.base import AccessDesk, askable, end, known, listed
from feedsrv.publishing.access.passwords import check_password
from feedsrv.publishing.access.refusals import (
    AnotherPersonError,
    BadClaimsError,
    BadShownNameError,
    LockedOutError,
    NoLocalAccountsError,
    NoRoleError,
    RemovedPersonError,
    ReservedNameError,
    SameHumanError,
    SignInEndedError,
    TakenNameError,
    TokenByTokenError,
    WeakPasswordError,
    WrongPasswordError,
)
from feedsrv.publishing.access.secret_words import digest_of, new_secret
from feedsrv.publishing.access.standing import holds
from feedsrv.publishing.audit import record
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people_records import CONSOLE, Claims, Person, Principal, SignIn
from feedsrv.publishing.ports import Work
from feedsrv.publishing.refusals import BadNameError

FREE_TRIES: Final = 4
"""Wrong passwords in a row that change nothing; the next one locks."""
FIRST_LOCK: Final = timedelta(minutes=15)
LONGEST_LOCK: Final = timedelta(days=1)
KEPT_FOR: Final = timedelta(days=30)
"""How long a sign-in that has ended can still be seen."""
_LONGEST_BROWSER: Final = 120
_LONGEST_CLAIM: Final = 255
"""Characters."""

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
        _check(claims)
        with self._store.begin() as work:
            at = self._now()
            outcome: SignedIn | FeedsrvError
            try:
                person = _welcome(work, claims, at)
                outcome = self._begin_provider(work, person, claims, at, browser)
            except _REFUSALS as refusal:
                outcome = refusal
            if isinstance(outcome, FeedsrvError):
                _refused(work, at, claims.name, outcome.code, browser, subject=claims.person)
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
        _check(claims)
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
                    outcome = self._begin_provider(work, _welcome(work, claims, at), claims, at, browser)
                except _REFUSALS as refusal:
                    outcome = refusal
                end(work, (before,), at)
            if isinstance(outcome, FeedsrvError):
                _refused(work, at, old.person, outcome.code, browser, subject=claims.person)
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
                _refused(work, at, name, WrongPasswordError.code, browser, is_known=person is not None)
                return WrongPasswordError()
            if is_locked(person, at):
                assert person.locked_until is not None
                _refused(work, at, person.name, LockedOutError.code, browser)
                return LockedOutError(person.locked_until)
            if not is_right:
                return _count(work, person, at, browser)
            proven = replace(person, password=renewed, failures=0, locked_until=None)
            work.people.save(proven)
            outcome = then(work, proven, at)
            if isinstance(outcome, FeedsrvError):
                _refused(work, at, person.name, outcome.code, browser)
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
            browser=_shortened(browser),
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


_REFUSALS: Final = (NoRoleError, RemovedPersonError, TakenNameError, SameHumanError, BadClaimsError)


def _welcome(work: Work, claims: Claims, at: datetime) -> Person:
    """The person whom the provider vouches for, as it describes them now; added where they are new."""
    person = work.people.of_subject(claims.person)
    if person is not None and person.removed_at is not None:
        raise RemovedPersonError(person.name)
    if person is None:
        person = _newcomer(work, claims, at)
    # What the provider took away is gone even where the sign-in is then refused: tokens follow it.
    told = replace(person, roles=claims.roles)
    if person.roles != claims.roles:
        work.people.save(told)
        detail = {"before": listed(person.roles), "after": listed(claims.roles), "via": claims.issuer}
        record(work.audit, at, actor=person.name, verb="person-roles", subject=person.name, detail=detail)
    refuse_same_human(work, claims.email, besides=person, subject=claims.person)
    told = replace(told, shown=_shown(claims.shown, person.name), email=claims.email)
    work.people.save(told)
    return told


def _newcomer(work: Work, claims: Claims, at: datetime) -> Person:
    try:
        name = usable_name(claims.name)
    except (BadNameError, ReservedNameError) as refusal:
        raise BadClaimsError(f"{refusal}; FEEDSRV_OIDC_NAME_CLAIM says which claim names people") from None
    if not claims.roles:
        raise NoRoleError(name)
    if work.people.find(name) is not None:
        raise TakenNameError(name, claims.person)
    refuse_same_human(work, claims.email, besides=None, subject=claims.person)
    person = Person(
        name=name,
        shown=_shown(claims.shown, name),
        email=claims.email,
        subject=claims.person,
        roles=claims.roles,
        password=None,
        since=at,
        by=claims.issuer,
    )
    work.people.save(person)
    detail = {"roles": listed(claims.roles), "subject": claims.person}
    record(work.audit, at, actor=name, verb="person-add", subject=name, detail=detail)
    sentence = f"{name} signed in for the first time, with the roles: {listed(claims.roles)}"
    tell(work, at, kind="person.added", subject=name, by=name, sentence=sentence)
    return person


def _check(claims: Claims) -> None:
    for what, text in (("issuer", claims.issuer), ("subject", claims.subject)):
        if not text or len(text) > _LONGEST_CLAIM or not text.isascii() or not text.isprintable():
            raise BadClaimsError(f"its {what} is empty, too long or no plain text")
    if " " in claims.issuer:
        raise BadClaimsError("its issuer has a space in it")
    session = claims.provider_session
    if session is not None and (len(session) > _LONGEST_CLAIM or not session.isprintable()):
        raise BadClaimsError("its session's name (sid) is too long or no plain text")


def _shown(shown: str, name: str) -> str:
    try:
        return shown_name(shown[:LONGEST_SHOWN])
    except BadShownNameError:
        return name  # how somebody is called is no reason to keep them out


def _password_of(person: Person | None) -> str | None:
    return None if person is None or person.removed_at is not None else person.password


def _count(work: Work, person: Person, at: datetime, browser: str) -> FeedsrvError:
    """One more wrong password; from the fifth on, each locks for longer."""
    failures = person.failures + 1
    doublings = failures - FREE_TRIES - 1
    span = min(FIRST_LOCK * 2 ** min(doublings, 10), LONGEST_LOCK) if doublings >= 0 else None
    until = None if span is None else at + span
    work.people.save(replace(person, failures=failures, locked_until=until))
    _refused(work, at, person.name, WrongPasswordError.code, browser)
    if until is None:
        return WrongPasswordError()
    sentence = f"no password of {person.name} is accepted until {to_text(until)}, after {failures} wrong ones"
    tell(work, at, kind="person.locked", subject=person.name, by=person.name, sentence=sentence)
    return LockedOutError(until)


def _refused(  # noqa: PLR0913 -- what is known of somebody who was not let in
    work: Work,
    at: datetime,
    name: str,
    code: str,
    browser: str,
    *,
    subject: str | None = None,
    is_known: bool = True,
) -> None:
    # People type passwords where names belong: of what is no name of ours, the log keeps a beginning.
    said = _shortened(name)[:64] if is_known else f"{_shortened(name)[:3]}..."
    detail = {"why": code, "browser": _shortened(browser)} | ({"subject": subject} if subject else {})
    record(work.audit, at, actor="nobody", verb="sign-in-refused", subject=said, detail=detail)


def _shortened(browser: str) -> str:
    return "".join(one for one in browser[:_LONGEST_BROWSER] if one.isprintable())


def _or_raise(outcome: Outcome | FeedsrvError) -> Outcome:
    if isinstance(outcome, FeedsrvError):
        raise outcome
    return outcome
