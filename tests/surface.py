"""The private surface as people at their desks see it: the real application, with people that a test names.

Nobody signs in here: each browser says in a header who it is, and a stub believes it. Everything behind
that is real: the workflow, a store in memory or on SQLite, the development PKI, the shelf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import enumerate as enumerate_threads
from typing import Final

from bs4 import BeautifulSoup, Tag
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.notices.desk import NoticeDesk
from feedsrv.publishing.outcome import Outcome
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.publishing.permits import only
from feedsrv.publishing.versions import FeedVersions
from feedsrv.publishing.workflow import Workflow
from feedsrv.signing.development import ensure_development_pki
from feedsrv.stores.memory import MemoryLock, MemoryShelf, MemoryStore
from feedsrv.web import guard
from feedsrv.web.console import console_blueprints
from feedsrv.web.console.publishing import PUBLICATION
from feedsrv.web.desk import Desk, Progress
from feedsrv.web.private import create_private_app
from feedsrv.web.signin.protection import protect
from tests.desk import AT
from tests.publisher import CATALOGUE, House, open_house, shared_pki

WHO: Final = "X-Person"
ROLES: Final = "X-Roles"
MINUTES: Final = "X-Minutes"
"""Since they proved who they are."""
FRESH_FOR: Final = timedelta(minutes=10)
STALE: Final = timedelta(hours=1)


@dataclass
class Ticking:
    """A time that the test moves."""

    at: datetime = AT

    def __call__(self) -> datetime:
        """The time."""
        return self.at


@dataclass
class Surface:
    """A private surface, and the house that it is the desk of."""

    house: House
    clock: Ticking
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = self._made()

    @classmethod
    def in_memory(cls) -> Surface:
        """One that keeps everything in memory; it has a catalogue."""
        clock = Ticking()
        pki = ensure_development_pki(shared_pki(), now=clock.at)
        return cls(House(MemoryStore(), MemoryShelf(), MemoryLock(), pki, clock), clock)._furnished()

    @classmethod
    def on_disk(cls, folder: Path) -> Surface:
        """One on SQLite and files below a folder; it has a catalogue."""
        clock = Ticking()
        return cls(open_house(folder, shared_pki(), clock), clock)._furnished()

    def _furnished(self) -> Surface:
        self.house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
        return self

    @property
    def desk(self) -> Desk:
        """What the application works with."""
        return Desk(
            publisher="Contoso",
            clock=self.clock,
            workflow=self.workflow,
            publish=self.publish,
            people=PeopleDesk(
                self.house.store,
                now=self.clock,
                session_span=timedelta(hours=12),
                session_idle=timedelta(hours=1),
                local_accounts=True,
            ),
            keys=lambda who: KeyDesk(self.house.store, now=self.clock, may=only(who), via=who.via),
            publish_lists=lambda: False,
            notices=NoticeDesk(self.house.store, now=self.clock, networks=(), secret=lambda _: b"k" * 32),
            versions=lambda: FeedVersions(
                self.house.shelf, self.house.store, lambda: self.house.policy, self.clock
            ),
        )

    def workflow(self, who: Principal) -> Workflow:
        """The verbs, as somebody."""
        return Workflow(self.house.store, now=self.clock, may=only(who), via=who.via)

    def publish(self, principal: Principal, *, progress: Progress) -> Outcome:
        """Publish what is approved."""
        return self.house.cycle(progress).run(by=principal.name, at=self.clock())

    @staticmethod
    def finish_publications() -> None:
        """Wait for those that go on though their browser left."""
        for one in enumerate_threads():
            if one.name == PUBLICATION:
                one.join()

    def client(self, name: str | None, *roles: Role | str, signed_in: timedelta = timedelta()) -> FlaskClient:
        """A browser of somebody who has these roles and proved so long ago who they are; None is nobody."""
        client = self.app.test_client()
        for header, value in said(name, *roles, signed_in=signed_in).items():
            client.environ_base["HTTP_" + header.upper().replace("-", "_")] = value
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        return client

    def _recognised(self, request: Request) -> Principal | None:
        name = request.headers.get(WHO)
        if name is None:
            return None
        since = self.clock() - timedelta(minutes=int(request.headers.get(MINUTES, "0")))
        roles = frozenset(map(Role, filter(None, request.headers.get(ROLES, "").split(","))))
        return Principal(name, roles, CONSOLE, since, "0" * 64)

    def _made(self) -> Flask:
        return create_private_app(
            look=tuple,
            publisher="Contoso",
            clock=self.clock,
            guard=guard.Guard(self._recognised, FRESH_FOR, self.clock),
            doors=console_blueprints(self.desk),
            protect=_protected,
        )


def _protected(app: Flask) -> None:
    protect(
        app,
        secrets=["a secret of the tests"],
        desk_url="http://localhost",
        binds=(),
        trusted_proxies=0,
        max_bytes=1_000_000,
    )


def said(name: str | None, *roles: Role | str, signed_in: timedelta = timedelta()) -> Mapping[str, str]:
    """The headers in which a browser says who sits at it, for the stub to believe."""
    if name is None:
        return {}
    minutes = str(int(signed_in.total_seconds() // 60))
    return {WHO: name, ROLES: ",".join(str(Role(one)) for one in roles), MINUTES: minutes}


def soup(answer: TestResponse) -> BeautifulSoup:
    """A page as a tree."""
    return BeautifulSoup(answer.data, "html.parser")


def press(client: FlaskClient, page: str, button: str, **typed: str) -> TestResponse:
    """Open a page, fill in the form that has this button, and press it; says what came of it.

    What the form holds already is sent along, the hidden fields too, as a browser does.
    """
    answer = client.get(page)
    for form in soup(answer).find_all("form"):
        for pressed in form.find_all("button"):
            if pressed.get_text(" ", strip=True) == button:
                fields = {**_held(form), **typed}
                if pressed.get("name"):
                    fields[str(pressed["name"])] = str(pressed.get("value", ""))
                return client.post(str(form.get("action") or page), data=fields)
    raise AssertionError(f"{page} ({answer.status_code}) has no button {button!r}")


def _held(form: Tag) -> dict[str, str]:
    held: dict[str, str] = {}
    for one in form.find_all(["input", "textarea", "select"]):
        name = str(one.get("name", ""))
        if one.name == "textarea":
            held[name] = one.get_text()
        elif one.name == "select":
            chosen = one.find("option", selected=True) or one.find("option")
            held[name] = str(chosen["value"]) if isinstance(chosen, Tag) else ""
        elif one.get("type") not in {"checkbox", "radio"} or one.has_attr("checked"):
            held[name] = str(one.get("value", "on" if one.get("type") == "checkbox" else ""))
    held.pop("", None)
    return held
