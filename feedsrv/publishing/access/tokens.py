"""Tokens: what lets a program act as its owner, in some of the owner's roles, for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.clock import to_text
from feedsrv.errors import UnavailableError
from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.access.base import AccessDesk, admit_to, known, listed
from feedsrv.publishing.access.refusals import (
    BadTokenError,
    NoRoleError,
    RemovedPersonError,
    TokenByTokenError,
    TooLongLifeError,
    UnknownTokenError,
)
from feedsrv.publishing.access.secret_words import digest_of, is_token, new_token
from feedsrv.publishing.admitting import is_command_line, is_themselves, note, roles_now
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people_records import CONSOLE, Person, Principal, Token
from feedsrv.publishing.permits import MissingRoleError
from feedsrv.publishing.ports import Work

log: Final = logging.getLogger(__name__)

LONGEST_LIFE: Final[dict[Role | None, timedelta]] = {
    None: timedelta(days=366),
    Role.AUTHOR: timedelta(days=366),
    Role.REVIEWER: timedelta(days=30),
    Role.PUBLISHER: timedelta(days=30),
    Role.AUDITOR: timedelta(days=30),
    Role.ADMINISTRATOR: timedelta(days=30),
}
"""For how long a token with that role in its scope may live; None: with no role, which reads."""
MOST: Final = 50
"""Tokens that one person may have in use."""
_LONGEST_NAME: Final = 64
_USED: Final = timedelta(hours=1)
"""How exactly it is kept when a token was last used."""


class Tokens(AccessDesk):
    """What programs act by."""

    def make_token(
        self, *, name: str, scope: Iterable[Role], ends: datetime, by: Principal
    ) -> tuple[str, Token]:
        """A token of `by`'s own; its secret is returned once, and kept nowhere.

        `name` says what it is for; `scope` are roles of the owner's, none for reading alone.

        Raises:
            TokenByTokenError: a token asks.
            MissingRoleError: the owner has not that role.
            BadTokenError: a name or an end that cannot be, or too many tokens.
            TooLongLifeError: it would live for too long.
        """
        if by.via != CONSOLE and not is_command_line(by):
            raise TokenByTokenError
        trimmed, wanted = _checked_name(name), frozenset(scope)
        with self._store.begin() as work:
            at = self._now()
            owner = _owner(work, by)
            held = roles_now(work, by)
            for role in sorted(wanted - held):
                raise MissingRoleError(owner.name, role, held)
            _check_life(wanted, ends, at)
            in_use = [one for one in work.tokens.all() if one.owner == owner.name and _is_alive(one, at)]
            if len(in_use) >= MOST:
                raise BadTokenError(
                    f"{owner.name} has {MOST} tokens in use; revoke one that is needed no more"
                )
            secret = new_token()
            made = work.tokens.add(Token(0, digest_of(secret), trimmed, owner.name, wanted, at, ends))
            subject = f"token {made.number}"
            note(work, at, by, "token-make", subject, name=trimmed, scope=listed(wanted), ends=to_text(ends))
            sentence = f"{owner.name} made token {made.number} ({trimmed}), scope: {listed(wanted)}"
            tell(work, at, kind="token.made", subject=subject, by=by.name, sentence=sentence)
        return secret, made

    def tokens(self, by: Principal) -> tuple[Token, ...]:
        """One's own tokens; every token for an administrator; ended ones too, in order of number."""
        with self._store.look() as work:
            found = work.tokens.all()
            if ACTS["people.change"] in roles_now(work, by):
                return found
        return tuple(one for one in found if is_themselves(by, one.owner))

    def revoke_token(self, number: int, *, by: Principal) -> Token:
        """End a token at once: one's own, or anybody's by an administrator; a token may end itself.

        Raises:
            UnknownTokenError: there is no such token, or it is somebody else's.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            found = work.tokens.get(number) if 0 < number < 2**31 else None
            if found is None or by.via != _via(found):
                admit_to(work, by, None if found is None else found.owner)
            if found is None:
                raise UnknownTokenError(number)
            if found.revoked_at is not None:
                return found
            revoked = replace(found, revoked_at=at, revoked_by=by.name)
            work.tokens.save(revoked)
            subject = f"token {number}"
            note(work, at, by, "token-revoke", subject, name=found.name, owner=found.owner)
            sentence = f"{by.name} revoked token {number} ({found.name}) of {found.owner}"
            tell(work, at, kind="token.revoked", subject=subject, by=by.name, sentence=sentence)
        return revoked

    def recognise_token(self, secret: str) -> Principal | None:
        """Whom a token acts as, in those roles of its scope that its owner has now; None where it is dead.

        Raises:
            NoRoleError: its owner has no role any more, and may not even read.
        """
        if not is_token(secret):
            return None
        digest, at = digest_of(secret), self._now()
        with self._store.look() as work:
            found = _standing(work, digest, at)
            dead = work.tokens.of_digest(digest) if found is None else None
        if dead is not None:
            # In the log alone: a job that nobody stopped would fill the audit log.
            log.warning("token.refused", extra={"token": dead.number, "owner": dead.owner})
        if found is None:
            return None
        token, owner = found
        if token.used_at is None or abs(at - token.used_at) >= _USED:
            self._use(digest, at)
        if not owner.roles:
            raise NoRoleError(owner.name)
        return Principal(owner.name, token.scope & owner.roles, _via(token))

    def _use(self, digest: str, at: datetime) -> None:
        try:
            with self._store.begin() as work:
                found = _standing(work, digest, at)
                if found is not None:
                    work.tokens.save(replace(found[0], used_at=at.replace(minute=0, second=0)))
        except UnavailableError:
            return  # a store that is held for long is no reason to turn programs away


def _standing(work: Work, digest: str, at: datetime) -> tuple[Token, Person] | None:
    token = work.tokens.of_digest(digest)
    owner = None if token is None else work.people.find(token.owner)
    if token is None or owner is None or owner.removed_at is not None or not _is_alive(token, at):
        return None
    return token, owner


def _via(token: Token) -> str:
    return f"token {token.number} ({token.name})"


def _is_alive(token: Token, at: datetime) -> bool:
    return token.revoked_at is None and at < token.ends


def _owner(work: Work, by: Principal) -> Person:
    owner = known(work, by.name)
    if owner.removed_at is not None:
        raise RemovedPersonError(owner.name)
    return owner


def _checked_name(name: str) -> str:
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > _LONGEST_NAME or not trimmed.isprintable():
        raise BadTokenError(
            f"name: {name[:_LONGEST_NAME]!a} does not say what the token is for; write 1 to {_LONGEST_NAME} "
            "visible characters"
        )
    return trimmed


def _check_life(scope: frozenset[Role], ends: datetime, at: datetime) -> None:
    if ends <= at:
        raise BadTokenError(f"ends: {to_text(ends)} is over already")
    for role in (None, *sorted(scope)):
        if ends - at > LONGEST_LIFE[role]:
            raise TooLongLifeError(LONGEST_LIFE[role], role)
