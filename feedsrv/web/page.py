"""The page for people at `/`: plain words in, static HTML out.

It is rendered when something is published and lies on the shelf like every other file, so nginx or
a bucket serve it as well. It has no script, loads nothing from elsewhere, and is not signed: it
says so itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from feedsrv.clock import to_text

STYLESHEET: Final = "style.css"
ICON: Final = "icon.svg"


@dataclass(frozen=True, slots=True)
class Link:
    """A text, and where it leads; None where it leads nowhere."""

    text: str
    href: str | None


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """Builds that are affected, and what ends that."""

    first: str
    first_name: str | None
    fixed: str | None
    """The first build that is no longer affected; None where there is no fix yet."""
    fixed_name: str | None


@dataclass(frozen=True, slots=True)
class ActionWords:
    """What is done to a server, and how it is taken back."""

    does: str
    undone: str


@dataclass(frozen=True, slots=True)
class MitigationWords:
    """One mitigation as people read it, for one product."""

    id: str
    revision: int
    title: str
    description: str
    severity: str
    issued: datetime
    first_published: datetime | None
    change: str | None
    vulnerabilities: tuple[Link, ...]
    ranges: tuple[AffectedRange, ...]
    no_fix_yet: str | None
    actions: tuple[ActionWords, ...]
    known_issues: tuple[str, ...]
    references: tuple[Link, ...]
    review_by: date
    rollout: int
    """Percent of the fleet."""
    href: str


@dataclass(frozen=True, slots=True)
class QuietEntry:
    """An entry that asks nothing of anybody now: superseded, withdrawn, or the heartbeat."""

    id: str
    revision: int
    title: str
    why: str
    href: str


@dataclass(frozen=True, slots=True)
class FeedWords:
    """One current feed, product and channel."""

    anchor: str
    """Unique on the page."""
    product: str
    channel: str
    version: int
    issued: datetime
    expires: datetime
    href: str
    mitigations: tuple[MitigationWords, ...]
    quiet: tuple[QuietEntry, ...]
    shared: int = 0
    """How many entries it shares with the production feed, where they are shown."""


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Everything on the page."""

    publisher: str
    feeds: tuple[FeedWords, ...]
    fingerprints: tuple[str, ...]
    """SHA-256 of each trust anchor, as hexadecimal digits."""
    generated: datetime


def render_index(page: IndexPage) -> bytes:
    """The page as HTML; the same words give the same bytes."""
    template = _environment().get_template("index.html")
    return template.render(page=page, card=_card, stylesheet=STYLESHEET, icon=ICON).encode()


# A publication changes one of perhaps a thousand: the others look as they did.
@lru_cache(maxsize=4096)
def _card(at: str, words: MitigationWords) -> Markup:
    # Its template escapes every word, so what comes out is markup.
    return Markup(_environment().get_template("mitigation.html").render(at=at, one=words))  # noqa: S704 -- as said


def page_files() -> dict[str, bytes]:
    """What the page needs beside itself, by file name."""
    static = files("feedsrv.web") / "static"
    notice = (
        b"/* Simple.css 2.3.7, MIT License, Copyright (c) 2020 Simple.css (Kev Quirk), simplecss.org */\n"
    )
    parts = [(static / name).read_bytes() for name in ("simple-2.3.7.min.css", "page.css")]
    return {STYLESHEET: notice + b"\n".join(parts), ICON: (static / ICON).read_bytes()}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("feedsrv.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = _day
    environment.filters["minute"] = _minute
    environment.filters["moment"] = lambda moment: f"{_minute(moment)} UTC"
    environment.filters["machine"] = to_text
    return environment


def _day(moment: date) -> str:
    """A day as people of many countries read it alike.

    >>> _day(date(2026, 5, 4))
    '4 May 2026'
    """
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _minute(moment: datetime) -> str:
    return f"{_day(moment)}, {moment:%H:%M}"


# Not strftime: its months follow the machine's language.
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
