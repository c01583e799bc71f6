"""The API's door: its operations under `/api/v1`, their description and a page to browse it."""

from __future__ import annotations

from typing import Final

from flask import Response, request
from flask.blueprints import BlueprintSetupState
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import HTTPException

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.ports import Store
from feedsrv.web.api import (
    audit,
    browsing,
    catalogue,
    decisions,
    feeds,
    keys,
    mitigations,
    notices,
    people,
    publishing,
    writing,
    you,
)
from feedsrv.web.api.describing import describe, prepare
from feedsrv.web.api.entry import check_forms, enter
from feedsrv.web.api.repeating import Repeats
from feedsrv.web.api.routes import Routes
from feedsrv.web.api.trouble import http_refused, refused
from feedsrv.web.desk import Desk

_ROOMS: Final = (
    you,
    mitigations,
    writing,
    decisions,
    catalogue,
    publishing,
    feeds,
    keys,
    audit,
    people,
    notices,
)
"""Each adds its operations."""


def api_blueprint(desk: Desk, store: Store) -> APIBlueprint:
    """Everything under `/api`, for an application of `flask_openapi3`; answers are kept in `store`."""
    door = APIBlueprint("api", __name__, url_prefix="/api")
    routes = Routes(door)
    for room in _ROOMS:
        room.add(routes, desk)
    repeats = Repeats(store, desk.clock)
    apps: list[OpenAPI] = []

    @door.record_once
    def registered(state: BlueprintSetupState) -> None:
        assert isinstance(state.app, OpenAPI)
        prepare(state.app)
        apps.append(state.app)

    @door.before_request
    def come_in() -> Response | None:
        name = (request.endpoint or "").rpartition(".")[2]
        if name in browsing.OPEN:
            return None
        enter(desk.people)
        operation = routes.operations[name]
        check_forms(takes=operation.takes, answers=operation.answers)
        return repeats.claim() if request.method == "POST" else None

    door.after_request(repeats.keep)
    door.register_error_handler(FeedsrvError, refused)
    door.register_error_handler(HTTPException, http_refused)
    browsing.add(door, lambda: describe(apps[0], routes.operations), publisher=desk.publisher)
    return door
