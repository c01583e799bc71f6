"""Refusals of the private surface as pages: what happened, what is unharmed, and where to go on."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug.wrappers import Response

from feedsrv.web import pages
from feedsrv.web.guard import NotSignedInError, StaleSignInError


@dataclass(frozen=True, slots=True)
class Advice:
    """How a refusal is headed, and what to do then."""

    title: str
    what_now: str


_ADVICE: Final = {
    HTTPStatus.BAD_REQUEST: Advice(
        "This cannot be used as it is", "Nothing was changed. Go back, change it and send it again."
    ),
    HTTPStatus.UNAUTHORIZED: Advice("Sign in first", "Nothing was changed."),
    HTTPStatus.FORBIDDEN: Advice(
        "This is not for you to do", "Nothing was changed. Somebody else, or another act, may."
    ),
    HTTPStatus.NOT_FOUND: Advice(
        "There is nothing here", "It may have been renamed, or the address is mistyped."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: Advice(
        "This address cannot be asked that way", "Go back to where you came from."
    ),
    HTTPStatus.CONFLICT: Advice(
        "Somebody was faster", "Nothing was changed. Look at how it stands now, then decide."
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Advice(
        "That is too much at once", "Nothing was changed. Send less."
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: Advice("A proof was not accepted", "Nothing was changed."),
    HTTPStatus.TOO_MANY_REQUESTS: Advice("Too many tries", "Wait a little, then try again."),
    HTTPStatus.SERVICE_UNAVAILABLE: Advice(
        "Something needed is away for now", "Nothing was changed. Try again in a minute."
    ),
}
_OUR_FAULT: Final = Advice(
    "The fault lies with this server",
    "What you sent may or may not have been done: look before you send it again.",
)


def refusal_page(status: HTTPStatus, code: str, detail: str, error: Exception) -> Response:
    """A refusal as a page; whoever is not signed in is sent there first, and comes back."""
    if isinstance(error, NotSignedInError):
        return _to_sign_in()
    advice = _ADVICE.get(status, _OUR_FAULT)
    return pages.render(
        "desk/refusal.html",
        status,
        title=advice.title,
        what_now=advice.what_now,
        detail=detail,
        code=code,
        number=int(status),
        back=came_from(),
        is_stale=isinstance(error, StaleSignInError),
    )


def came_from() -> str:
    """The page of ours on which somebody pressed something; the front page where that is not known.

    Only the path counts, so that nobody is sent to another site.
    """
    if request.referrer:
        parts = urlsplit(request.referrer)
        if parts.netloc == request.host and parts.path.startswith("/") and not parts.path.startswith("//"):
            return f"{parts.path}{'?' if parts.query else ''}{parts.query}"
    return pages.to("/")


def _to_sign_in() -> Response:
    next_page = request.full_path.removesuffix("?") if request.method in {"GET", "HEAD"} else came_from()
    where = pages.to("/signin", next=next_page)
    if "HX-Request" in request.headers:
        # A script would put the sign-in page into the piece that it asked for.
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": where})
    return redirect(where, HTTPStatus.SEE_OTHER)
