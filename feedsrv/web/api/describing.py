"""The API's description: OpenAPI 3.1, made from the operations and the models that carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI

from feedsrv.web.api.conditions import TAG
from feedsrv.web.api.entry import MOST_BYTES
from feedsrv.web.api.glossary import explain
from feedsrv.web.api.repeating import HEADER, KEY
from feedsrv.web.api.routes import Operation
from feedsrv.web.api.trouble import bad_shape
from feedsrv.web.api.words import Problem
from feedsrv.web.problems import PROBLEM_JSON

SCHEME: Final = "token"

INFO: Final = Info(
    title="feedsrv",
    version="1",
    description=(
        "Everything the desk can do. Send `Authorization: Bearer` with a token that was made at the console "
        "or by `feedsrv token make`; it acts as its owner, in the roles of its scope that the owner has. "
        "Times are UTC. Refusals are problems (RFC 9457) with a stable `code`."
    ),
)

# What each status means here; an operation names those that not every one knows.
_MEANING: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.OK: "Done.",
    HTTPStatus.CREATED: "Made.",
    HTTPStatus.NOT_MODIFIED: "As you have it.",
    HTTPStatus.BAD_REQUEST: "What it says cannot be; `detail` says what to change.",
    HTTPStatus.UNAUTHORIZED: "No token, or one that holds no longer.",
    HTTPStatus.FORBIDDEN: "This token, its owner or the state of affairs does not permit it.",
    HTTPStatus.NOT_FOUND: "What was named does not exist.",
    HTTPStatus.NOT_ACCEPTABLE: "The Accept header leaves out what this answers.",
    HTTPStatus.CONFLICT: "Somebody else was faster, or something else is under way.",
    HTTPStatus.PRECONDITION_FAILED: "It has changed since you looked at it; nothing was done.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"The body has more than {MOST_BYTES} bytes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not of the type that this takes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request has another shape than this description says.",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is missing.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; Retry-After says when to go on.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The fault lies with the server; its log says more.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something needed is away for now.",
}
_ALWAYS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def prepare(app: OpenAPI) -> None:
    """Tell an application how its API is described, and how requests of another shape are answered."""
    app.info = INFO
    app.security_schemes = {SCHEME: SecurityScheme(type="http", scheme="bearer", description="A token.")}
    app.validation_error_status = "422"
    app.validation_error_model = Problem
    app.validation_error_callback = bad_shape


def describe(app: OpenAPI, operations: Mapping[str, Operation]) -> dict[str, Any]:
    """The description of every operation, complete."""
    found: dict[str, Any] = deepcopy(app.api_doc)
    found["tags"] = _TAGS
    found["security"] = [{SCHEME: []}]
    found["servers"] = [{"url": "/", "description": "This very server."}]
    for path, methods in found["paths"].items():
        for told in methods.values():
            _complete(told, operations[told["operationId"]], has_parts="{" in path)
    explain(found)
    return found


def _complete(told: dict[str, Any], operation: Operation, *, has_parts: bool) -> None:
    answers = told["responses"]
    answers.pop("422", None)
    success = answers[str(operation.success.value)]
    success["description"] = _MEANING[operation.success]
    success["headers"] = _headers_of(operation)
    for status in operation.also:
        if status < HTTPStatus.BAD_REQUEST:
            answers[str(status.value)] = {**success, "description": _MEANING[status]}
            if status is HTTPStatus.NOT_MODIFIED:
                answers[str(status.value)].pop("content", None)
    if operation.tagged and operation.method == "GET":
        answers["304"] = {"description": _MEANING[HTTPStatus.NOT_MODIFIED]}
    for status in sorted({*_ALWAYS, *_more(operation, has_parts=has_parts)}):
        answers[str(status.value)] = _problem(status)
    parameters = told.setdefault("parameters", [])
    if operation.method == "POST":
        parameters.append(_KEY_PARAMETER)
    if operation.guarded is not None:
        parameters.append(_TAG_PARAMETER | {"required": False})
    if "requestBody" in told:
        told["requestBody"]["required"] = True
    if not parameters:
        del told["parameters"]


def _more(operation: Operation, *, has_parts: bool) -> set[HTTPStatus]:
    more = {one for one in operation.also if one >= HTTPStatus.BAD_REQUEST}
    if has_parts:
        more.add(HTTPStatus.NOT_FOUND)
    if operation.method == "POST":
        more |= {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    if operation.takes is not None:
        more.add(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if operation.guarded is not None:
        more |= {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED}
    return more


def _headers_of(operation: Operation) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if operation.tagged:
        headers["ETag"] = {
            "description": "For If-Match of an act on this.",
            "schema": {"type": "string", "pattern": TAG},
        }
    if operation.method == "POST":
        headers["Idempotency-Replayed"] = {
            "description": "`true` where this is the answer to an earlier request under the same key.",
            "schema": {"type": "string", "enum": ["true"]},
        }
    return headers


def _problem(status: HTTPStatus) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": _MEANING[status],
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status is HTTPStatus.UNAUTHORIZED:
        told["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        told["headers"] = {"Retry-After": {"schema": {"type": "string"}}}
    return told


_KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Of your choosing, one for each act: the same request under the same key within a day is carried out "
        "once, and answered alike each time."
    ),
    "schema": {"type": "string", "pattern": KEY, "minLength": 8, "maxLength": 150},
}
_TAG_PARAMETER: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": (
        "The ETag of what you looked at: where it has changed since, nothing is done (412). `*` acts on "
        "whatever is there; without it, the answer is 428."
    ),
    "schema": {"type": "string", "pattern": TAG},
}

_TAGS: Final = [
    {"name": name, "description": description}
    for name, description in {
        "you": "Who asks.",
        "mitigations": "Mitigations and their revisions.",
        "words": "Words that are kept nowhere: tried before they are handed in.",
        "decisions": "The verbs of the lifecycle: submit, approve, return and so on.",
        "catalogue": "Products and cumulative updates.",
        "publishing": "What would go out, and publishing it.",
        "feeds": "Feeds and their versions.",
        "keys": "Keys and certificates.",
        "audit": "Who did what.",
        "people": "People, sign-ins and tokens.",
        "notices": "What people are told of, and webhooks.",
    }.items()
]
