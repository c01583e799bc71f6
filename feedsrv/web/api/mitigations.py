"""Mitigations and their revisions, as far as they are read."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.lints.verdicts import judge_samples
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Severity
from feedsrv.publishing.previewing import preview
from feedsrv.web.api.drafts import DraftWords, draft_words
from feedsrv.web.api.entry import XML
from feedsrv.web.api.mitigation_words import (
    Builds,
    BuildWords,
    DifferenceWords,
    Findings,
    History,
    MitigationPage,
    RevisionWords,
    ServerChanges,
    ServerChangeWords,
    SummaryWords,
    Verdicts,
    VerdictWords,
)
from feedsrv.web.api.paging import Paged
from feedsrv.web.api.routes import Routes, said, said_document
from feedsrv.web.api.words import ChannelName, MitigationId, Number, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal
from feedsrv.web.headers import XML as XML_IN_UTF8

TAG = "mitigations"


class MitigationPath(Words):
    """Which mitigation."""

    id: MitigationId
    """Such as `M0001`."""


class Filters(Paged):
    """Which mitigations."""

    stage: Stage | None = None
    """As people see it."""
    channel: ChannelName | None = None
    severity: Severity | None = None
    search: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    """A part of an id or a title, in either case."""


class WhichRevision(Words):
    """Which revision."""

    number: Number | None = None
    """The newest that is not discarded, where it is left out."""


class WhichTwo(WhichRevision):
    """Which two revisions."""

    against: Number | None = None
    """The one that was published before it, where it is left out."""


def add(routes: Routes, desk: Desk) -> None:
    """Everything that can be read of a mitigation."""
    _add_words(routes, desk)
    _add_views(routes, desk)


def _add_words(routes: Routes, desk: Desk) -> None:

    @routes.get("/v1/mitigations", MitigationPage, tag=TAG)
    def list_mitigations(query: Filters) -> Response:
        """List mitigations, each by its newest revision."""
        page = desk.workflow(principal()).page(
            after=query.after(TAG),
            limit=query.limit,
            stage=query.stage,
            channel=query.channel,
            severity=query.severity,
            search=query.search,
        )
        items = [SummaryWords.of(one) for one in page.items]
        return said(MitigationPage(items=items, next=query.cursor_after(TAG, page.next)))

    @routes.get("/v1/mitigations/<id>", RevisionWords, tag=TAG, tagged=True)
    def show_mitigation(path: MitigationPath, query: WhichRevision) -> Response:
        """Show one revision; its ETag is what acts on it take in `If-Match`."""
        return shown_revision(desk, path.id, query.number)

    @routes.get("/v1/mitigations/<id>/revisions", History, tag=TAG)
    def list_revisions(path: MitigationPath) -> Response:
        """List every revision of a mitigation."""
        shown = desk.workflow(principal()).show(path.id)
        return said(History(items=[SummaryWords.of(one) for one in shown.history]))

    @routes.get("/v1/mitigations/<id>/draft", DraftWords, tag=TAG, tagged=True)
    def read_draft(path: MitigationPath, query: WhichRevision) -> Response:
        """Read the words as their authors see them, with samples and notes."""
        workflow = desk.workflow(principal())
        shown = workflow.show(path.id, query.number)
        return said(draft_words(workflow.draft(path.id, shown.revision.number)), tag=shown.tag)

    @routes.get("/v1/mitigations/<id>/authoring.xml", None, tag=TAG, answers=XML, tagged=True)
    def read_authoring_document(path: MitigationPath, query: WhichRevision) -> Response:
        """Read the same as a document that can be edited and imported again."""
        shown = desk.workflow(principal()).show(path.id, query.number)
        return said_document(shown.revision.authoring, XML_IN_UTF8, tag=shown.tag)

    @routes.get("/v1/mitigations/<id>/document.xml", None, tag=TAG, answers=XML, tagged=True)
    def read_document(path: MitigationPath, query: WhichRevision) -> Response:
        """Read the very bytes that are reviewed, and signed without another change."""
        shown = desk.workflow(principal()).show(path.id, query.number)
        return said_document(shown.revision.unsigned, XML_IN_UTF8, tag=shown.tag)


def _add_views(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/mitigations/<id>/diff", DifferenceWords, tag=TAG)
    def compare_revisions(path: MitigationPath, query: WhichTwo) -> Response:
        """Lay a revision beside another: what it changes, in meaning first."""
        found = desk.workflow(principal()).diff(path.id, query.number, query.against)
        return said(DifferenceWords.about(found))

    @routes.get("/v1/mitigations/<id>/findings", Findings, tag=TAG)
    def lint_mitigation(path: MitigationPath) -> Response:
        """Hear what the rules would say if the newest revision were published now."""
        return said(Findings.about(desk.workflow(principal()).lint(path.id)))

    @routes.get("/v1/mitigations/<id>/verdicts", Verdicts, tag=TAG)
    def judge_revision(path: MitigationPath, query: WhichRevision) -> Response:
        """See what the rules do with the samples and their usual variants."""
        draft = desk.workflow(principal()).draft(path.id, query.number)
        return said(Verdicts(items=[VerdictWords.about(one) for one in judge_samples(draft)]))

    @routes.get("/v1/mitigations/<id>/builds", Builds, tag=TAG)
    def list_builds(path: MitigationPath, query: WhichRevision) -> Response:
        """List the builds of the affected products, and where the mitigation stands to each."""
        lines = desk.workflow(principal()).builds(path.id, query.number)
        return said(Builds(items=[BuildWords.of(one) for one in lines]))

    @routes.get("/v1/mitigations/<id>/server-changes", ServerChanges, tag=TAG)
    def preview_changes(path: MitigationPath, query: WhichRevision) -> Response:
        """See what an agent would change on a server, and how it takes that back."""
        shown = desk.workflow(principal()).show(path.id, query.number)
        changes = preview(shown.revision.mitigation, desk.publisher)
        return said(ServerChanges(items=[ServerChangeWords.of(one) for one in changes]))


def shown_revision(desk: Desk, mitigation_id: str, number: int | None = None) -> Response:
    """One revision as it stands now, with its tag."""
    shown = desk.workflow(principal()).show(mitigation_id, number)
    return said(RevisionWords.about(shown), tag=shown.tag)
