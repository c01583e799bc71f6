"""One mitigation on one page: gathered for whoever came to read it, or was refused an act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.previewing import preview
from feedsrv.web import pages
from feedsrv.web.console.acts import VERBS, choices
from feedsrv.web.desk import Desk
from feedsrv.web.problems import told

RULES_OF: Final = "feedsrv"
"""The name before each rule on a server, where its operator has not set another one."""
_NOTHING: Mapping[str, str] = {}


def tell_revision(  # noqa: PLR0913 -- what the page is about, and what has just happened to it
    desk: Desk,
    who: Principal,
    mitigation_id: str,
    number: int | None = None,
    *,
    done: str | None = None,
    refused: FeedsrvError | None = None,
    verb: str | None = None,
    typed: Mapping[str, str] = _NOTHING,
) -> Response:
    """The page of one revision; the newest where no number is given.

    `done` names a verb that was just carried out. `refused` is what came of `verb` instead, with what was
    `typed` for it, so that nobody writes it twice.
    """
    reading = desk.workflow(who)
    shown = reading.show(mitigation_id, number)
    revision = shown.revision
    status, refusal = (200, None) if refused is None else told(refused)
    return pages.render(
        "desk/mitigation.html",
        int(status),
        shown=shown,
        words=revision.mitigation,
        draft=reading.draft(mitigation_id, revision.number),
        difference=reading.diff(mitigation_id, revision.number) if _is_compared(shown.stage) else None,
        builds=reading.builds(mitigation_id, revision.number),
        changes=preview(revision.mitigation, RULES_OF),
        choices=choices(shown, who),
        done=VERBS[done].done if done in VERBS else None,
        refusal=refusal,
        refused_verb=verb,
        typed=typed,
    )


def _is_compared(stage: Stage) -> bool:
    """While somebody must still decide, what changes comes first; later it is a link."""
    return stage in {Stage.DRAFT, Stage.IN_REVIEW, Stage.APPROVED}
