"""Coming in: by a token and nothing else, with a body and a wish for an answer that fit.

A cookie is no way in, so no page of somebody else's can act here in a browser that is signed in.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from flask import g, request

from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.web.api.refusals import MediaTypeError, NotAcceptableError, NotJsonError
from feedsrv.web.guard import NotSignedInError

JSON: Final = "application/json"
XML: Final = "application/xml"
MOST_BYTES: Final = 2 * 1024 * 1024
"""Of one request's body."""
_DEEPEST: Final = 50
"""How deep objects and lists may lie in each other; a mitigation's lie some ten deep."""
_BEARER: Final = re.compile(r"Bearer +([\x21-\x7e]{1,512})", re.IGNORECASE)


def enter(people: PeopleDesk) -> None:
    """Let in whoever brings a token that holds at this moment.

    Raises:
        NotSignedInError: there is none, or it ended, was revoked, or its owner was removed.
    """
    request.max_content_length = MOST_BYTES
    secret = bearer()
    who = people.recognise_token(secret) if secret else None
    if who is None:
        raise NotSignedInError
    g.principal = who


def bearer() -> str:
    """The token that a request brings; empty where it brings none."""
    found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    return found[1] if found else ""


def check_forms(*, takes: str | None, answers: str) -> None:
    """Refuse a body, or a wish for an answer, that does not fit; `takes` is None where no body is read.

    Raises:
        MediaTypeError, NotJsonError, NotAcceptableError: it does not.
    """
    wanted = request.accept_mimetypes
    if wanted.provided and not wanted.best_match([answers, "application/problem+json"]):
        raise NotAcceptableError(answers)
    if takes is None:
        return
    is_theirs = request.mimetype == takes or (takes == XML and request.mimetype == "text/xml")
    if not is_theirs:
        raise MediaTypeError(takes, request.mimetype)
    if takes == JSON:
        _refuse_no_object(request.get_data())


def _refuse_no_object(data: bytes) -> None:
    try:
        found = json.loads(data.decode(), object_pairs_hook=_without_twins, parse_constant=_no_number)
    except RecursionError:
        raise NotJsonError("it is nested too deep") from None
    except ValueError as error:
        raise NotJsonError(str(error)[:200]) from None
    if not isinstance(found, dict):
        raise NotJsonError("the outermost value must be an object")
    if not _is_shallow(found):
        raise NotJsonError("it is nested too deep")


def _is_shallow(found: object) -> bool:
    """True where whoever reads on, one function within another for each level, gets to the bottom."""
    level = [found]
    for _ in range(_DEEPEST):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
    return not level


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of the same bytes could otherwise see two different requests.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is named twice in one object")
    return found


def _no_number(written: str) -> float:
    raise ValueError(f"{written} is no number of JSON")
