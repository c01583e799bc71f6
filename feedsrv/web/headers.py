"""Headers by path: types, caching and what browsers must not do. One table each.

`docs/deploy/nginx.conf` says the same to nginx; a test compares the two.
"""

from __future__ import annotations

import re
from typing import Final

from feedsrv.errors import BadInputError

Headers = list[tuple[str, str]]

XML: Final = "application/xml; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"

# Only what has a place here is ever served: a `.gz` beside a file is a variant of it and has none.
CONTENT_TYPES: Final = {
    "xml": XML,
    "xsd": XML,
    "json": JSON,
    "pem": "application/x-pem-file",
    "crl": "application/pkix-crl",
    "zip": "application/zip",
    "html": HTML,
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}

FRESH: Final = "public, max-age=60"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
UNCACHED: Final = "no-store"
_VERSIONED: Final = re.compile(r"v1/(feeds/[^/]+/[^/]+|mitigations/[^/]+)/[0-9]+\.xml")

NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
# The page is plain: a stylesheet and links. Nothing may be added to it on the way to a reader.
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE_SAFETY: Final = (
    NOSNIFF,
    ("Content-Security-Policy", PAGE_POLICY),
    ("Referrer-Policy", "no-referrer"),
)
# A document is for programs. Opened in a browser, it must not come alive, nor lie in a frame.
DOCUMENT_SAFETY: Final = (
    NOSNIFF,
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class UnknownTypeError(BadInputError):
    """Nothing with such an ending is ever published."""

    code = "web.unknown_type"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path[-60:]!r} ends in none of {', '.join(sorted(CONTENT_TYPES))}")


def content_type(path: str) -> str:
    """The media type of what lies under a path.

    Raises:
        UnknownTypeError: nothing with such an ending is ever published.
    """
    try:
        return CONTENT_TYPES[path.rpartition(".")[2]]
    except KeyError:
        raise UnknownTypeError(path) from None


def cache_control(path: str) -> str:
    """For how long others may keep what lies under a path.

    >>> cache_control("v1/mitigations/M0001/2.xml")
    'public, max-age=31536000, immutable'
    >>> cache_control("v1/feeds/exchange-2019/production.xml")
    'public, max-age=60'
    """
    return IMMUTABLE if _VERSIONED.fullmatch(path) else FRESH


def safety(path: str) -> tuple[tuple[str, str], ...]:
    """What browsers must not do with what lies under a path."""
    return PAGE_SAFETY if path.endswith(".html") else DOCUMENT_SAFETY
