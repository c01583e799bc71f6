"""Other spellings of a request's headers, as attackers use them to get past a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

Headers = tuple[tuple[str, str], ...]

CASELESS: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-type", "expect", "host", "transfer-encoding"}
)
"""Headers whose values HTTP compares without case."""


def names_recased(headers: Headers) -> Iterator[Headers]:
    """Names of headers all large, and all small."""
    for change in str.upper, str.lower:
        yield tuple((change(name), value) for name, value in headers)


def cookie_names_recased(headers: Headers) -> Iterator[Headers]:
    """Names of cookies all large, all small, and each the other way round; values as they were."""
    for change in str.upper, str.lower, str.swapcase:
        yield _cookies(headers, partial(_all_renamed, change))


def cookies_reordered(headers: Headers) -> Iterator[Headers]:
    """Cookies from behind."""
    yield _cookies(headers, lambda pairs: pairs[::-1])


def cookies_more(headers: Headers) -> Iterator[Headers]:
    """Cookies that nobody knows, in front, behind, and on both sides."""
    yield _cookies(headers, lambda pairs: ["x=1", *pairs])
    yield _cookies(headers, lambda pairs: [*pairs, "x=1"])
    yield _cookies(headers, lambda pairs: ["x=1", *pairs, "y=2"])


def cookies_apart(headers: Headers) -> Iterator[Headers]:
    """Without blanks between cookies, with more of them, and each cookie in a header of its own."""
    yield _cookies(headers, lambda pairs: pairs, between=";")
    yield _cookies(headers, lambda pairs: pairs, between=";  ;  ")
    yield tuple(
        (name, pair) for name, value in headers for pair in (_pairs(value) if _is_cookie(name) else [value])
    )


def values_recased(headers: Headers) -> Iterator[Headers]:
    """Values that HTTP compares without case, all large, and all small."""
    for change in str.upper, str.lower:
        yield tuple((name, change(value) if name.lower() in CASELESS else value) for name, value in headers)


def cookies_encoded(headers: Headers) -> Iterator[Headers]:
    """Letters of cookies percent-encoded."""

    def encoded(pairs: list[str]) -> list[str]:
        return [
            "".join(f"%{ord(one):02x}" if one.isascii() and one.isalpha() else one for one in pair)
            for pair in pairs
        ]

    yield _cookies(headers, encoded)


def _is_cookie(name: str) -> bool:
    return name.lower() == "cookie"


def _pairs(value: str) -> list[str]:
    return [pair.strip() for pair in value.split(";") if pair.strip()]


def _cookies(headers: Headers, change: Callable[[list[str]], list[str]], between: str = "; ") -> Headers:
    return tuple(
        (name, between.join(change(_pairs(value))) if _is_cookie(name) else value) for name, value in headers
    )


def _all_renamed(change: Callable[[str], str], pairs: list[str]) -> list[str]:
    parted = [pair.partition("=") for pair in pairs]
    return [change(name) + equals + value for name, equals, value in parted]
