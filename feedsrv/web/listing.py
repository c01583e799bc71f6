"""The list of current feeds, as the publisher wrote it on the shelf (`v1/feeds/index.json`).

It tells how fresh each feed is, so that nobody here has to open a signed document for that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from feedsrv.clock import from_text
from feedsrv.errors import OperatorError
from feedsrv.web.feed import INDEX_JSON, Published, ShelfReader


class ListingError(OperatorError):
    """The list of feeds on the shelf cannot be understood."""

    code = "shelf.bad_listing"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{INDEX_JSON} on the shelf: {reason}; publishing again writes it anew")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list says of one current feed."""

    product: str
    channel: str
    version: int
    issued: datetime
    expires: datetime


def listings(shelf: ShelfReader) -> tuple[Listing, ...]:
    """Every current feed; none before the first publication.

    Raises:
        ListingError: the list is not of its grammar.
        UnavailableError: the shelf cannot be read now.
    """
    published = shelf.find(INDEX_JSON)
    return () if published is None else _read(published)


@lru_cache(2)  # by identity: an unchanged list is read once
def _read(published: Published) -> tuple[Listing, ...]:
    try:
        document: Any = json.loads(b"".join(published.plain.body))
        return tuple(_listing(one) for one in document["feeds"])
    except KeyError as error:
        raise ListingError(f"{error.args[0]!r} is missing") from None
    except (ValueError, TypeError) as error:
        raise ListingError(f"not of its grammar ({error})") from None


def _listing(one: Any) -> Listing:  # noqa: ANN401 -- whatever JSON held
    return Listing(
        product=str(one["product"]),
        channel=str(one["channel"]),
        version=int(one["version"]),
        issued=from_text(one["issued"]),
        expires=from_text(one["expires"]),
    )
