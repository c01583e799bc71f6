"""A workflow in memory, for tests that need neither keys nor files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.people_records import Person, Principal
from feedsrv.publishing.permits import May, anybody, only
from feedsrv.publishing.ports import Store
from feedsrv.publishing.records import Published, Revision
from feedsrv.publishing.workflow import Imported, Workflow
from feedsrv.stores.memory import MemoryStore
from tests.publisher import written

AT: Final = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
SPAN: Final = timedelta(hours=4)
"""How soon somebody must countersign, at a desk."""


def urgent(mitigation_id: str = "M0001", **words: str) -> bytes:
    """A mitigation as it is written in an emergency: somebody looks again within a week."""
    return written(mitigation_id, **words).replace(b'<ReviewWithin days="30"/>', b'<ReviewWithin days="5"/>')


def person(name: str, *roles: Role, email: str | None = None, removed: bool = False) -> Person:
    """Somebody who is registered."""
    return Person(
        name=name,
        shown=name.title(),
        email=email,
        subject=None,
        roles=frozenset(roles),
        password=None,
        since=AT,
        by="root",
        removed_at=AT if removed else None,
    )


@dataclass
class Desk:
    """A workflow on a store, in memory as a rule, at a time that the test moves."""

    store: Store = field(default_factory=MemoryStore)
    at: datetime = AT
    may: May = anybody
    via: str = ""

    @property
    def workflow(self) -> Workflow:
        """The verbs."""
        return Workflow(self.store, now=lambda: self.at, may=self.may, via=self.via, break_glass_span=SPAN)

    def as_(self, name: str, *roles: Role, via: str = "console") -> Workflow:
        """The verbs, as one person who is signed in with these roles."""
        may = only(Principal(name, frozenset(roles), via))
        return Workflow(self.store, now=lambda: self.at, may=may, via=via, break_glass_span=SPAN)

    def bring(self, document: bytes, by: str = "anna") -> Imported:
        """Import a mitigation."""
        return self.workflow.import_mitigation(document, source="m.xml", by=by)

    def approve(self, mitigation_id: str = "M0001", by: str = "ben") -> Revision:
        """Submit where needed, and approve."""
        found = self.workflow.show_mitigation(mitigation_id)
        if found.stage is Stage.DRAFT:
            found = self.workflow.submit(mitigation_id, by="anna")
        return self.workflow.approve(mitigation_id, by=by, digest=found.digest)

    def break_glass(self, mitigation_id: str = "M0001", by: str = "anna") -> Revision:
        """Approve alone."""
        digest = self.workflow.show_mitigation(mitigation_id).digest
        return self.workflow.break_glass(
            mitigation_id, by=by, digest=digest, incident="INC-7", reason="It is exploited."
        )

    def publish(self, *documents: bytes) -> None:
        """Import, approve and publish, as far as the store can tell."""
        for document in documents:
            self.approve(self.bring(document).revision.id)
        with self.store.begin() as work:
            for one in work.revisions.at_stage(Stage.APPROVED):
                out = Published(one.digest, 1, self.at)
                work.revisions.save(replace(one, stage=Stage.PUBLISHED, published=out))

    def alone(self, document: bytes | None = None, by: str = "anna") -> Revision:
        """Import, approve alone and publish, as far as the store can tell; gives the approved revision."""
        approved = self.break_glass(self.bring(document or urgent(), by=by).revision.id, by=by)
        self.publish()
        return approved

    def standing(self, mitigation_id: str = "M0001") -> Revision:
        """The newest published revision."""
        with self.store.look() as work:
            found = work.revisions.published(mitigation_id)
        assert found is not None
        return found

    def register(self, *people: Person) -> None:
        """Let these people work here."""
        with self.store.begin() as work:
            for one in people:
                work.people.save(one)

    def acts(self) -> list[str]:
        """What the audit log says was done."""
        self.workflow.verify_audit()
        return [f"{one.actor} {one.verb} {one.subject}" for one in self.workflow.list_audit()]

    def told(self) -> list[str]:
        """What people were told, oldest first: kind and subject."""
        with self.store.look() as work:
            return [f"{one.kind} {one.subject}" for one in work.notices.after(0, 1000)]

    def alarms(self) -> list[str]:
        """What everybody sees on every page."""
        with self.store.look() as work:
            return [f"{one.kind} {one.subject}" for one in work.notices.alarms()]
