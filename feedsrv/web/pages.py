"""Pages of the private surface: words in, HTML out, with what every page shows around them.

A page is a template under `templates/desk`, escaped throughout. Everything that it loads is served by
this application, and it works without a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from flask import Response, current_app, g, request, stream_with_context
from flask_wtf.csrf import generate_csrf
from jinja2 import Environment, PackageLoader, StrictUndefined

from feedsrv.clock import Clock, now, to_text
from feedsrv.errors import NotAllowedError
from feedsrv.model.lifecycle import Role
from feedsrv.model.mitigation import MITIGATION_ID
from feedsrv.publishing.notice_records import Notice
from feedsrv.publishing.people_records import Principal
from feedsrv.web import guard
from feedsrv.web.coding import coded
from feedsrv.web.headers import HTML, UNCACHED
from feedsrv.web.marking import marked
from feedsrv.web.navigation import NAVIGATION, Entry, where

EXTENSION: Final = "feedsrv-pages"
"""Where an application keeps the surroundings of its pages."""
ASSETS: Final = "/static/desk/"


def _no_alarms() -> tuple[Notice, ...]:
    """Nobody watches."""
    return ()


@dataclass(frozen=True)
class Surroundings:
    """What every page shows around its own words."""

    publisher: str = "feedsrv"
    alarms: Callable[[], tuple[Notice, ...]] = _no_alarms
    """Alarms that nobody has settled yet."""
    clock: Clock = now


def render(template: str, status: int = 200, **values: object) -> Response:
    """A page from a template below `templates`, such as `desk/home.html`."""
    text = environment().get_template(template).render(_settled(values))
    return _answer(text, status)


def render_stream(template: str, **values: object) -> Response:
    """A page that is sent piece by piece, while its words come in."""
    pieces = environment().get_template(template).generate(_settled(values))
    answer = _answer(stream_with_context(_worth_sending(pieces)), 200)
    # A proxy that gathers the whole page first would hide the progress it shows.
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def to(path: str, **query: object) -> str:
    """An address on this surface; what is None is left out of the query.

    >>> from flask import Flask
    >>> with Flask("x").test_request_context("/", base_url="https://desk.example/ems"):
    ...     to("/mitigations", stage="in review", after=None)
    '/ems/mitigations?stage=in+review'
    """
    told = urlencode({name: value for name, value in query.items() if value is not None and value != ""})
    return f"{request.script_root}{path}{'?' if told else ''}{told}"


def asset(name: str) -> str:
    """The address of a file that pages load; it changes when the file does."""
    return to(f"{ASSETS}{name}", v=digest_of_asset(name))


@cache
def read_asset(name: str) -> bytes:
    """A file that pages load; only the names in `ASSET_NAMES` are ever asked for."""
    return (files("feedsrv.web") / "static" / name).read_bytes()


@cache
def digest_of_asset(name: str) -> str:
    """The beginning of a digest, by which a browser knows a file again."""
    return sha256(read_asset(name)).hexdigest()[:16]


ASSET_NAMES: Final = (
    "pico-2.1.1.min.css",
    "desk.css",
    "write.css",
    "htmx-2.0.11.min.js",
    "desk.js",
    "icon.svg",
)


def _answer(body: str | Iterator[str], status: int) -> Response:
    answer = Response(body, status, content_type=HTML)
    # Everything here is of one person at one moment.
    answer.headers["Cache-Control"] = UNCACHED
    answer.headers["Vary"] = "Cookie"
    return answer


def _worth_sending(pieces: Iterator[str]) -> Iterator[str]:
    """Lines instead of crumbs: a template yields every value apart."""
    waiting: list[str] = []
    for piece in pieces:
        waiting.append(piece)
        if piece.endswith("\n"):
            # Joined as plain text: markup that is added to would escape what comes after it.
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


def _settled(values: Mapping[str, object]) -> dict[str, object]:
    """What every template may use beside its own values, worked out once for each page."""
    around = surroundings()
    who = _visitor()
    return {
        "publisher": around.publisher,
        "principal": who,
        "alarms": around.alarms() if who is not None else (),
        "navigation": NAVIGATION,
        **values,
    }


def surroundings() -> Surroundings:
    """What stands around the pages of this application."""
    found = current_app.extensions.get(EXTENSION)
    return found if isinstance(found, Surroundings) else Surroundings()


def _visitor() -> Principal | None:
    """Who reads this; None also where that could not be found out, since a refusal is a page, too."""
    if "principal" in g:
        found: Principal | None = g.principal
        return found
    return None if "feedsrv-guard" not in current_app.extensions else _asked()


def _asked() -> Principal | None:
    try:
        return guard.visitor()
    except NotAllowedError:
        return None


def _is_fresh() -> bool:
    return _visitor() is not None and guard.is_fresh()


def _fresh_until() -> datetime | None:
    return guard.fresh_until() if _visitor() is not None else None


def _has(*roles: str) -> bool:
    """True where the reader has one of these roles, or where none is named."""
    who = _visitor()
    return who is not None and (not roles or who.has(*(Role(one) for one in roles)))


def _may_see(entry: Entry) -> bool:
    return not entry.roles or _has(*entry.roles)


def _here() -> str:
    """The page that is shown, with its query: where a new sign-in leads back to."""
    asked = request.full_path.removesuffix("?") if request.method in {"GET", "HEAD"} else request.path
    return f"{request.script_root}{asked}"


@cache
def environment() -> Environment:
    """How templates become pages: escaped, and complaining of every name that is not there."""
    made = Environment(
        loader=PackageLoader("feedsrv.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": moment,
        "date": day,
        "machine": machine,
        "days_left": days_left,
        "coded": coded,
        "plural": plural,
    }
    # In reach of macros, too, which see no value of the page.
    made.globals |= {
        "to": to,
        "asset": asset,
        "csrf_token": generate_csrf,
        "visitor": _visitor,
        "has": _has,
        "may_see": _may_see,
        "is_fresh": _is_fresh,
        "fresh_until": _fresh_until,
        "here": _here,
        "section": lambda: where(request.path),
        "is_mitigation": is_mitigation,
        "marked": marked,
        "the_time": lambda: surroundings().clock(),
    }
    return made


def moment(at: datetime) -> str:
    """A moment for people.

    >>> moment(datetime(2026, 5, 4, 12, 30))
    '2026-05-04 12:30 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M} UTC"


def day(at: date) -> str:
    """A day for people; the same in every country.

    >>> day(date(2026, 5, 4))
    '2026-05-04'
    """
    return f"{at:%Y-%m-%d}"


def machine(at: date) -> str:
    """A moment or a day for programs, as `datetime` of a `time` element."""
    return to_text(at) if isinstance(at, datetime) else at.isoformat()


def days_left(end: date | datetime, at: datetime | None = None) -> str:
    """How long there is until a day or a moment, in words.

    >>> days_left(date(2026, 5, 4), datetime(2026, 5, 1, 23, 0))
    'in 3 days'
    >>> days_left(date(2026, 5, 4), datetime(2026, 5, 5))
    'yesterday'
    """
    since = at or surroundings().clock()
    if isinstance(end, datetime) and abs((end - since).total_seconds()) < 2 * 86_400:
        return _hours_left(end, since)
    days = ((end.date() if isinstance(end, datetime) else end) - since.date()).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    return near.get(days) or (f"in {days} days" if days > 0 else f"{-days} days ago")


def _hours_left(end: datetime, since: datetime) -> str:
    minutes = int((end - since).total_seconds() // 60)
    size = abs(minutes)
    told = f"{size} min" if size < 120 else f"{size // 60} h"
    return f"in {told}" if minutes >= 0 else f"{told} ago"


def is_mitigation(subject: str) -> bool:
    """True where a notice is about a mitigation, or a revision of one.

    >>> is_mitigation("M0001 revision 2"), is_mitigation("feed exchange-2019/production")
    (True, False)
    """
    return MITIGATION_ID.fullmatch(subject.split(" ", maxsplit=1)[0]) is not None


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> plural(1, "finding"), plural(2, "reply", "replies")
    ('1 finding', '2 replies')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
