"""What a client would rather have, and what it holds already: RFC 9110, sections 8.8, 12 and 13.

Pure functions over header values. Each remembers its latest answers: the same few values come
back with nearly every request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

_MAX_REMEMBERED: Final = 512
_ENTITY_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@lru_cache(_MAX_REMEMBERED)
def holds(if_none_match: str, etag: str) -> bool:
    """True where `If-None-Match` names this entity tag; compared weakly, as for a GET.

    >>> holds('W/"a", "b"', '"a"'), holds("*", '"a"'), holds('"c"', '"a"')
    (True, True, False)
    """
    return if_none_match.strip() == "*" or etag in _ENTITY_TAG.findall(if_none_match)


@lru_cache(_MAX_REMEMBERED)
def seconds_of(http_date: str) -> int | None:
    """A date of HTTP as seconds since 1970, or None where it is none.

    >>> seconds_of("Thu, 01 Jan 1970 00:01:00 GMT"), seconds_of("yesterday")
    (60, None)
    """
    try:
        moment = parsedate_to_datetime(http_date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


@lru_cache(_MAX_REMEMBERED)
def accepts_gzip(accept_encoding: str) -> bool:
    """True where gzip is welcome, and at least as welcome as no coding at all.

    >>> accepts_gzip("br, gzip"), accepts_gzip("gzip;q=0"), accepts_gzip("identity, gzip;q=0.5")
    (True, False, False)
    """
    asked = _weights(accept_encoding)
    gzip = asked.get("gzip", asked.get("x-gzip", asked.get("*", 0.0)))
    return gzip > 0 and gzip >= asked.get("identity", 0.0)


def prefer(accept: str, offered: Sequence[str]) -> str:
    """The offered media type that `Accept` values most; the first of them where it does not care.

    >>> prefer("application/json;q=0.5, application/xml", ("application/json", "application/xml"))
    'application/xml'
    """
    return _prefer(accept, tuple(offered))


@lru_cache(_MAX_REMEMBERED)
def _prefer(accept: str, offered: tuple[str, ...]) -> str:
    asked = _weights(accept)

    def weight(media_type: str) -> float:
        group = media_type.partition("/")[0] + "/*"
        return next((asked[key] for key in (media_type, group, "*/*") if key in asked), 0.0)

    return max(offered, key=weight)


def _weights(header: str) -> dict[str, float]:
    """Every name in a list of preferences, with its quality from 0 to 1."""
    found: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((one[2:].strip() for one in parameters if one.startswith("q=")), "1")
        if name and _QUALITY.fullmatch(quality):
            found[name] = float(quality)
    return found
