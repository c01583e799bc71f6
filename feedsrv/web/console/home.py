"""The front page: what waits for whoever looks, and what happened last."""

from __future__ import annotations

from flask import Blueprint, Response

from feedsrv.web import pages
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require

_NEWS = 8


def home_blueprint(desk: Desk) -> Blueprint:
    """`/`."""
    door = Blueprint("home", __name__)

    @door.get("/")
    def home() -> Response:
        who = require()
        needs = desk.workflow(who).needs(who.name, who.roles)
        return pages.render("desk/home.html", needs=needs, news=desk.notices.newest(_NEWS))

    return door
