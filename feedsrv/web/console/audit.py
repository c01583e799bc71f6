"""The audit log: filtered, page by page, and followed from its beginning on request."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.audit import Chain
from feedsrv.publishing.refusals import BrokenChainError
from feedsrv.web import guard
from feedsrv.web.console.asking import number, text
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render


def audit_blueprint(desk: Desk) -> Blueprint:
    """`/audit`."""
    door = Blueprint("audit", __name__)

    @door.get("/audit")
    def listed() -> ResponseReturnValue:
        who = guard.require(ACTS["audit.read"])
        workflow = desk.workflow(who)
        actor, verb, subject = text("actor"), text("verb"), text("subject")
        asked = {"actor": actor, "verb": verb, "subject": subject}
        page = workflow.audit_page(before=number("before"), actor=actor, verb=verb, subject=subject)
        chain: Chain | None = None
        broken = ""
        if request.args.get("verify") == "yes":
            try:
                chain = workflow.verify_audit()
            except BrokenChainError as refused:
                broken = str(refused)
        return render("desk/audit.html", page=page, asked=asked, chain=chain, broken=broken)

    return door
