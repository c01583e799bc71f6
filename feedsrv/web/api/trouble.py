"""Refusals as the API answers them: always JSON, with the statuses that only an API has."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from flask import Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.refusals import ChangedSinceError
from feedsrv.web import problems
from feedsrv.web.api.refusals import (
    BadKeyError,
    BadShapeError,
    MediaTypeError,
    MissingTagError,
    NotAcceptableError,
    ReusedKeyError,
)
from feedsrv.web.guard import NotSignedInError

# What the rest of the private surface answers with a broader status.
STATUSES: Final[tuple[tuple[type[FeedsrvError], HTTPStatus], ...]] = (
    (NotSignedInError, HTTPStatus.UNAUTHORIZED),
    (NotAcceptableError, HTTPStatus.NOT_ACCEPTABLE),
    (ChangedSinceError, HTTPStatus.PRECONDITION_FAILED),
    (MediaTypeError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (BadShapeError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BadKeyError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ReusedKeyError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (MissingTagError, HTTPStatus.PRECONDITION_REQUIRED),
)
_MOST_ERRORS: Final = 50


def refused(error: FeedsrvError) -> Response:
    """A refusal as a problem."""
    status = next((status for branch, status in STATUSES if isinstance(error, branch)), None)
    if status is None:
        return _answer(problems.problem_of(error, problems.PROBLEM_JSON))
    answer = _answer(problems.problem(status, error.code, str(error), problems.PROBLEM_JSON))
    if status == HTTPStatus.UNAUTHORIZED:
        given = ', error="invalid_token"' if "Authorization" in request.headers else ""
        answer.headers["WWW-Authenticate"] = f'Bearer realm="feedsrv"{given}'
    return answer


def http_refused(error: HTTPException) -> Response:
    """What Flask refused, as a problem; an answer that is complete already goes out as it is."""
    if error.response is not None:
        assert isinstance(error.response, Response)
        return error.response
    status = HTTPStatus(error.code or 500)
    detail = error.description or status.phrase
    answer = _answer(problems.problem(status, problems.code_of(status), detail, problems.PROBLEM_JSON))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def bad_shape(error: ValidationError) -> Response:
    """A request of another shape, with every field that is wrong."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    listed = [
        {"field": ".".join(map(str, one["loc"])) or "body", "detail": one["msg"], "code": one["type"]}
        for one in found[:_MOST_ERRORS]
    ]
    named = ", ".join(one["field"] for one in listed[:5])
    said = problems.problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        BadShapeError.code,
        f"the request has another shape than /api/openapi.json says; look at {named}",
        problems.PROBLEM_JSON,
    )
    answer = _answer(said)
    answer.set_data(json.dumps(json.loads(said.body) | {"errors": listed}, indent=2) + "\n")
    return answer


def _answer(found: problems.Problem) -> Response:
    answer = Response(found.body, found.status)
    answer.headers.clear()
    answer.headers.extend(found.headers)
    return answer
