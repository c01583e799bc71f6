"""Handing in words: as JSON or as a document; trying them before, without keeping anything."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response, request
from pydantic import Field

from feedsrv.codec.authoring import read_draft
from feedsrv.lints.verdicts import judge_samples, try_pattern
from feedsrv.model.action import Syntax
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.previewing import preview
from feedsrv.publishing.reading import tag_of
from feedsrv.publishing.refusals import UnknownMitigationError
from feedsrv.publishing.summaries import Judged
from feedsrv.publishing.workflow import ImportOutcome, Workflow
from feedsrv.web.api.conditions import tag_seen
from feedsrv.web.api.drafts import DraftWords
from feedsrv.web.api.entry import XML
from feedsrv.web.api.mitigation_words import (
    FindingWords,
    RevisionWords,
    ServerChangeWords,
    VerdictWords,
)
from feedsrv.web.api.refusals import MissingTagError
from feedsrv.web.api.routes import Routes, XmlBody, said
from feedsrv.web.api.rules import Pattern
from feedsrv.web.api.words import Body, Source, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal

TAG = "words"


class ImportedWords(Words):
    """What became of words that were handed in."""

    outcome: ImportOutcome
    """`created`, `edited`, or `unchanged` where these words are known here already."""
    revision: RevisionWords


class JudgedWords(Words):
    """What would be said of words, which are kept nowhere."""

    findings: list[FindingWords]
    """What the rules object to."""
    verdicts: list[VerdictWords]
    """What the rewrite rules do with the samples."""
    changes: list[ServerChangeWords]
    """What an agent would change on a server."""


class Trial(Body):
    """A pattern and what to try it on."""

    pattern: Pattern
    syntax: Syntax = Syntax.ECMASCRIPT
    ignore_case: bool = True
    """True where A is as good as a."""
    inputs: Annotated[list[Annotated[str, Field(max_length=4_000)]], Field(min_length=1, max_length=50)]


class TriedWords(Words):
    """What the pattern did with one input."""

    input: str
    matched: bool
    captures: list[str]
    """What matched, then each group."""
    why: str
    came_back: bool
    """False where it had to be stopped, and for the inputs after that."""


class Trials(Words):
    """What the pattern did with each input."""

    items: list[TriedWords]


def add(routes: Routes, desk: Desk) -> None:
    """Handing in, judging and trying."""

    @routes.post(
        "/v1/mitigations", ImportedWords, tag=TAG, tagged=True, guarded=False, also=(HTTPStatus.CREATED,)
    )
    def write_mitigation(body: DraftWords, query: Source) -> Response:
        """Hand in a mitigation: as revision 1, the next revision, or an edit of the open one.

        An edit of somebody's open revision needs `If-Match`. An approval of it is void.
        """
        return _imported(desk, body.id, body.document(desk.clock()), query.source)

    @routes.post(
        "/v1/documents",
        ImportedWords,
        tag=TAG,
        takes=XML,
        tagged=True,
        guarded=False,
        also=(HTTPStatus.CREATED,),
    )
    def import_mitigation(raw: XmlBody, query: Source) -> Response:
        """Hand in an authoring document, as `feedsrv mitigation import` does.

        The same words again change nothing. An edit of an open revision needs `If-Match`.
        """
        data = raw.get_data()
        draft = read_draft(data, revision=1, issued=desk.clock(), source=query.source)
        return _imported(desk, draft.mitigation.id, data, query.source)

    @routes.post("/v1/words/judge", JudgedWords, tag=TAG)
    def judge_words(body: DraftWords) -> Response:
        """Hear what rules and samples say of words, and see what an agent would change; nothing is kept."""
        data = body.document(desk.clock())
        return said(_judged(desk, desk.workflow(principal()).judge(data, source="API")))

    @routes.post("/v1/words/judge-document", JudgedWords, tag=TAG, takes=XML)
    def judge_document(raw: XmlBody, query: Source) -> Response:
        """The same of an authoring document."""
        return said(_judged(desk, desk.workflow(principal()).judge(raw.get_data(), source=query.source)))

    @routes.post("/v1/words/pattern", Trials, tag=TAG)
    def try_a_pattern(body: Trial) -> Response:
        """Try a pattern of IIS URL Rewrite; one that runs for too long is stopped."""
        tried = try_pattern(body.pattern, body.syntax, body.ignore_case, body.inputs)
        return said(Trials(items=[TriedWords.of(one) for one in tried]))


def _imported(desk: Desk, mitigation_id: str, data: bytes, source: str) -> Response:
    who = principal()
    workflow = desk.workflow(who)
    seen = (
        tag_seen()
        if "If-Match" in request.headers
        else _tag_where_nobody_loses(workflow, mitigation_id, data)
    )
    imported = workflow.import_mitigation(data, source=source, by=who.name, seen=seen)
    shown = workflow.show(imported.revision.id, imported.revision.number)
    words = ImportedWords(outcome=imported.outcome, revision=RevisionWords.about(shown))
    is_new = imported.outcome is ImportOutcome.CREATED
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    location = f"/api/v1/mitigations/{shown.revision.id}?number={shown.revision.number}"
    return said(words, status, tag=shown.tag, location=location if is_new else None)


def _tag_where_nobody_loses(workflow: Workflow, mitigation_id: str, data: bytes) -> str:
    """The tag of what is there now; empty where nothing is.

    Raises:
        MissingTagError: somebody's open revision would be overwritten unseen.
    """
    try:
        newest = workflow.show_mitigation(mitigation_id)
    except UnknownMitigationError:
        return ""
    if newest.is_open:
        digest = digest_of(data)
        known = [one for one in workflow.history(mitigation_id) if one.stage is not Stage.DISCARDED]
        if all(one.source_digest != digest for one in known):
            raise MissingTagError
    return tag_of(newest)


def _judged(desk: Desk, judged: Judged) -> JudgedWords:
    return JudgedWords(
        findings=[FindingWords.of(one) for one in judged.findings],
        verdicts=[VerdictWords.about(one) for one in judge_samples(judged.draft)],
        changes=[ServerChangeWords.of(one) for one in preview(judged.draft.mitigation, desk.publisher)],
    )
