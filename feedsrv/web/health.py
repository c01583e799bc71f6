"""Whether this process lives, and whether it is of use to agents.

Ready means: the shelf can be read and at least one current feed has not expired. An expired one is
still served, since it takes nothing away from agents; but somebody should look.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from feedsrv.clock import Clock, to_text
from feedsrv.errors import FeedsrvError
from feedsrv.web.feed import ShelfReader
from feedsrv.web.headers import UNCACHED
from feedsrv.web.listing import Listing, listings


def health_blueprint(shelf: ShelfReader, clock: Clock) -> Blueprint:
    """`/healthz` and `/readyz`, for whoever restarts processes and routes requests."""
    door = Blueprint("health", __name__)

    @door.get("/healthz")
    def alive() -> Response:
        return _answer({"status": "alive"}, 200)

    @door.get("/readyz")
    def ready() -> Response:
        try:
            found = listings(shelf)
        except FeedsrvError as error:
            return _answer({"status": "not ready", "code": error.code, "reason": str(error)}, 503)
        now = clock()
        feeds = [_describe(feed, expired=feed.expires <= now) for feed in found]
        if not feeds:
            reason = "no feed has been published yet"
        elif all(feed.expires <= now for feed in found):
            reason = "every current feed has expired; refresh them"
        else:
            return _answer({"status": "ready", "feeds": feeds}, 200)
        return _answer({"status": "not ready", "reason": reason, "feeds": feeds}, 503)

    return door


def _describe(feed: Listing, *, expired: bool) -> dict[str, object]:
    return {
        "product": feed.product,
        "channel": feed.channel,
        "version": feed.version,
        "expires": to_text(feed.expires),
        "expired": expired,
    }


def _answer(document: dict[str, object], status: int) -> Response:
    answer = jsonify(document)
    answer.status_code = status
    answer.headers["Cache-Control"] = UNCACHED
    return answer
