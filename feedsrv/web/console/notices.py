"""Everything that people were told of, newest first."""

from __future__ import annotations

from flask import Blueprint, Response

from feedsrv.web import pages
from feedsrv.web.console import asking
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require

_PAGE = 50


def notices_blueprint(desk: Desk) -> Blueprint:
    """`/notices`."""
    door = Blueprint("notices", __name__)

    @door.get("/notices")
    def listed() -> Response:
        require()
        found = desk.notices.newest(_PAGE + 1, asking.number("before"))
        is_more = len(found) > _PAGE
        return pages.render(
            "desk/notices.html", items=found[:_PAGE], before=found[_PAGE - 1].number if is_more else None
        )

    return door
