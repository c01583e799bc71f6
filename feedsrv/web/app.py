"""Putting the public surface together: the door with the shelf, and a small application behind it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Response

from feedsrv.clock import Clock, now
from feedsrv.web import problems
from feedsrv.web.door import Door
from feedsrv.web.feed import ShelfReader
from feedsrv.web.front import front_blueprint
from feedsrv.web.headers import DOCUMENT_SAFETY
from feedsrv.web.health import health_blueprint
from feedsrv.web.metrics import OTHER, FeedGauges, Meter, metrics_blueprint


def create_app(
    *,
    shelf: ShelfReader,
    publisher: str = "feedsrv",
    clock: Clock = now,
    blueprints: Sequence[Blueprint] = (),
) -> Door:
    """The public surface as a WSGI application.

    It holds no key and no database. `publisher` signs the page while nothing is published;
    `blueprints` are further doors of the same surface.
    """
    meter = Meter()
    app = Flask("feedsrv.web", static_folder=None)
    app.register_blueprint(health_blueprint(shelf, clock))
    app.register_blueprint(metrics_blueprint(meter, FeedGauges(shelf, clock)))
    app.register_blueprint(front_blueprint(publisher, clock))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    problems.install(app)

    @app.after_request
    def finish(answer: Response) -> Response:
        for name, value in DOCUMENT_SAFETY:
            answer.headers.setdefault(name, value)
        meter.count(OTHER, answer.status_code, answer.calculate_content_length() or 0)
        return answer

    return Door(shelf, meter, app)
