"""The public door: published bytes go out from here, before any framework is asked.

An agent's poll is a dictionary look-up and a comparison of two strings. Whatever the shelf does not
hold is left to the application behind the door.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from feedsrv.errors import FeedsrvError
from feedsrv.web.feed import INDEX_JSON, INDEX_XML, Published, Representation, ShelfReader
from feedsrv.web.metrics import OTHER, Meter
from feedsrv.web.negotiation import accepts_gzip, holds, prefer, seconds_of
from feedsrv.web.problems import Problem, problem_of, read_only

if TYPE_CHECKING:  # of use to type checkers only: wsgiref is nothing that a server should load
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_JSON: Final = "application/json"
_XML: Final = "application/xml"


class Door:
    """A WSGI application: the shelf first, then `behind`."""

    def __init__(self, shelf: ShelfReader, meter: Meter, behind: WSGIApplication) -> None:
        self._shelf = shelf
        self._meter = meter
        self._behind = behind

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the shelf where it can, else hand on."""
        method = environ["REQUEST_METHOD"]
        path = environ["PATH_INFO"]
        if path.endswith("/"):
            path = _file_for_folder(path, environ.get("HTTP_ACCEPT", ""))
        try:
            published = self._shelf.find(path[1:])
        except FeedsrvError as error:
            return self._refuse(problem_of(error, environ.get("HTTP_ACCEPT", "")), method, start_response)
        if published is None:
            return self._behind(environ, start_response)
        if method not in ("GET", "HEAD"):
            return self._refuse(read_only(environ.get("HTTP_ACCEPT", "")), method, start_response)

        chosen = _choose(published, environ)
        if _is_held(published, chosen, environ):
            self._meter.unchanged(published.kind)
            start_response("304 Not Modified", chosen.unchanged_headers.copy())
            return ()
        start_response("200 OK", chosen.headers.copy())
        if method == "HEAD":
            self._meter.found(published.kind, 0)
            return ()
        self._meter.found(published.kind, chosen.size)
        return chosen.body

    def _refuse(self, problem: Problem, method: str, start_response: StartResponse) -> Iterable[bytes]:
        body = (problem.body,) if method != "HEAD" else ()
        self._meter.count(OTHER, problem.status, len(problem.body) * len(body))
        start_response(problem.status_line, problem.headers)
        return body


def _file_for_folder(path: str, accept: str) -> str:
    """The file that stands for a folder; a path that no file has where there is none."""
    if path == "/":
        return "/index.html"
    if path == "/v1/feeds/":
        return f"/{INDEX_JSON if prefer(accept, (_XML, _JSON)) == _JSON else INDEX_XML}"
    return path


def _choose(published: Published, environ: WSGIEnvironment) -> Representation:
    if published.compressed is not None and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
        return published.compressed
    return published.plain


def _is_held(published: Published, chosen: Representation, environ: WSGIEnvironment) -> bool:
    """True where the client has these very bytes already."""
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        return tags == chosen.etag or holds(tags, chosen.etag)
    # A date is asked only where no tag was sent: RFC 9110, section 13.2.2.
    date = environ.get("HTTP_IF_MODIFIED_SINCE")
    if date is None:
        return False
    since = seconds_of(date)
    return since is not None and published.modified <= since
