"""How an operation is added: what it takes and answers stands beside it, to be checked and described."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from feedsrv.web.api.conditions import entity_tag
from feedsrv.web.api.entry import JSON, XML
from feedsrv.web.headers import UNCACHED

View = TypeVar("View", bound=Callable[..., Response])


class XmlBody(RawModel):
    """A request whose body is a document."""

    mimetypes = [XML]  # noqa: RUF012 -- as the library declares it


@dataclass(frozen=True)
class Operation:
    """What the API's description says of one operation, beyond its parameters and its models."""

    method: str
    success: HTTPStatus
    takes: str | None = None
    """Media type of the body; None where none is read."""
    answers: str = JSON
    tagged: bool = False
    """The answer has an ETag."""
    guarded: bool | None = None
    """`If-Match` is needed (True), or heeded where it is sent (False)."""
    also: tuple[HTTPStatus, ...] = ()
    """Further statuses of success, and refusals that not every operation knows."""


class Routes:
    """The operations of one door, by the name of their view."""

    def __init__(self, door: APIBlueprint) -> None:
        self.door: Final = door
        self.operations: Final[dict[str, Operation]] = {}

    def get(  # noqa: PLR0913 -- what an operation says
        self,
        rule: str,
        answer: type[BaseModel] | None,
        *,
        tag: str,
        answers: str = JSON,
        tagged: bool = False,
        also: Iterable[HTTPStatus] = (),
    ) -> Callable[[View], View]:
        """Add something that can be read."""
        operation = Operation("GET", HTTPStatus.OK, None, answers, tagged, also=tuple(also))
        return self._add(self.door.get, rule, answer, tag, operation)

    def post(  # noqa: PLR0913 -- what an operation says
        self,
        rule: str,
        answer: type[BaseModel],
        *,
        tag: str,
        takes: str | None = JSON,
        success: HTTPStatus = HTTPStatus.OK,
        tagged: bool = False,
        guarded: bool | None = None,
        also: Iterable[HTTPStatus] = (),
    ) -> Callable[[View], View]:
        """Add an act."""
        operation = Operation("POST", success, takes, JSON, tagged, guarded, tuple(also))
        return self._add(self.door.post, rule, answer, tag, operation)

    def _add(
        self,
        add: Callable[..., Any],
        rule: str,
        answer: type[BaseModel] | None,
        tag: str,
        operation: Operation,
    ) -> Callable[[View], View]:
        def added(view: View) -> View:
            name = view.__name__
            assert name not in self.operations, f"two operations are called {name}"
            self.operations[name] = operation
            told = (
                {"content": {operation.answers: {"schema": {"type": "string"}}}} if answer is None else answer
            )
            add(
                rule,
                tags=[Tag(name=tag)],
                operation_id=name,
                responses={operation.success: told},
                provide_automatic_options=False,
            )(view)
            return view

        return added


def said(
    words: BaseModel,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    tag: str | None = None,
    location: str | None = None,
) -> Response:
    """An answer in JSON; one with a tag is not sent again to who holds it already."""
    answer = Response(words.model_dump_json(by_alias=True) + "\n", status, content_type=JSON)
    return _finished(answer, tag=tag, location=location)


def said_document(document: bytes | str, media_type: str, *, tag: str | None = None) -> Response:
    """An answer that is a document of another type."""
    return _finished(Response(document, content_type=media_type), tag=tag)


def _finished(answer: Response, *, tag: str | None, location: str | None = None) -> Response:
    answer.headers["Cache-Control"] = UNCACHED
    if location is not None:
        answer.headers["Location"] = location
    if tag is not None:
        answer.headers["ETag"] = entity_tag(tag)
        if request.method in ("GET", "HEAD"):
            # What is asked anew each time may still be answered with "as you have it".
            answer.headers["Cache-Control"] = "private, no-cache"
            answer.make_conditional(request)
    return answer
