"""ETags of what can change, and `If-Match` against changes that nobody saw: RFC 9110, section 13."""

from __future__ import annotations

import re
from typing import Final

from flask import request

from feedsrv.web.api.refusals import BadTagError, MissingTagError

TAG: Final = r'^(\*|(W/)?"[0-9A-Za-z_.-]{1,128}")$'
_TAG: Final = re.compile(TAG)


def entity_tag(tag: str) -> str:
    """A tag as the header wants it."""
    return f'"{tag}"'


def tag_seen() -> str | None:
    """The tag that a request's `If-Match` names; None where it acts on whatever is there.

    Proxies that compress an answer mark its tag as weak. What our tags stand for is a state and not bytes,
    so the mark is passed over.

    Raises:
        MissingTagError: it names none.
        BadTagError: what it names is no tag.
    """
    stated = request.headers.get("If-Match")
    if stated is None:
        raise MissingTagError
    if not _TAG.fullmatch(stated.strip()):
        raise BadTagError
    return None if stated.strip() == "*" else stated.strip().removeprefix("W/").strip('"')
