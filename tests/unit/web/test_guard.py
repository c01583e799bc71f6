"""Who asks, and whether they may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from flask import Flask, Request

from feedsrv.errors import FeedsrvError, NotAllowedError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.publishing.permits import MissingRoleError
from feedsrv.web import guard
from feedsrv.web.guard import Guard, NotSignedInError, StaleSignInError

AT: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)


def somebody(*roles: Role, via: str = CONSOLE, minutes: float | None = 0) -> Principal:
    """Anna, who proved so many minutes ago who she is."""
    since = None if minutes is None else AT - timedelta(minutes=minutes)
    return Principal("anna", frozenset(roles), via, since)


def asked(who: Principal | None, *roles: Role, fresh: bool = False) -> Principal | FeedsrvError:
    """What the guard says of somebody."""
    app = Flask(__name__)
    guard.install(app, Guard(lambda _: who, timedelta(minutes=10), lambda: AT))
    with app.test_request_context("/"):
        try:
            return guard.require_fresh(*roles) if fresh else guard.require(*roles)
        except FeedsrvError as refusal:
            return refusal


def test_nobody_is_nobody() -> None:
    """Without a sign-in nothing is done, whatever the role."""
    assert isinstance(asked(None), NotSignedInError)
    assert isinstance(asked(None, Role.AUTHOR, fresh=True), NotSignedInError)


@pytest.mark.parametrize("role", Role)
def test_one_of_the_roles_is_enough(role: Role) -> None:
    """Whoever has any of those that are named."""
    assert asked(somebody(role), *Role) == somebody(role)


def test_none_of_the_roles_is_refused_with_what_they_have() -> None:
    """The message says which role is needed, and which there are."""
    refusal = asked(somebody(Role.AUTHOR, Role.AUDITOR), Role.REVIEWER)

    assert isinstance(refusal, MissingRoleError)
    assert "needs the role reviewer for this and has auditor, author" in str(refusal)


def test_whoever_is_signed_in_may_read() -> None:
    """No role is asked for where none is named."""
    assert asked(somebody()) == somebody()


@pytest.mark.parametrize(
    ("minutes", "is_fresh"),
    [(0, True), (9.99, True), (10, False), (600, False), (-0.01, False), (-600, False), (None, False)],
)
def test_a_sign_in_is_fresh_for_ten_minutes(minutes: float | None, *, is_fresh: bool) -> None:
    """And a clock that was set back keeps none fresh."""
    answer = asked(somebody(Role.PUBLISHER, minutes=minutes), Role.PUBLISHER, fresh=True)

    assert isinstance(answer, Principal) is is_fresh
    assert isinstance(answer, StaleSignInError) is not is_fresh


def test_the_role_is_asked_for_before_the_freshness() -> None:
    """Nobody signs in again for what they may not do anyway."""
    assert isinstance(asked(somebody(minutes=60), Role.PUBLISHER, fresh=True), MissingRoleError)


def test_a_token_needs_no_fresh_sign_in() -> None:
    """It was made in one."""
    program = somebody(Role.PUBLISHER, via="token 3 (ci)", minutes=None)

    assert asked(program, Role.PUBLISHER, fresh=True) == program


def test_it_is_asked_once_for_each_request() -> None:
    """However often pages and verbs want to know."""
    times: list[str] = []

    def recognise(request: Request) -> Principal | None:
        times.append(request.path)
        return None

    app = Flask(__name__)
    guard.install(app, Guard(recognise))
    with app.test_request_context("/a"):
        guard.visitor()
        guard.visitor()
    with app.test_request_context("/b"):
        guard.visitor()

    assert times == ["/a", "/b"]


def test_a_refusal_is_passed_on() -> None:
    """Who is known and may not even read hears why."""

    def recognise(_: Request) -> Principal | None:
        raise NotAllowedError("no role")

    app = Flask(__name__)
    guard.install(app, Guard(recognise))

    with app.test_request_context("/"), pytest.raises(NotAllowedError, match="no role"):
        guard.principal()
