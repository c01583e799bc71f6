"""The page before anything is published; afterwards the shelf holds one, and this is never asked."""

from __future__ import annotations

from flask import Blueprint, Response

from feedsrv.clock import Clock
from feedsrv.web.headers import PAGE_SAFETY, UNCACHED, content_type
from feedsrv.web.page import IndexPage, page_files, render_index


def front_blueprint(publisher: str, clock: Clock) -> Blueprint:
    """`/` and what it needs, while the shelf is empty."""
    door = Blueprint("front", __name__)

    @door.get("/")
    def empty() -> Response:
        page = IndexPage(publisher, feeds=(), fingerprints=(), generated=clock())
        answer = Response(render_index(page), content_type=content_type("index.html"))
        answer.headers["Cache-Control"] = UNCACHED
        answer.headers.extend(PAGE_SAFETY)
        return answer

    @door.get(f"/<any({','.join(page_files())}):name>")
    def beside(name: str) -> Response:
        answer = Response(page_files()[name], content_type=content_type(name))
        answer.headers["Cache-Control"] = UNCACHED
        return answer

    return door
