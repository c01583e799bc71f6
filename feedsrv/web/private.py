"""The private surface: what only the people who run and feed this service may see.

It is bound to this machine by default; whoever opens it further puts a proxy that knows people before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Response, jsonify

from feedsrv.clock import Clock, now
from feedsrv.web import problems
from feedsrv.web.headers import DOCUMENT_SAFETY, UNCACHED
from feedsrv.web.status import Look, Watching, status_blueprint


def create_private_app(
    *,
    look: Look,
    publisher: str = "feedsrv",
    clock: Clock = now,
    blueprints: Sequence[Blueprint] = (),
) -> Flask:
    """The private surface as a WSGI application; `blueprints` are further doors of it."""
    app = Flask("feedsrv.web", static_folder=None)
    app.register_blueprint(_alive())
    app.register_blueprint(status_blueprint(Watching(look, clock), publisher))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    problems.install(app)

    @app.after_request
    def finish(answer: Response) -> Response:
        for name, value in DOCUMENT_SAFETY:
            answer.headers.setdefault(name, value)
        return answer

    return app


def _alive() -> Blueprint:
    door = Blueprint("alive", __name__)

    @door.get("/healthz")
    def alive() -> Response:
        answer = jsonify({"status": "alive"})
        answer.headers["Cache-Control"] = UNCACHED
        return answer

    return door
