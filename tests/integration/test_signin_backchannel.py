"""Who signs out at the provider is signed out here, too: Back-Channel Logout, by a real provider."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest
from werkzeug.serving import make_server

from feedsrv.clock import now
from tests.oidc.desk import SignInDesk, local_part, whoami
from tests.oidc.running import CLIENT_ID, RealProvider, Visitor, provider_fixture, running_fixture

FIXTURES = (running_fixture, provider_fixture)  # where pytest finds them
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@contextmanager
def served(desk: SignInDesk) -> Iterator[str]:
    """The desk on a port of its own, where the provider reaches it; gives its address."""
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_token(provider: RealProvider, **changes: object) -> str:
    """A logout token that is right but for these changes; None takes a claim away."""
    at = int(now().timestamp())
    claims: dict[str, object] = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": at,
        "exp": at + 120,
        "jti": "1",
        "sub": "anna",
        "events": {EVENT: {}},
        **changes,
    }
    return provider.mint({name: value for name, value in claims.items() if value is not None})


def tell(desk: SignInDesk, token: str) -> int:
    """Send a logout token, as the provider does; returns the status."""
    return desk.client().post("/signin/backchannel-logout", data={"logout_token": token}).status_code


def test_signing_out_there_is_signing_out_here(provider: RealProvider) -> None:
    """The provider itself says so, and names its session; another session of the same person stays."""
    desk = SignInDesk(provider)
    with served(desk) as address:
        provider.set(backchannel=f"{address}/signin/backchannel-logout")
        here, there, visitor = desk.client(), desk.client(), Visitor()
        here.get(local_part(desk.away(here, visitor=visitor)))
        there.get(local_part(desk.away(there, visitor=Visitor())))
        assert whoami(here) is not None

        visitor.sign_out(provider.issuer)

        assert whoami(here) is None
        assert whoami(there) is not None


def test_a_person_may_be_signed_out_everywhere(provider: RealProvider) -> None:
    """A token with a subject and no session ends every sign-in of that person, and nobody else's."""
    ben = {"preferred_username": "ben", "groups": ["leads"]}
    anna = {"preferred_username": "anna", "groups": ["authors"]}
    provider.set(accounts={"anna": anna, "ben": ben})
    desk = SignInDesk(provider)
    browsers = [desk.client() for _ in range(3)]
    for browser, account in zip(browsers, ("anna", "anna", "ben"), strict=True):
        desk.sign_in(browser, account=account)

    status = tell(desk, a_token(provider))

    assert status == 200
    assert [whoami(one) is None for one in browsers] == [True, True, False]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "wiki"},
        {"aud": None},
        {"events": None},
        {"events": {}},
        {"events": EVENT},
        {"events": {"another": {}}},
        {"nonce": "of an ID token"},
        {"sub": None},
        {"sub": ["anna"]},
        {"iat": None},
        {"iat": 1_000_000_000},
        {"iat": 4_000_000_000},
        {"exp": 1_000_000_000},
        {"jti": None},
    ],
    ids=str,
)
def test_a_token_that_is_not_quite_right_ends_nothing(
    provider: RealProvider, changes: dict[str, object]
) -> None:
    """Each claim that must be there is looked at; the provider is told that it was no good."""
    desk = SignInDesk(provider)
    desk.sign_in(client := desk.client())

    status = tell(desk, a_token(provider, **changes))

    assert status == 400
    assert whoami(client) is not None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 90_000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_ends_nothing(provider: RealProvider, token: str) -> None:
    """Whatever anybody posts there."""
    desk = SignInDesk(provider)
    desk.sign_in(client := desk.client())

    assert tell(desk, token) == 400
    assert whoami(client) is not None


def test_an_id_token_ends_nothing(provider: RealProvider) -> None:
    """A token that was made to sign in with is no word that somebody left."""
    desk = SignInDesk(provider)
    desk.sign_in(client := desk.client())
    at = int(now().timestamp())
    claims: dict[str, object] = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": at,
        "exp": at + 600,
        "sub": "anna",
        "sid": "x",
        "jti": "1",
        "auth_time": at,
    }

    assert tell(desk, provider.mint(claims)) == 400
    assert whoami(client) is not None


def test_an_old_word_is_not_believed_again(provider: RealProvider) -> None:
    """Replayed after five minutes, it ends nothing that began since."""
    desk = SignInDesk(provider)
    token = a_token(provider, exp=None)
    assert tell(desk, token) == 200
    desk.sign_in(client := desk.client())

    desk.clock.by = timedelta(minutes=6)

    assert tell(desk, token) == 400
    assert whoami(client) is not None


def test_without_a_provider_there_is_no_such_door() -> None:
    """Nothing to be told by anybody."""
    assert tell(SignInDesk(local=True), "x") == 404
