"""Refusals become HTTP here, and nowhere else: RFC 9457, as JSON or XML.

The class of a refusal says who must act, and so which status it is. The code travels along, for
programs; the sentence, for people.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from xml.sax.saxutils import escape

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

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
from feedsrv.web.headers import DOCUMENT_SAFETY, UNCACHED, Headers
from feedsrv.web.negotiation import prefer

log = logging.getLogger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
PROBLEM_XML: Final = "application/problem+xml"
# A client that asks for plain JSON or XML can read a problem in it, too.
_OFFERED: Final = (PROBLEM_JSON, PROBLEM_XML, "application/json", "application/xml", "text/xml")
_XML_NAMESPACE: Final = "urn:ietf:rfc:7807"  # unchanged by RFC 9457, appendix B
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RETRY_AFTER: Final = 30
"""Seconds after which something that was away is worth another try."""

# The first branch that fits decides, so a branch stands before the one it grew from.
STATUSES: Final[tuple[tuple[type[FeedsrvError], HTTPStatus], ...]] = (
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
    status = next((status for branch, status in STATUSES if isinstance(error, branch)), None)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", extra={"code": error.code, "reason": str(error)})
    if status is None or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # An operator's errors name paths and settings; those are for the log, not for strangers.
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, _OUR_FAULT, accept)
    return problem(status, error.code, str(error), accept)


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


def install(app: Flask) -> None:
    """Let every error of an application leave it as a problem."""

    def refused(error: FeedsrvError) -> Response:
        return _response(problem_of(error, request.headers.get("Accept", "")))

    def http(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or 500)
        detail = _DETAILS.get(status, error.description or status.phrase)
        answer = _response(problem(status, code_of(status), detail, request.headers.get("Accept", "")))
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                answer.headers[name] = value
        return answer

    def unforeseen(error: Exception) -> Response:
        log.error("request.crashed", exc_info=error, extra={"path": request.path})
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _response(problem(status, "internal", _OUR_FAULT, request.headers.get("Accept", "")))

    app.register_error_handler(FeedsrvError, refused)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unforeseen)


_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "Nothing is published under this path; /v1/feeds/ lists the feeds there are.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path can be read (GET, HEAD) and nothing else.",
}


def _response(found: Problem) -> Response:
    answer = Response(found.body, found.status)
    answer.headers.clear()
    answer.headers.extend(found.headers)
    return answer
