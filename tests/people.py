"""People who sign in, on a store of the test's choice, at a time that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from argon2 import PasswordHasher

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.passwords import Passwords
from feedsrv.publishing.audit import verify_chain
from feedsrv.publishing.people_records import COMMAND_LINE, Claims, Person, Principal
from feedsrv.publishing.ports import Store
from feedsrv.publishing.records import AuditEntry
from feedsrv.stores.memory import MemoryStore

AT: Final = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
ISSUER: Final = "https://id.example.org"
GOOD: Final = "nine lives of a grey cat"
"""A password of whoever is added here."""
WRONG: Final = "ten lives of a grey cat"
ROOT: Final = Principal("root", frozenset(Role), f"{COMMAND_LINE} (account root)")
BROWSER: Final = "Firefox"
QUICK: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Real argon2id, with too little work for anything but tests."""


@dataclass
class Office:
    """The people desk; `root` is at the command line, and may act while there is no administrator."""

    store: Store = field(default_factory=MemoryStore)
    at: datetime = AT
    local: bool = True
    span: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=1)
    hasher: PasswordHasher = QUICK

    @property
    def desk(self) -> PeopleDesk:
        """The verbs."""
        return PeopleDesk(
            self.store,
            now=lambda: self.at,
            session_span=self.span,
            session_idle=self.idle,
            local_accounts=self.local,
            passwords=Passwords(self.hasher),
        )

    def later(self, **span: float) -> None:
        """Let time go by."""
        self.at += timedelta(**span)

    def add(self, name: str, *roles: Role, email: str | None = None) -> Principal:
        """Somebody with these roles and the good password; returns them at the console, unregistered."""
        person = self.desk.add(name, roles=roles, password=GOOD, by=self.boss, email=email)
        return Principal(person.name, person.roles, "console", self.at)

    @property
    def boss(self) -> Principal:
        """Somebody who is an administrator, at the command line; root before there is one."""
        for one in self.desk.everybody():
            if Role.ADMINISTRATOR in one.roles and one.removed_at is None:
                return Principal(one.name, one.roles, COMMAND_LINE)
        return ROOT

    def sign_in(self, name: str, password: str = GOOD) -> str:
        """Sign somebody in; returns the secret."""
        return self.desk.sign_in_local(name, password, browser=BROWSER)[0]

    def principal(self, name: str) -> Principal:
        """Somebody who has signed in at the console."""
        found = self.desk.recognise(self.sign_in(name))
        assert found is not None
        return found

    def person(self, name: str) -> Person:
        """What is kept of somebody."""
        return self.desk.person(name)

    def entries(self) -> tuple[AuditEntry, ...]:
        """The audit log, whose chain holds."""
        with self.store.look() as work:
            entries = work.audit.entries()
        verify_chain(entries)
        return entries

    def acts(self) -> list[str]:
        """What the audit log says was done."""
        return [f"{one.actor} {one.verb} {one.subject}" for one in self.entries()]

    def told(self) -> list[str]:
        """Kinds and subjects of all notices, oldest first."""
        with self.store.look() as work:
            return [f"{one.kind} {one.subject}" for one in reversed(work.notices.newest(100))]


def claims(name: str = "carla", *roles: Role, **changes: object) -> Claims:
    """What the provider says of somebody who proved at `AT` who they are."""
    said = Claims(
        issuer=ISSUER,
        subject=f"subject-of-{name}",
        name=name,
        shown=name.title(),
        email=f"{name}@example.org",
        roles=frozenset(roles),
        authenticated_at=AT,
        provider_session=f"session-of-{name}",
    )
    return replace(said, **changes)  # type: ignore[arg-type]
