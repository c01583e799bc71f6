"""Programs that come with a token: the real application with the API, and people whose tokens are real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.passwords import Passwords
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.web.api.door import api_blueprint
from feedsrv.web.console import console_blueprints
from feedsrv.web.desk import Desk
from feedsrv.web.guard import Guard
from feedsrv.web.private import create_private_app
from feedsrv.web.signin.protection import protect
from feedsrv.web.signin.recognising import authenticator
from tests.people import QUICK
from tests.surface import Surface

ROOT: Final = "root"
"""Who adds everybody else."""


@dataclass
class Programs:
    """A private surface with its API, and a token for whoever a test names."""

    surface: Surface = field(default_factory=Surface.in_memory)
    _made: dict[tuple[str, frozenset[Role]], str] = field(default_factory=dict)

    @classmethod
    def on_disk(cls, folder: Path) -> Programs:
        """One on SQLite and files below a folder."""
        return cls(Surface.on_disk(folder))

    def __post_init__(self) -> None:
        first = self.people.at_command_line(ROOT)
        self.people.add(ROOT, roles={Role.ADMINISTRATOR}, password=None, by=first)

    @cached_property
    def people(self) -> PeopleDesk:
        """Who works here; passwords are hashed for real, and quickly."""
        return PeopleDesk(
            self.surface.house.store,
            now=self.surface.clock,
            session_span=timedelta(hours=12),
            session_idle=timedelta(hours=1),
            local_accounts=True,
            passwords=Passwords(QUICK),
        )

    @cached_property
    def desk(self) -> Desk:
        """What the application works with."""
        desk = self.surface.desk
        return Desk(**(vars(desk) | {"people": self.people}))

    @cached_property
    def app(self) -> OpenAPI:
        """Console and API as they are served."""
        return create_private_app(
            look=lambda: (),
            publisher="Contoso",
            clock=self.surface.clock,
            guard=Guard(authenticator(self.people), clock=self.surface.clock),
            doors=console_blueprints(self.desk),
            apis=(api_blueprint(self.desk, self.surface.house.store),),
            protect=lambda app: protect(
                app,
                secrets=["a secret of the tests"],
                desk_url="http://localhost",
                binds=(),
                trusted_proxies=0,
                max_bytes=4_000_000,
            ),
        )

    @property
    def root(self) -> Principal:
        """The administrator, at the console."""
        return Principal(ROOT, frozenset({Role.ADMINISTRATOR}), CONSOLE, self.surface.clock())

    def token(self, name: str, *roles: Role | str, scope: frozenset[Role] | None = None) -> str:
        """A token of somebody who has these roles, for all of them or a narrower scope."""
        held = frozenset(map(Role, roles))
        wanted = held if scope is None else scope
        known = {one.name: one for one in self.people.everybody()}
        if name not in known:
            self.people.add(name, roles=held, password=None, by=self.root)
        elif known[name].roles != held:
            self.people.change_roles(name, held, by=self.root)
        owner = Principal(name, held, CONSOLE, self.surface.clock())
        ends = self.surface.clock() + timedelta(days=20)
        secret, _ = self.people.make_token(name="ci", scope=wanted, ends=ends, by=owner)
        return secret

    def client(self, name: str, *roles: Role | str) -> Program:
        """A program of somebody who has these roles."""
        held = frozenset(map(Role, roles))
        if (name, held) not in self._made:
            self._made[name, held] = self.token(name, *roles)
        return Program(self.app.test_client(), self._made[name, held])


@dataclass
class Program:
    """Something that asks with one token."""

    client: FlaskClient
    token: str

    def get(self, path: str, **headers: str) -> TestResponse:
        """Read; `If_None_Match` is `If-None-Match`."""
        return self.client.get(f"/api/v1{path}", headers=self._headers(headers))

    def post(self, path: str, body: Mapping[str, object] | None = None, **headers: str) -> TestResponse:
        """Act, with a body in JSON or none."""
        return self.client.post(f"/api/v1{path}", json=body, headers=self._headers(headers))

    def send(self, path: str, document: bytes, **headers: str) -> TestResponse:
        """Act, with a document of XML."""
        told = {"Content-Type": "application/xml"} | self._headers(headers)
        return self.client.post(f"/api/v1{path}", data=document, headers=told)

    def act(self, path: str, body: Mapping[str, object] | None = None, **headers: str) -> TestResponse:
        """Act on a mitigation as it stands at this moment; `path` is its id and the verb."""
        found = self.get(f"/mitigations/{path.split('/', maxsplit=1)[0]}")
        return self.post(f"/mitigations/{path}", body, **({"If_Match": found.headers["ETag"]} | headers))

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        told = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.token}"} | told


def said(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    """What an answer of that status says; another status is shown with all that it says."""
    assert answer.status_code == status, (answer.status_code, answer.get_data(as_text=True))
    return cast("dict[str, Any]", answer.get_json())
