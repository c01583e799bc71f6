"""A workflow in memory, for tests that need neither keys nor files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Published, Revision
from feedsrv.publishing.workflow import Imported, Workflow
from feedsrv.stores.memory import MemoryStore

AT: Final = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@dataclass
class Desk:
    """A workflow on a store in memory, at a time that the test moves."""

    store: MemoryStore = field(default_factory=MemoryStore)
    at: datetime = AT

    @property
    def workflow(self) -> Workflow:
        """The verbs."""
        return Workflow(self.store, now=lambda: self.at)

    def bring(self, document: bytes, by: str = "anna") -> Imported:
        """Import a mitigation."""
        return self.workflow.import_mitigation(document, source="m.xml", by=by)

    def approve(self, mitigation_id: str = "M0001", by: str = "ben") -> Revision:
        """Submit where needed, and approve."""
        found = self.workflow.show_mitigation(mitigation_id)
        if found.stage is Stage.DRAFT:
            found = self.workflow.submit(mitigation_id, by="anna")
        return self.workflow.approve(mitigation_id, by=by, digest=found.digest)

    def publish(self, *documents: bytes) -> None:
        """Import, approve and publish, as far as the store can tell."""
        for document in documents:
            self.approve(self.bring(document).revision.id)
        with self.store.begin() as work:
            for one in work.revisions.at_stage(Stage.APPROVED):
                out = Published(one.digest, 1, self.at)
                work.revisions.save(replace(one, stage=Stage.PUBLISHED, published=out))

    def acts(self) -> list[str]:
        """What the audit log says was done."""
        self.workflow.verify_audit()
        return [f"{one.actor} {one.verb} {one.subject}" for one in self.workflow.list_audit()]
