"""Rollout: how much of the fleet each entry of each feed reaches, as the feeds themselves say."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from feedsrv.web import guard
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render


def rollout_blueprint(desk: Desk) -> Blueprint:
    """`/rollout`."""
    door = Blueprint("rollout", __name__)

    @door.get("/rollout")
    def listed() -> ResponseReturnValue:
        heads = desk.workflow(guard.require()).list_feeds()
        partial = sum(entry.rollout < 100 for head in heads for entry in head.feed.entries)
        return render("desk/rollout.html", heads=heads, partial=partial)

    return door
