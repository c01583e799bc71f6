"""A desk that people really sign in to: by a real provider, or with a password; only its pages are missing.

In their place stands `/whoami`, which says who is signed in and whether they have just proved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Blueprint, Flask, Response, jsonify
from flask.testing import FlaskClient
from limits.storage import MemoryStorage, Storage
from werkzeug.test import TestResponse

from feedsrv.clock import now
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.passwords import Passwords
from feedsrv.publishing.people_records import COMMAND_LINE, Principal
from feedsrv.publishing.ports import Store
from feedsrv.stores.memory import MemoryStore
from feedsrv.web import guard, problems
from feedsrv.web.refusals import refusal_page
from feedsrv.web.signin.claims import Naming
from feedsrv.web.signin.door import signin_blueprint
from feedsrv.web.signin.limits import apply_limits
from feedsrv.web.signin.protection import protect
from feedsrv.web.signin.provider import Provider
from feedsrv.web.signin.recognising import authenticator
from tests.oidc.running import CLIENT_ID, CLIENT_SECRET, RealProvider, Visitor
from tests.people import QUICK

GROUPS: Final[Mapping[str, frozenset[Role]]] = {
    "authors": frozenset({Role.AUTHOR}),
    "leads": frozenset({Role.REVIEWER, Role.PUBLISHER}),
}
PASSWORD: Final = "a horse, a battery and a staple"  # noqa: S105 -- of people that a test makes
OPERATOR: Final = Principal("root", frozenset(Role), COMMAND_LINE)
FRESH_FOR: Final = timedelta(minutes=10)


@dataclass
class Shifted:
    """The real time, put off by what the test says: the provider lives in the real one."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        """The time here."""
        return now() + self.by


@dataclass
class SignInDesk:
    """An application that people sign in to."""

    provider: RealProvider | None = None
    local: bool = False
    desk_url: str = "http://localhost"
    trusted_proxies: int = 0
    secret: str = CLIENT_SECRET
    max_bytes: int = 100_000
    store: Store = field(default_factory=MemoryStore)
    storage: Storage = field(default_factory=MemoryStorage)
    clock: Shifted = field(default_factory=Shifted)
    people: PeopleDesk = field(init=False)
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.people = PeopleDesk(
            self.store,
            now=self.clock,
            session_span=timedelta(hours=12),
            session_idle=timedelta(hours=1),
            local_accounts=self.local,
            passwords=Passwords(QUICK),
        )
        self.app = self._made()

    def add(self, name: str, *roles: Role) -> None:
        """Give somebody an account of this service."""
        self.people.add(name, roles=frozenset(roles), password=PASSWORD, by=OPERATOR)

    def client(self) -> FlaskClient:
        """A new browser."""
        client = self.app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        client.environ_base["HTTP_USER_AGENT"] = "Firefox of the tests"
        return client

    def sign_in(self, client: FlaskClient, *, account: str = "anna", onward: str = "/") -> TestResponse:
        """All the way by the provider; returns what came of it."""
        return client.get(local_part(self.away(client, account=account, onward=onward)))

    def away(
        self,
        client: FlaskClient,
        *,
        account: str = "anna",
        onward: str = "/",
        visitor: Visitor | None = None,
        path: str = "/signin/provider",
    ) -> str:
        """To the provider, and the address that it sends back to, which is not opened yet."""
        left = client.get(path, query_string={"next": onward})
        while left.status_code == 303 and left.location.startswith("/"):
            left = client.get(left.location)
        assert left.status_code == 303, left.text
        return (visitor or Visitor()).go(left.location, account=account, ours=f"{self.desk_url}/")

    def _made(self) -> Flask:
        app = Flask("feedsrv.web", static_folder=None)
        protect(
            app,
            secrets=["secret of the tests"],
            desk_url=self.desk_url,
            binds=("127.0.0.1:8081",),
            trusted_proxies=self.trusted_proxies,
            max_bytes=self.max_bytes,
        )
        apply_limits(app, self.storage)
        guard.install(app, guard.Guard(authenticator(self.people), FRESH_FOR, self.clock))
        app.register_blueprint(
            signin_blueprint(self.people, self.ours(), local=self.local, publisher="Contoso")
        )
        app.register_blueprint(_whoami())
        problems.install(app, page=refusal_page)
        return app

    def ours(self) -> Provider | None:
        """Our side of the provider, new."""
        if self.provider is None:
            return None
        return Provider(
            self.provider.discovery_url,
            CLIENT_ID,
            lambda: self.secret,
            desk_url=self.desk_url,
            naming=Naming(GROUPS),
            clock=self.clock,
        )


def _whoami() -> Blueprint:
    door = Blueprint("whoami", __name__)

    @door.route("/whoami", methods=["GET", "POST"])
    @door.route("/api/v1/whoami", methods=["GET", "POST"], endpoint="api")
    def whoami() -> Response:
        who = guard.principal()
        roles = sorted(role.value for role in who.roles)
        return jsonify(name=who.name, roles=roles, via=who.via, fresh=guard.is_fresh())

    return door


def whoami(client: FlaskClient) -> dict[str, object] | None:
    """Who the desk takes this browser for; None for nobody."""
    answer = client.get("/whoami")
    if answer.status_code == 303:
        return None
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.get_json()
    return found


def local_part(url: str) -> str:
    """An address of the desk as a test client asks for it."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def sign_out(client: FlaskClient) -> TestResponse:
    """Press the button for it."""
    return client.post("/signout", data={"csrf_token": csrf_token(client, "/account")})


def csrf_token(client: FlaskClient, page: str) -> str:
    """What our own forms on a page hold, and nobody else's can."""
    field = BeautifulSoup(client.get(page).data, "html.parser").find("input", {"name": "csrf_token"})
    assert isinstance(field, Tag)
    return str(field["value"])


def by_password(
    client: FlaskClient, name: str = "anna", password: str = PASSWORD, *, onward: str = "/"
) -> TestResponse:
    """Fill in the form and press the button."""
    token = csrf_token(client, "/signin")
    return client.post(
        "/signin", data={"csrf_token": token, "name": name, "password": password, "next": onward}
    )


@pytest.fixture(name="desk")
def desk_fixture() -> SignInDesk:
    """A desk without a provider, where anna and ben have accounts."""
    made = SignInDesk(local=True)
    made.add("anna", Role.AUTHOR)
    made.add("ben", Role.REVIEWER)
    return made
