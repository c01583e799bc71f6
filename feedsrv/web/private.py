"""The private surface: the console and the API of the security team, and how the service stands.

It is bound to this machine by default; whoever opens it further puts a proxy with TLS before it and says
so in the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

from flask import Blueprint, Flask, Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import RequestEntityTooLarge

from feedsrv.clock import Clock, now
from feedsrv.errors import NotAllowedError
from feedsrv.web import guard as guards
from feedsrv.web import problems
from feedsrv.web.guard import Guard, NotSignedInError, visitor
from feedsrv.web.headers import DOCUMENT_SAFETY, UNCACHED
from feedsrv.web.refusals import refusal_page
from feedsrv.web.signin.protection import host_of, is_loopback
from feedsrv.web.status import Look, Watching, status_blueprint

_STRANGERS = 128 * 1024
"""Bytes of a request: a name and a password, or the word of an identity provider that somebody left."""
_HERE = frozenset({"127.0.0.1", "::1"})
# By which proxies tell of themselves; some say only how they were asked, and not by whom.
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-forwarded-")


def _as_it_is(app: Flask) -> None:
    """What is done to an application that needs no more."""


def create_private_app(  # noqa: PLR0913 -- each is one thing that the surface is made of, by name
    *,
    look: Look,
    publisher: str = "feedsrv",
    clock: Clock = now,
    guard: Guard | None = None,
    doors: Sequence[Blueprint] = (),
    apis: Sequence[APIBlueprint] = (),
    protect: Callable[[Flask], None] = _as_it_is,
) -> OpenAPI:
    """The private surface as a WSGI application.

    `doors` and `apis` are its further doors, `guard` says who their visitors are, and `protect` sets
    cookies, headers and limits.
    """
    app = OpenAPI(
        "feedsrv.web",
        info=Info(title=f"feedsrv at {publisher}", version=version("feedsrv")),
        doc_ui=False,
        static_folder=None,
    )
    guards.install(app, guard or Guard(lambda _: None, clock=clock))
    app.register_blueprint(_alive())
    status = status_blueprint(Watching(look, clock), publisher)
    status.before_request(_refuse_strangers)
    app.register_blueprint(status)
    app.before_request(_refuse_much_of_strangers)
    for door in doors:
        app.register_blueprint(door)
    for api in apis:
        app.register_api(api)
    problems.install(app, page=refusal_page)

    @app.after_request
    def finish(answer: Response) -> Response:
        for name, value in DOCUMENT_SAFETY:
            answer.headers.setdefault(name, value)
        return answer

    protect(app)  # last: what is registered last looks at an answer first, and these only fill in

    return app


def _refuse_much_of_strangers() -> None:
    """Read no long form of whoever is not signed in: taking one apart keeps a thread busy for seconds."""
    # Below /api/ nothing is read before a token was recognised.
    if (request.content_length or 0) <= _STRANGERS or request.path.startswith("/api/"):
        return
    try:
        is_stranger = visitor() is None
    except NotAllowedError:
        is_stranger = True
    if is_stranger:
        raise RequestEntityTooLarge


def _refuse_strangers() -> None:
    """How the service stands is for those who are signed in, and for programs on this very machine.

    A proxy on this machine says that it is one, or asks by the name that people use, so that nobody comes by
    one as a program of this machine.
    """
    is_asked_here = request.remote_addr in _HERE and is_loopback(host_of(request.host))
    is_here = is_asked_here and not any(name.lower().startswith(_FORWARDED) for name, _ in request.headers)
    if not is_here and visitor() is None:
        raise NotSignedInError


def _alive() -> Blueprint:
    door = Blueprint("alive", __name__)

    @door.get("/healthz")
    def alive() -> Response:
        answer = jsonify({"status": "alive"})
        answer.headers["Cache-Control"] = UNCACHED
        return answer

    return door
