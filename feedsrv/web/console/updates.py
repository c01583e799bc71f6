"""Cumulative updates: registering one, with what it drafts shown before; releasing and discarding it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.model.lifecycle import ACTS, Stage
from feedsrv.publishing.comparing import Difference, compare
from feedsrv.publishing.conditions import name_of
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.records import Revision, Update
from feedsrv.publishing.refusals import UnknownMitigationError, UnknownUpdateError
from feedsrv.publishing.workflow import Registered, Workflow
from feedsrv.web import guard
from feedsrv.web.console.typed import BadFieldError, typed, typed_day, typed_lines
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_FIELDS: Final = ("product", "build", "name", "released", "kb", "fixes", "needless")
_MOST_DRAFTED: Final = 200
"""Acts of the audit log that are looked through for the revisions of an update."""
DONE: Final = {
    "registered": "Registered. The revisions that it needs are in review.",
    "release": "The next publication releases it, together with its revisions.",
}


@dataclass(frozen=True, slots=True)
class Drafted:
    """One revision that registering would draft, beside what stands."""

    revision: Revision
    difference: Difference


def updates_blueprint(desk: Desk) -> Blueprint:
    """`/catalogue/updates/...`."""
    door = Blueprint("updates", __name__)

    @door.get("/catalogue/updates/new")
    def new() -> ResponseReturnValue:
        who = guard.require(ACTS["update.register"])
        known = {name: request.args.get(name, "")[:4_000] for name in _FIELDS}
        return _asking(desk.workflow(who), known)

    @door.post("/catalogue/updates/new")
    def register() -> ResponseReturnValue:
        return _register(desk, guard.require(ACTS["update.register"]))

    @door.get("/catalogue/updates/<product>/<build>")
    def one(product: str, build: str) -> ResponseReturnValue:
        workflow = desk.workflow(guard.require())
        return _update(workflow, product, build, done=DONE.get(request.args.get("done", ""), ""))

    @door.post("/catalogue/updates/<product>/<build>")
    def act(product: str, build: str) -> ResponseReturnValue:
        asked = typed("do")
        if asked not in {"release", "discard"}:
            raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
        who = guard.require(ACTS[f"update.{asked}"])
        workflow = desk.workflow(who)
        try:
            if asked == "discard":
                workflow.discard_update(product, Build.parse(build), by=who.name)
                return redirect(to("/catalogue"), HTTPStatus.SEE_OTHER)
            released = workflow.release_update(product, Build.parse(build), by=who.name)
        except FeedsrvError as refused:
            return _update(workflow, product, build, refused=refused)
        return redirect(_address(released.update, done="release"), HTTPStatus.SEE_OTHER)

    return door


def _register(desk: Desk, who: Principal) -> ResponseReturnValue:
    """Show what registering would do, or do it once somebody said yes to that very thing."""
    workflow = desk.workflow(who)
    asked = typed("do")
    if asked not in {"plan", "register", "change"}:
        raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
    if asked == "change":
        return _asking(workflow, request.form)
    try:
        update = _typed_update()
        plan = workflow.plan_update(update, by=who.name)
        if asked == "plan" or typed("seen") != _seen(plan):
            # Others may have published meanwhile: nobody says yes to what they did not see.
            return _planned(workflow, plan, is_other=asked == "register")
        workflow.register_update(update, by=who.name)
    except FeedsrvError as refused:
        return _asking(workflow, request.form, refused)
    return redirect(_address(update, done="registered"), HTTPStatus.SEE_OTHER)


def _typed_update() -> CumulativeUpdate:
    return CumulativeUpdate(
        product=typed("product"),
        build=Build.parse(typed("build")),
        name=typed("name"),
        released=typed_day("released"),
        kb=typed("kb") or None,
        fixes=typed_lines("fixes"),
        needless=typed_lines("needless"),
    )


def _seen(plan: Registered) -> str:
    """What a plan comes to, as far as somebody decides on it; moments are left out, since they pass."""
    return " ".join([f"{one.id}/{one.number}" for one in plan.revisions] + ["unchanged"] * plan.unchanged)


def _asking(
    workflow: Workflow, known: Mapping[str, str], refused: FeedsrvError | None = None
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    return render(
        "desk/update_new.html",
        status=status,
        products=tuple(workflow.catalogue().products.values()),
        known={name: known.get(name, "") for name in _FIELDS},
        refusal=sentence,
    )


def _planned(workflow: Workflow, plan: Registered, *, is_other: bool) -> ResponseReturnValue:
    return render(
        "desk/update_plan.html",
        status=HTTPStatus.CONFLICT if is_other else HTTPStatus.OK,
        update=plan.update.update,
        name=name_of(plan.update.update),
        plan=plan,
        drafted=tuple(_drafted(workflow, one) for one in plan.revisions),
        known={name: typed(name, most=4_000) for name in _FIELDS},
        seen=_seen(plan),
        is_other=is_other,
    )


def _drafted(workflow: Workflow, revision: Revision) -> Drafted:
    published = workflow.show(revision.id).published
    before = None if published is None else workflow.show_mitigation(revision.id, published)
    return Drafted(revision, compare(before, revision))


def _update(
    workflow: Workflow, product: str, build: str, *, done: str = "", refused: FeedsrvError | None = None
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    found = _find(workflow, product, build)
    return render(
        "desk/update_one.html",
        status=status,
        found=found,
        update=found.update,
        address=_address(found.update),
        revisions=_drafted_for(workflow, found.update),
        is_registered=found.update.stage is UpdateStage.REGISTERED,
        approved=Stage.APPROVED,
        done=done,
        refusal=sentence,
    )


def _find(workflow: Workflow, product: str, build: str) -> Update:
    wanted = (product, Build.parse(build))
    for one in workflow.list_updates():
        if one.key == wanted:
            return one
    raise UnknownUpdateError(f"no cumulative update {build[:40]} of {product[:60]} is known here")


def _drafted_for(workflow: Workflow, update: CumulativeUpdate) -> tuple[Revision, ...]:
    """The revisions that were drafted for an update, as they stand now, without the discarded."""
    name = name_of(update)
    drafted = workflow.audit_page(verb="draft", limit=_MOST_DRAFTED).entries
    found: dict[str, Revision] = {}
    for entry in drafted:
        mitigation_id, _, number = entry.subject.partition(" revision ")
        if entry.detail.get("for") != name or entry.subject in found or not number.isdigit():
            continue
        try:
            found[entry.subject] = workflow.show_mitigation(mitigation_id, int(number))
        except UnknownMitigationError:
            continue
    return tuple(one for one in found.values() if one.stage is not Stage.DISCARDED)


def _address(update: CumulativeUpdate, **query: str) -> str:
    return to(f"/catalogue/updates/{update.product}/{update.build}", **query)
