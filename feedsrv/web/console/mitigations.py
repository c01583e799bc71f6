"""Reading mitigations: the list, one of them with all that a reviewer must see, and what changes."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Response, request

from feedsrv.lints.judging import ORDINARY
from feedsrv.lints.verdicts import Verdict, judge_samples
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import RequestSample, Severity
from feedsrv.publishing.summaries import Asked
from feedsrv.web import pages
from feedsrv.web.console import asking
from feedsrv.web.console.telling import tell_revision
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require
from feedsrv.web.headers import XML

LISTED = tuple(one for one in Stage if one is not Stage.DISCARDED)


def mitigations_blueprint(desk: Desk) -> Blueprint:
    """`/mitigations` and everything below it that only reads."""
    door = Blueprint("mitigations", __name__)

    @door.get("/mitigations")
    def listed() -> Response:
        who = require()
        asked = Asked(
            after=asking.text("after"),
            stage=asking.one_of("stage", LISTED),
            severity=asking.one_of("severity", Severity),
            channel=asking.text("channel"),
            search=asking.text("search"),
        )
        page = desk.workflow(who).page(
            after=asked.after,
            limit=asked.limit,
            stage=asked.stage,
            severity=asked.severity,
            channel=asked.channel,
            search=asked.search,
        )
        return pages.render(
            "desk/mitigations.html", page=page, asked=asked, stages=LISTED, severities=Severity
        )

    @door.get("/mitigations/<mitigation_id>")
    def newest(mitigation_id: str) -> Response:
        return tell_revision(desk, require(), mitigation_id, done=request.args.get("done"))

    @door.get("/mitigations/<mitigation_id>/<int:number>")
    def revision(mitigation_id: str, number: int) -> Response:
        return tell_revision(desk, require(), mitigation_id, number, done=request.args.get("done"))

    @door.get("/mitigations/<mitigation_id>/<int:number>.xml")
    def document(mitigation_id: str, number: int) -> Response:
        found = desk.workflow(require()).show(mitigation_id, number).revision
        return Response(found.unsigned, content_type=XML)

    @door.get("/mitigations/<mitigation_id>/<int:number>/checks")
    def checks(mitigation_id: str, number: int) -> Response:
        reading = desk.workflow(require())
        shown = reading.show(mitigation_id, number)
        is_judged = shown.is_newest and shown.revision.is_open
        verdicts = judge_samples(reading.draft(mitigation_id, number))
        return pages.render(
            "desk/checks.html",
            shown=shown,
            findings=reading.lint(mitigation_id) if is_judged else None,
            verdicts=_by_sample(one for one in verdicts if one.variant != ORDINARY),
            ordinary=[one for one in verdicts if one.variant == ORDINARY],
            bad=sum(not one.good for one in verdicts),
            asked=len(verdicts),
        )

    @door.get("/mitigations/<mitigation_id>/diff")
    def difference(mitigation_id: str) -> Response:
        reading = desk.workflow(require())
        number, against = asking.number("to"), asking.number("from")
        return pages.render(
            "desk/diff.html",
            shown=reading.show(mitigation_id, number),
            difference=reading.diff(mitigation_id, number, against),
        )

    return door


def _by_sample(verdicts: Iterable[Verdict]) -> tuple[tuple[Verdict, tuple[Verdict, ...]], ...]:
    """Each sample as it was written, with its variants."""
    written: dict[RequestSample, list[Verdict]] = {}
    for one in verdicts:
        written.setdefault(one.sample, []).append(one)
    return tuple((first, tuple(variants)) for first, *variants in written.values())
