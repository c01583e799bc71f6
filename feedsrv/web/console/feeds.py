"""Feeds and their versions: what changed, who did it and when, and whether an agent would take it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from feedsrv.web import pages
from feedsrv.web.console import asking
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require


def feeds_blueprint(desk: Desk) -> Blueprint:
    """`/feeds` and everything below it."""
    door = Blueprint("feeds", __name__)

    @door.get("/feeds")
    def every() -> Response:
        return pages.render("desk/feeds.html", heads=desk.workflow(require()).list_feeds())

    @door.get("/feeds/<product>/<channel>")
    def one(product: str, channel: str) -> Response:
        reading = desk.workflow(require())
        page = desk.versions().page(product, channel, before=asking.number("before"))
        return pages.render("desk/feed.html", head=reading.show_feed(product, channel), page=page)

    @door.get("/feeds/<product>/<channel>/<int:version>")
    def version(product: str, channel: str, version: int) -> Response:
        require()
        versions = desk.versions()
        found = versions.read(product, channel, version)
        verified = versions.verify(product, channel, version) if "verify" in request.args else None
        return pages.render("desk/feed_version.html", one=found, verified=verified)

    @door.get("/feeds/<product>/<channel>/compare")
    def compare(product: str, channel: str) -> Response:
        reading = desk.workflow(require())
        head = reading.show_feed(product, channel)
        to = asking.number("to") or head.feed.version
        since = asking.number("from") or max(to - 1, 1)
        return pages.render(
            "desk/feed_compare.html",
            head=head,
            since=since,
            to_version=to,
            changes=desk.versions().compare(product, channel, since, to),
        )

    return door
