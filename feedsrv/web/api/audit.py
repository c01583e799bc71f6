"""Who did what: the audit log, a page at a time, and whether its chain holds."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.refusals import BrokenChainError
from feedsrv.web.api.paging import Paged
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import Moment, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require

TAG = "audit"
Filter = Annotated[str | None, Field(min_length=1, max_length=100)]


class AuditEntryWords(Words):
    """One act, chained to the one before by its hash."""

    seq: int
    """Counts from 1, without gaps."""
    at: Moment
    actor: str
    verb: str
    subject: str
    detail: dict[str, str]
    previous: str
    """Hash of the entry before."""
    hash: str


class AuditPageWords(Words):
    """A page of the audit log, newest first."""

    items: list[AuditEntryWords]
    next: str | None
    """The cursor of the page that follows; null at the beginning of the log."""


class ChainWords(Words):
    """Whether the log holds together."""

    holds: bool
    """False where it was changed after it was written."""
    entries: int | None
    """How many there are; null where it does not hold."""
    hash: str | None
    """Of the newest entry; write it down elsewhere, to see later that nothing was cut off."""
    trouble: str | None
    """Which entry is not what was written, and what to do; null where it holds."""


class AuditFilters(Paged):
    """Which entries."""

    actor: Filter = None
    """Whose acts."""
    verb: Filter = None
    """Such as `approve`."""
    subject: Filter = None
    """A whole one, or its first words: `M0001` finds `M0001 revision 2`."""


def add(routes: Routes, desk: Desk) -> None:
    """The audit log, for auditors."""

    @routes.get("/v1/audit", AuditPageWords, tag=TAG)
    def list_audit(query: AuditFilters) -> Response:
        """List acts, newest first."""
        who = require(ACTS["audit.read"])
        page = desk.workflow(who).audit_page(
            before=query.before(TAG),
            limit=query.limit,
            actor=query.actor,
            verb=query.verb,
            subject=query.subject,
        )
        items = [AuditEntryWords.of(one) for one in page.entries]
        return said(AuditPageWords(items=items, next=query.cursor_after(TAG, page.next)))

    @routes.get("/v1/audit/verify", ChainWords, tag=TAG)
    def verify_audit() -> Response:
        """Follow the chain from its beginning."""
        workflow = desk.workflow(require(ACTS["audit.read"]))
        try:
            chain = workflow.verify_audit()
        except BrokenChainError as broken:
            # Whoever asks whether it holds is to be told, and not that something is wrong with the server.
            return said(ChainWords(holds=False, entries=None, hash=None, trouble=str(broken)))
        return said(ChainWords(holds=True, entries=chain.entries, hash=chain.hash, trouble=None))
