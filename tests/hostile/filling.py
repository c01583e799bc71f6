"""Documents filled to a limit, with whatever fits in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from feedsrv.codec.parsing import LIMITS_FEED, LIMITS_MITIGATION
from feedsrv.trust.profile import Kind
from tests.hostile.genuine import Genuine

MOST_BYTES: Final = 5 * 1024 * 1024
"""Of one input."""

Make = Callable[[Genuine], bytes]


def limit_of(one: Genuine) -> int:
    """How many bytes are read of a document of that kind."""
    return (LIMITS_FEED if one.kind is Kind.FEED else LIMITS_MITIGATION).max_bytes


def _to(length: Callable[[Genuine], int], filler: bytes, after: bytes = b"", before: bytes = b"") -> Make:
    """The document with as much of the filler as brings it to that length."""

    def make(one: Genuine) -> bytes:
        room = length(one) - len(one.signed) - len(before) - len(after)
        return one.first(before + filler * (room // len(filler)) + after)

    return make


def full(filler: bytes, after: bytes = b"", before: bytes = b"") -> Make:
    """As long as the reader of that kind allows."""
    return _to(limit_of, filler, after, before)


def five(filler: bytes, after: bytes = b"", before: bytes = b"") -> Make:
    """As long as any input may be."""
    return _to(lambda _: MOST_BYTES, filler, after, before)


def elements_of(one: Genuine) -> int:
    """Some fewer than are allowed."""
    return (LIMITS_FEED if one.kind is Kind.FEED else LIMITS_MITIGATION).max_elements - 200


def many(filler: Callable[[int], bytes], share: int = 1) -> Make:
    """As many elements or comments as are allowed, or that share of them; each is given its number."""
    return lambda one: one.first(b"".join(map(filler, range(elements_of(one) // share))))


def namespaces(number: int, start: bytes = b"xmlns:n") -> bytes:
    """That many declarations, each of a prefix of its own."""
    return b" ".join(start + b'%d="urn:%d"' % (one, one) for one in range(number))


def attributes(number: int) -> bytes:
    """That many attributes."""
    return b" ".join(b'a%d="%d"' % (one, one) for one in range(number))
