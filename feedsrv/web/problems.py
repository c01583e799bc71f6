"""Refusals become HTTP here, and nowhere else: RFC 9457, as JSON or XML.

The class of a refusal says who must act, and so which status it is. The code travels along, for
programs; the sentence, for people.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from xml.sax.saxutils import escape

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from feedsrv.errors import (
    BadInputError,
    ConflictError,
    FeedsrvError,
    NotAllowedError,
    NotFoundError,
    OperatorError,
    RefusedProofError,
    UnavailableError,
)
from feedsrv.web.guard import NotSignedInError
from feedsrv.web.headers import DOCUMENT_SAFETY, UNCACHED, Headers
from feedsrv.web.negotiation import prefer

log = logging.getLogger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
PROBLEM_XML: Final = "application/problem+xml"
# A client that asks for plain JSON or XML can read a problem in it, too.
_OFFERED: Final = (PROBLEM_JSON, PROBLEM_XML, "application/json", "application/xml", "text/xml")
_XML_NAMESPACE: Final = "urn:ietf:rfc:7807"  # unchanged by RFC 9457, appendix B
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PROGRAMS_ONLY: Final = "/api/"
"""Below it nobody gets a page for a problem, whatever they accept."""
RETRY_AFTER: Final = 30
"""Seconds after which something that was away is worth another try."""

Page = Callable[[HTTPStatus, str, str, Exception], AnyResponse]
"""Makes a page for people of a refusal: its status, its code, a sentence, and what was raised."""

# The first branch that fits decides, so a branch stands before the one it grew from.
STATUSES: Final[tuple[tuple[type[FeedsrvError], HTTPStatus], ...]] = (
    (NotSignedInError, HTTPStatus.UNAUTHORIZED),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (BadInputError, HTTPStatus.BAD_REQUEST),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (ConflictError, HTTPStatus.CONFLICT),
    (RefusedProofError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (OperatorError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that says what went wrong."""

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        """As WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def problem_of(error: FeedsrvError, accept: str) -> Problem:
    """A refusal as an answer."""
    status, detail = told(error)
    return problem(status, error.code, detail, accept)


def told(error: FeedsrvError) -> tuple[HTTPStatus, str]:
    """The status of a refusal, and what is said of it; what an operator must see goes into the log."""
    status = next((status for branch, status in STATUSES if isinstance(error, branch)), None)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", extra={"code": error.code, "reason": str(error)})
    if status is None or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # An operator's errors name paths and settings; those are for the log, not for strangers.
        return HTTPStatus.INTERNAL_SERVER_ERROR, _OUR_FAULT
    return status, str(error)


_OUR_FAULT: Final = "The fault lies with this server; its operator finds the cause in the log."


def read_only(accept: str) -> Problem:
    """The answer to whoever wants to change what is published."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    found = problem(status, code_of(status), _DETAILS[status], accept)
    found.headers.append(("Allow", "GET, HEAD"))
    return found


def code_of(status: HTTPStatus) -> str:
    """The code of an error that HTTP has a name for.

    >>> code_of(HTTPStatus.NOT_FOUND)
    'http.not_found'
    """
    return f"http.{status.name.lower()}"


def problem(status: HTTPStatus, code: str, detail: str, accept: str) -> Problem:
    """An answer of that status, in the form that `accept` asks for."""
    members = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    if prefer(accept, _OFFERED).endswith("xml"):
        media_type, body = PROBLEM_XML, _xml(members)
    else:
        media_type, body = PROBLEM_JSON, json.dumps(members, indent=2).encode() + b"\n"
    headers: Headers = [
        ("Content-Type", media_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", UNCACHED),
        ("Vary", "Accept"),
        *DOCUMENT_SAFETY,
    ]
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.append(("Retry-After", str(RETRY_AFTER)))
    if status is HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Problem(status.value, headers, body)


def _xml(members: dict[str, str | int]) -> bytes:
    lines = [f"  <{name}>{escape(_NOT_XML.sub('?', str(value)))}</{name}>" for name, value in members.items()]
    text = "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<problem xmlns="{_XML_NAMESPACE}">',
            *lines,
            "</problem>",
            "",
        ]
    )
    return text.encode()


def install(app: Flask, *, page: Page | None = None) -> None:
    """Let every error of an application leave it as a problem; with `page`, as one where a browser asks."""

    def refused(error: FeedsrvError) -> AnyResponse:
        status, detail = told(error)
        return answer(status, error.code, detail, error)

    def http(error: HTTPException) -> AnyResponse:
        if isinstance(error.response, AnyResponse):
            return error.response
        status = HTTPStatus(error.code or 500)
        known = _DETAILS.get(status) if page is None else None
        made = answer(status, code_of(status), known or error.description or status.phrase, error)
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                made.headers[name] = value
        return made

    def unforeseen(error: Exception) -> AnyResponse:
        log.error("request.crashed", exc_info=error, extra={"path": request.path})
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", _OUR_FAULT, error)

    def answer(status: HTTPStatus, code: str, detail: str, error: Exception) -> AnyResponse:
        accept = request.headers.get("Accept", "")
        if page is not None and not request.path.startswith(_PROGRAMS_ONLY) and wants_page(accept):
            return page(status, code, detail, error)
        return _response(problem(status, code, detail, accept))

    app.register_error_handler(FeedsrvError, refused)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unforeseen)


def wants_page(accept: str) -> bool:
    """True for what a browser says when a person goes to an address.

    >>> wants_page("text/html,application/xhtml+xml,*/*;q=0.8"), wants_page("*/*"), wants_page("")
    (True, False, False)
    """
    return "text/html" in accept and prefer(accept, ("text/html", *_OFFERED)) == "text/html"


_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "Nothing is published under this path; /v1/feeds/ lists the feeds there are.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path can be read (GET, HEAD) and nothing else.",
}


def _response(found: Problem) -> Response:
    answer = Response(found.body, found.status)
    answer.headers.clear()
    answer.headers.extend(found.headers)
    return answer
