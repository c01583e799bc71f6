"""The API's description as JSON, and a page to read it and try it, without a request to anywhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from jinja2 import Environment, PackageLoader, StrictUndefined

from feedsrv.web.headers import NOSNIFF, UNCACHED

# Swagger UI draws its arrows from data: addresses; everything else comes from here, and nothing is inline.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_VENDORED: Final = "swagger-ui-5.35.0"
_BESIDE: Final = {
    "swagger-ui-bundle.js": ("text/javascript; charset=utf-8", _VENDORED),
    "swagger-ui.css": ("text/css; charset=utf-8", _VENDORED),
    "favicon-32x32.png": ("image/png", _VENDORED),
    "api.js": ("text/javascript; charset=utf-8", ""),
    "api.css": ("text/css; charset=utf-8", ""),
}
"""Type and folder of what the page needs, by name."""


OPEN: Final = frozenset({"api_description", "api_page", "api_file"})
"""Views that answer whoever reaches this surface: they say what the source code says to everybody."""


def add(door: APIBlueprint, description: Callable[[], dict[str, Any]], *, publisher: str) -> None:
    """`/api/`, `/api/openapi.json` and the files of the page."""
    made: list[bytes] = []

    def api_description() -> Response:
        if not made:
            made.append(json.dumps(description(), indent=1).encode() + b"\n")
        return _served(made[0], "application/json")

    def api_page() -> Response:
        return _served(_page(publisher), "text/html; charset=utf-8")

    def api_file(name: str) -> Response:
        return _served(_files()[name], _BESIDE[name][0])

    door.add_url_rule("/openapi.json", view_func=api_description)
    door.add_url_rule("/", view_func=api_page)
    door.add_url_rule(f"/page/<any({','.join(map(repr, _BESIDE))}):name>", view_func=api_file)


def _served(data: bytes, content_type: str) -> Response:
    answer = Response(data, content_type=content_type)
    answer.headers["Cache-Control"] = UNCACHED
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers.extend([NOSNIFF, ("Referrer-Policy", "no-referrer")])
    return answer


@cache
def _page(publisher: str) -> bytes:
    shelf = Environment(loader=PackageLoader("feedsrv.web"), autoescape=True, undefined=StrictUndefined)
    return shelf.get_template("api/browse.html").render(publisher=publisher).encode()


@cache
def _files() -> dict[str, bytes]:
    static = files("feedsrv.web") / "static"
    return {name: (static / folder / name).read_bytes() for name, (_, folder) in _BESIDE.items()}
