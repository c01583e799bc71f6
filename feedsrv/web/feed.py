"""What the public door needs of a shelf: published bytes by URL path, ready to send.

Whoever reads a shelf makes one `Published` of each file, when it appears or changes; sending it
is then a lookup. Digests, headers and the compressed variant are settled here, once.
"""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256
from typing import Final, Protocol

from feedsrv.web.headers import Headers, cache_control, content_type, safety

INDEX_JSON: Final = "v1/feeds/index.json"
INDEX_XML: Final = "v1/feeds/index.xml"


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """One way to send a file: its bytes, and the headers for sending them or for saying "unchanged"."""

    etag: str
    """Strong: a digest of these very bytes, in quotes."""
    body: Iterable[bytes]
    """Can be gone through any number of times."""
    size: int
    """In bytes."""
    headers: Headers
    unchanged_headers: Headers


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """One file as it is published now. A changed file is another object."""

    kind: str
    """What it is, for counting: see `kind_of`."""
    modified: int
    """Whole seconds since 1970, UTC."""
    plain: Representation
    compressed: Representation | None
    """With gzip; None where the shelf holds no such variant."""


class ShelfReader(Protocol):
    """Reads published files; many threads may ask at once."""

    def find(self, path: str) -> Published | None:
        """What is published under a URL path without its leading slash, or None.

        The same object comes back for as long as the file is the same, and a change is seen
        within a second. Where nothing could be published (a path without a known ending),
        None comes back without a look.

        Raises:
            UnavailableError: the shelf cannot be read now.
        """


# What a path is, by its beginning, the longest first.
_KINDS: Final = (
    ("v1/feeds/index.", "list"),
    ("v1/feeds/", "feed"),
    ("v1/mitigations/", "mitigation"),
    ("v1/trust/", "trust"),
    ("v1/schemas/", "schema"),
    ("v1/bundles/", "bundle"),
)
KINDS: Final = (*(kind for _, kind in _KINDS), "page")


def kind_of(path: str) -> str:
    """What lies under a path, in one word.

    >>> kind_of("v1/feeds/exchange-2019/production.xml"), kind_of("index.html")
    ('feed', 'page')
    """
    return next((kind for start, kind in _KINDS if path.startswith(start)), "page")


def publish(path: str, body: bytes, modified: int, gzipped: bytes | None = None) -> Published:
    """Make a file's bytes ready to send.

    `gzipped` is left out where it does not hold these very bytes: while a publisher replaces
    two files, one is older than the other for a moment.

    Raises:
        UnknownTypeError: nothing with such an ending is ever published.
    """
    fits = gzipped is not None and _holds(gzipped, body)
    compressed = represent(path, gzipped, modified, coded=True) if gzipped is not None and fits else None
    plain = represent(path, body, modified, varies=compressed is not None)
    return Published(kind_of(path), modified, plain, compressed)


def represent(
    path: str, body: bytes, modified: int, *, coded: bool = False, varies: bool = False
) -> Representation:
    """Settle digest and headers for some bytes, sent as they are or (`coded`) with gzip."""
    return describe(path, (body,), len(body), sha256(body).digest(), modified, coded=coded, varies=varies)


def describe(  # noqa: PLR0913 -- the six things of which headers are made
    path: str,
    body: Iterable[bytes],
    size: int,
    digest: bytes,
    modified: int,
    *,
    coded: bool = False,
    varies: bool = False,
) -> Representation:
    """Settle the headers of a body whose digest is known already.

    Raises:
        UnknownTypeError: nothing with such an ending is ever published.
    """
    etag = f'"{urlsafe_b64encode(digest).decode("ascii").rstrip("=")}"'
    # A 304 carries what RFC 9110, section 15.4.5 asks of it and no more: whoever polls holds the rest.
    unchanged: Headers = [("ETag", etag), ("Cache-Control", cache_control(path))]
    vary = [
        *(["Accept"] if path in (INDEX_JSON, INDEX_XML) else []),
        *(["Accept-Encoding"] * (coded or varies)),
    ]
    if vary:
        unchanged.append(("Vary", ", ".join(vary)))
    headers: Headers = [
        ("Content-Type", content_type(path)),
        ("Content-Length", str(size)),
        ("Last-Modified", formatdate(modified, usegmt=True)),
        *unchanged,
        *safety(path),
    ]
    if coded:
        headers.append(("Content-Encoding", "gzip"))
    return Representation(etag, body, size, headers, unchanged)


def _holds(gzipped: bytes, body: bytes) -> bool:
    try:
        # One byte more than expected is enough to know: a bomb is never unfolded.
        unfolded = zlib.decompressobj(wbits=31).decompress(gzipped, len(body) + 1)
    except zlib.error:
        return False
    return unfolded == body
