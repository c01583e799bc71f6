"""What pages load, and what stands around each of them."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, request
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from feedsrv.web import pages
from feedsrv.web.desk import Desk
from feedsrv.web.headers import CONTENT_TYPES, IMMUTABLE, UNCACHED

_SCRIPT = "text/javascript; charset=utf-8"


def assets_blueprint(desk: Desk) -> Blueprint:
    """Stylesheets, scripts and the icon; and the publisher and the alarms for every page."""
    door = Blueprint("assets", __name__)

    @door.record_once
    def surround(state: BlueprintSetupState) -> None:
        around = pages.Surroundings(desk.publisher, lambda: desk.notices.alarms(), desk.clock)  # noqa: PLW0108 -- asked anew
        state.app.extensions[pages.EXTENSION] = around

    @door.get(f"{pages.ASSETS}<name>")
    def one(name: str) -> Response:
        if name not in pages.ASSET_NAMES:
            abort(404)
        kind = CONTENT_TYPES.get(name.rpartition(".")[2], _SCRIPT)
        answer = Response(pages.read_asset(name), content_type=kind)
        is_named = request.args.get("v") == pages.digest_of_asset(name)
        answer.headers["Cache-Control"] = IMMUTABLE if is_named else UNCACHED
        return answer

    @door.get("/favicon.ico")
    def icon() -> AnyResponse:
        # Browsers ask for it where a document of ours, such as XML, cannot name another.
        return redirect(pages.asset("icon.svg"))

    return door
