"""What the public surface is measured against: the least that WSGI can do, and Flask's own way.

Loaded by gunicorn with the same settings as feedsrv itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request

from tests.unit.web.published import CURRENT

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BODY: Final = (Path(os.environ["FEEDSRV_SHELF"]) / CURRENT).read_bytes()
FOUND: Final = [("Content-Type", "application/xml"), ("Content-Length", str(len(BODY)))]
UNCHANGED: Final = [("ETag", '"constant"')]


def found(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A constant, with the two headers that it cannot go without."""
    del environ
    start_response("200 OK", FOUND)
    return (BODY,)


def unchanged(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A constant 304, with the one header that it cannot go without."""
    del environ
    start_response("304 Not Modified", UNCHANGED)
    return ()


def flask() -> Flask:
    """The same bytes as a Flask route would send them, conditional requests and all."""
    app = Flask(__name__)
    tag = sha256(BODY).hexdigest()

    @app.get(f"/{CURRENT}")
    def current() -> Response:
        answer = Response(BODY, content_type="application/xml; charset=utf-8")
        answer.set_etag(tag)
        answer.headers["Cache-Control"] = "public, max-age=60"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.make_conditional(request)
        return answer

    return app
