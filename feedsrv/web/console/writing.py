"""The pages on which mitigations are written: from nothing, from a file, or from the words there are.

What somebody typed is never lost: not where a field is wrong, not where a row is added, and not where
somebody else was faster.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from feedsrv.codec.parsing import LIMITS_MITIGATION
from feedsrv.errors import BadInputError, FeedsrvError, OperatorError
from feedsrv.model.lifecycle import Role, Stage
from feedsrv.model.mitigation import HEARTBEAT as HEARTBEAT_ID
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.refusals import ChangedSinceError, UnknownMitigationError
from feedsrv.publishing.summaries import MOST_LISTED, Shown
from feedsrv.publishing.workflow import Workflow
from feedsrv.web import guard
from feedsrv.web.console.form_rows import (
    BadFormError,
    bounded,
    change_rows,
    differences,
    fresh_values,
    slips_of,
)
from feedsrv.web.console.form_values import values_of
from feedsrv.web.console.form_words import meant_by
from feedsrv.web.console.forms import HEARTBEAT, KINDS, WriteForm, new_form, sent_form
from feedsrv.web.console.trying import SOURCE, next_number, try_form
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to

FIRST_REVIEW: Final = timedelta(days=60)
"""How far ahead a new mitigation is to be looked at again, unless its author says otherwise."""
_ZIP: Final = b"PK\x03\x04"
_LONGEST_NAME: Final = 100
NOTHING_YET: Final = ""
"""The tag of what does not exist."""


class BadUploadError(BadInputError):
    """A file was handed in that holds no mitigation."""

    code = "console.bad_upload"


@dataclass(frozen=True, slots=True)
class Page:
    """What stands around a form: which mitigation it is, and what was seen of it."""

    mitigation_id: str | None
    """None while it is new."""
    seen: str
    shown: Shown | None = None

    @property
    def address(self) -> str:
        """Where the form is sent."""
        return "/mitigations/new" if self.mitigation_id is None else f"/mitigations/{self.mitigation_id}/edit"


def writing_blueprint(desk: Desk) -> Blueprint:
    """`/mitigations/new` and `/mitigations/<id>/edit`."""
    door = Blueprint("writing", __name__)

    @door.get("/mitigations/new")
    def new() -> ResponseReturnValue:
        who = guard.require(Role.AUTHOR)
        kind = request.args.get("kind", "")
        if kind not in KINDS:
            return render("desk/write_new.html", kinds=KINDS, problem=None)
        workflow = desk.workflow(who)
        values = fresh_values(
            kind,
            id=HEARTBEAT_ID if kind == HEARTBEAT else _free_id(workflow),
            review_by=(desk.clock().date() + FIRST_REVIEW).isoformat(),
        )
        return _written(desk, workflow, new_form(values), Page(None, NOTHING_YET))

    @door.post("/mitigations/new")
    def create() -> ResponseReturnValue:
        who = guard.require(Role.AUTHOR)
        if request.form.get("do") == "upload":
            return _upload(desk, who)
        return _answered(desk, who, Page(None, NOTHING_YET))

    @door.get("/mitigations/<mitigation_id>/edit")
    def edit(mitigation_id: str) -> ResponseReturnValue:
        workflow = desk.workflow(guard.require(Role.AUTHOR))
        shown = workflow.show(mitigation_id)
        values = values_of(workflow.draft(mitigation_id))
        if not shown.revision.is_open:
            values["change"] = ""  # What the next revision changes is for its author to say.
        return _written(desk, workflow, new_form(values), Page(mitigation_id, shown.tag, shown))

    @door.post("/mitigations/<mitigation_id>/edit")
    def change(mitigation_id: str) -> ResponseReturnValue:
        who = guard.require(Role.AUTHOR)
        shown = desk.workflow(who).show(mitigation_id)
        return _answered(desk, who, Page(mitigation_id, request.form.get("seen", ""), shown))

    return door


def _answered(desk: Desk, who: Principal, page: Page) -> ResponseReturnValue:
    """What comes of a form that was sent."""
    workflow = desk.workflow(who)
    form = sent_form(bounded(request.form))
    asked = request.form.get("row", "")
    if asked:
        changed = change_rows(form.data, asked)
        return _written(desk, workflow, new_form(changed.values), page, focus=changed.focus)
    if page.mitigation_id is not None and form.id.data != page.mitigation_id:
        raise BadFormError(f"this form is about {page.mitigation_id}; its id stays what it is")
    number = next_number(workflow, str(form.id.data or ""))
    meant = meant_by(form, number=number, issued=desk.clock())
    if request.form.get("do") == "try":
        trial = try_form(form, meant, workflow=workflow, publisher=desk.publisher)
        return _written(desk, workflow, form, page, trial=trial, status=HTTPStatus.OK)
    if meant.draft is None:
        return _written(desk, workflow, form, page, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        kept = workflow.import_mitigation(meant.written, source=SOURCE, by=who.name, seen=page.seen)
    except ChangedSinceError as late:
        return _too_late(desk, workflow, form, meant.draft, late)
    except OperatorError:
        raise
    except FeedsrvError as refused:
        form.form_errors.append(str(refused))
        return _written(desk, workflow, form, page, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect(to(f"/mitigations/{kept.revision.id}"), HTTPStatus.SEE_OTHER)


def _too_late(
    desk: Desk, workflow: Workflow, form: WriteForm, mine: Draft, late: ChangedSinceError
) -> ResponseReturnValue:
    """Somebody was faster: both are shown, and whoever typed decides."""
    mitigation_id = str(form.id.data)
    shown = workflow.show(mitigation_id)
    theirs = values_of(workflow.draft(mitigation_id))
    return _written(
        desk,
        workflow,
        form,
        Page(mitigation_id, shown.tag, shown),
        late=str(late),
        apart=differences(values_of(mine), theirs),
        status=HTTPStatus.CONFLICT,
    )


def _written(  # noqa: PLR0913 -- what stands on the page beside the form
    desk: Desk,
    workflow: Workflow,
    form: WriteForm,
    page: Page,
    *,
    focus: str = "",
    trial: object = None,
    late: str = "",
    apart: tuple[tuple[str, str, str], ...] = (),
    status: HTTPStatus = HTTPStatus.OK,
) -> ResponseReturnValue:
    catalogue = workflow.catalogue()
    shown = page.shown
    return render(
        "desk/write.html",
        status=status,
        form=form,
        page=page,
        slips=slips_of(form),
        focus=focus,
        trial=trial,
        late=late,
        apart=apart,
        kinds=KINDS,
        products=tuple(catalogue.products.values()),
        updates=catalogue.updates,
        channels=("production", "preview"),
        voids=shown is not None and shown.revision.stage in {Stage.IN_REVIEW, Stage.APPROVED},
        begins_next=shown is not None and not shown.revision.is_open,
        desk_publisher=desk.publisher,
    )


def _free_id(workflow: Workflow) -> str:
    """The id after the highest that was ever given."""
    number, after = 1, ""
    while True:
        # Lines of lists, since nobody needs two thousand documents to count them.
        page = workflow.page(after=after or None, limit=MOST_LISTED)
        taken = [int(one.id[1:]) for one in page.items if one.id != HEARTBEAT_ID]
        number = max([number, *(one + 1 for one in taken)])
        if page.next is None:
            break
        after = page.next
    return f"M{number:04}" if number <= 9_999 else ""


def _upload(desk: Desk, who: Principal) -> ResponseReturnValue:
    workflow = desk.workflow(who)
    try:
        data, source = uploaded("file", most=LIMITS_MITIGATION.max_bytes)
        kept = _import(workflow, data, source, who, replaces=request.form.get("replace") == "yes")
    except OperatorError:
        raise
    except FeedsrvError as refused:
        return render(
            "desk/write_new.html", status=HTTPStatus.UNPROCESSABLE_ENTITY, kinds=KINDS, problem=str(refused)
        )
    return redirect(to(f"/mitigations/{kept}"), HTTPStatus.SEE_OTHER)


def _import(workflow: Workflow, data: bytes, source: str, who: Principal, *, replaces: bool) -> str:
    mitigation_id = workflow.judge(data, source=source).draft.mitigation.id
    try:
        shown = workflow.show(mitigation_id)
    except UnknownMitigationError:
        tag = NOTHING_YET
    else:
        tag = shown.tag
        if shown.revision.is_open and not replaces:
            raise BadUploadError(
                f"{shown.revision} is in work ({shown.stage}, by {shown.revision.author}); to put the words "
                "of this file in its place, say so below and upload it again"
            )
    return workflow.import_mitigation(data, source=source, by=who.name, seen=tag).revision.id


def uploaded(field: str, *, most: int) -> tuple[bytes, str]:
    """The bytes of a file that was handed in, and its name as it can stand in the audit log.

    Raises:
        BadUploadError: there is none, it is empty, too large, or an archive.
    """
    file: FileStorage | None = request.files.get(field)
    if file is None or not file.filename:
        raise BadUploadError("choose a file to upload")
    if len(request.files.getlist(field)) > 1:
        raise BadUploadError("upload one file at a time")
    data = file.stream.read(most + 1)
    file.close()  # A long one lies on disk until then.
    name = _plain_name(file.filename)
    if len(data) > most:
        raise BadUploadError(f"{name} has more than {most} bytes, which is the most that are read")
    if not data:
        raise BadUploadError(f"{name} is empty")
    if data.startswith(_ZIP):
        raise BadUploadError(f"{name} is a zip archive: unpack it, and upload the XML file that lies in it")
    return data, name


def _plain_name(name: str) -> str:
    """The last part of a path, without what cannot be seen: it is shown to people, and opened by nobody."""
    last = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(one for one in unicodedata.normalize("NFC", last) if one.isprintable())
    return seen.strip()[:_LONGEST_NAME] or "upload"
