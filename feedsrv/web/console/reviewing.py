"""Deciding: one address for each verb on a revision.

A refusal shows the page as it stands now, with what was typed, so that people decide again by what they see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from feedsrv.errors import FeedsrvError, NotFoundError
from feedsrv.model.lifecycle import FRESH
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.records import Revision
from feedsrv.publishing.workflow import Workflow
from feedsrv.web import pages
from feedsrv.web.console.telling import tell_revision
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require, require_fresh

Act = Callable[[Workflow, str, str, str | None, Mapping[str, str]], Revision]
"""Carries out a verb: on what, by whom, having seen which tag, with what was typed."""

_ACTS: Final[dict[str, Act]] = {
    "submit": lambda desk, one, by, seen, _: desk.submit(one, by=by, seen=seen),
    "approve": lambda desk, one, by, seen, typed: desk.approve(one, by=by, seen=seen, digest=typed["digest"]),
    "return": lambda desk, one, by, seen, typed: desk.return_(one, by=by, seen=seen, reason=typed["reason"]),
    "discard": lambda desk, one, by, seen, _: desk.discard(one, by=by, seen=seen),
    "withdraw": lambda desk, one, by, seen, typed: desk.withdraw(
        one, by=by, seen=seen, reason=typed["reason"]
    ),
    "revise": lambda desk, one, by, seen, typed: desk.revise(one, by=by, seen=seen, change=typed["change"]),
    "break-glass": lambda desk, one, by, seen, typed: desk.break_glass(
        one, by=by, seen=seen, digest=typed["digest"], incident=typed["incident"], reason=typed["reason"]
    ),
    "countersign": lambda desk, one, by, seen, typed: desk.countersign(
        one, by=by, seen=seen, digest=typed["digest"]
    ),
}
_FIELDS: Final = ("digest", "reason", "change", "incident")


def reviewing_blueprint(desk: Desk) -> Blueprint:
    """`POST /mitigations/<id>/<verb>`."""
    door = Blueprint("reviewing", __name__)

    @door.post(f"/mitigations/<mitigation_id>/<any({', '.join(map(repr, _ACTS))}):verb>")
    def decide(mitigation_id: str, verb: str) -> Response:
        # Which role a verb needs depends on the stage, so the workflow asks for it.
        who = require_fresh() if verb in FRESH else require()
        typed = {name: request.form.get(name, "") for name in _FIELDS}
        # An act from a form without a tag would hit whatever is there now.
        seen = request.form.get("seen", "")
        try:
            changed = _ACTS[verb](desk.workflow(who), mitigation_id, who.name, seen, typed)
        except NotFoundError:
            raise
        except FeedsrvError as refused:
            return _refused(desk, who, mitigation_id, verb, refused, typed)
        return redirect(_after(changed, verb), 303)

    return door


def _refused(  # noqa: PLR0913, PLR0917 -- as many as the page needs to say what came of what
    desk: Desk, who: Principal, mitigation_id: str, verb: str, refused: FeedsrvError, typed: Mapping[str, str]
) -> Response:
    return tell_revision(desk, who, mitigation_id, refused=refused, verb=verb, typed=typed)


def _after(changed: Revision, verb: str) -> str:
    """Where somebody goes on once it is done."""
    path = f"/mitigations/{changed.id}"
    if verb == "revise":
        return pages.to(f"{path}/edit")
    # What is discarded is no longer the newest.
    return pages.to(f"{path}/{changed.number}" if verb == "discard" else path, done=verb)
