"""Who asks, and whether they may: what every door of the private surface asks before it does anything.

How somebody is recognised is not said here: the application is given an authenticator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import Flask, Request, current_app, g, request

from feedsrv.clock import Clock, now
from feedsrv.errors import NotAllowedError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.publishing.permits import MissingRoleError

Authenticator = Callable[[Request], Principal | None]
"""Says who a request is from; None where nobody is signed in.

Raises a `NotAllowedError` for whoever is known and may not even read.
"""

_EXTENSION: Final = "feedsrv-guard"


class NotSignedInError(NotAllowedError):
    """Nobody is signed in, or no longer."""

    code = "signin.needed"

    def __init__(self) -> None:
        super().__init__("sign in first; programs send a token: Authorization: Bearer ...")


class StaleSignInError(NotAllowedError):
    """The act needs somebody who has just proved who they are."""

    code = "signin.stale"

    def __init__(self, span: timedelta) -> None:
        minutes = int(span.total_seconds() // 60)
        super().__init__(f"for this you must have signed in within the last {minutes} minutes: sign in again")


@dataclass(frozen=True)
class Guard:
    """How people are recognised, and for how long a sign-in counts as fresh."""

    authenticate: Authenticator
    fresh_for: timedelta = timedelta(minutes=10)
    clock: Clock = now


def install(app: Flask, guard: Guard) -> None:
    """Let an application ask who its requests are from."""
    app.extensions[_EXTENSION] = guard


def visitor() -> Principal | None:
    """Who this request is from; None where nobody is signed in. Asked once for each request."""
    if "principal" not in g:
        g.principal = _guard().authenticate(request)
    found: Principal | None = g.principal
    return found


def principal() -> Principal:
    """Who this request is from.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    found = visitor()
    if found is None:
        raise NotSignedInError
    return found


def require(*roles: Role) -> Principal:
    """Who this request is from, who has at least one of these roles.

    Raises:
        NotSignedInError: nobody is signed in.
        MissingRoleError: they have none of them.
    """
    found = principal()
    if roles and not found.has(*roles):
        raise MissingRoleError(found.name, roles[0], found.roles)
    return found


def is_fresh() -> bool:
    """True where this person proved who they are a short while ago; a token always has."""
    found = principal()
    if found.via != CONSOLE:
        return True
    guard = _guard()
    # A clock that was set back must not keep a sign-in fresh.
    return found.fresh_at is not None and timedelta(0) <= guard.clock() - found.fresh_at < guard.fresh_for


def fresh_until() -> datetime | None:
    """When this person's sign-in stops being fresh; None where it is not, or where it always is."""
    found = principal()
    return found.fresh_at + _guard().fresh_for if found.fresh_at is not None and is_fresh() else None


def require_fresh(*roles: Role) -> Principal:
    """As `require`, of somebody who signed in a short while ago.

    Raises:
        StaleSignInError: it was too long ago.
    """
    found = require(*roles)
    if not is_fresh():
        raise StaleSignInError(_guard().fresh_for)
    return found


def _guard() -> Guard:
    guard = current_app.extensions[_EXTENSION]
    assert isinstance(guard, Guard)
    return guard
