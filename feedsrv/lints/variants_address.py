"""Other spellings of one address, as attackers use them to get past a pattern.

Each function takes path and query and gives other pairs; whether IIS takes them for the same request is
said by the table in `variants`, not here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, unquote

Address = tuple[str, str]
"""Path and query, as sent."""

VIRTUAL_DIRECTORY: Final = re.compile(
    r"abs|api|autodiscover|certprov|datacollab|dialin|ecp|ews|groupexpansion|lwa|mapi|mcx|meet|oab|owa"
    r"|microsoft-server-activesync|persistentchat|powershell|powershell-liveid|public|reach|rpc|rpcwithcert"
    r"|scheduler|ucwa|webticket",
    re.IGNORECASE,
)
"""What the sites of the products are divided into."""
PAGES: Final = (".aspx", ".ashx", ".asmx", ".svc")
"""What ASP.NET runs even where more path follows; the rest is its PathInfo."""

_WAYS_BACK: Final = frozenset(
    ["back", "continue", "goto", "next", "redirect", "returnurl", "ru", "target", "url"]
)
# An escape is one token, so that nothing below spoils it or counts its digits as letters.
_TOKEN: Final = re.compile(r"%u[0-9a-f]{4}|%(?:25)?[0-9a-f]{2}|.", re.IGNORECASE | re.DOTALL)
_KEPT_IN_QUERY: Final = frozenset("&=+%;#")
_KEPT_IN_PATH: Final = frozenset("/\\%;?#")


def path_letters_encoded(path: str, query: str) -> Iterator[Address]:
    """Every letter of the path, and every other one in small hexadecimal digits."""
    yield _encoded(path, str.isalnum), query
    yield _every_other(path), query


def path_signs_encoded(path: str, query: str) -> Iterator[Address]:
    """Dots, hyphens and the like, but no slash."""
    yield _encoded(path, lambda one: not one.isalnum() and one not in _KEPT_IN_PATH), query


def path_slashes_encoded(path: str, query: str) -> Iterator[Address]:
    """Every slash but the first; as a backslash, too."""
    for slash in "%2f", "%5C", "\\":
        yield path[:1] + path[1:].replace("/", slash), query


def path_detours(path: str, query: str) -> Iterator[Address]:
    """Ways through the same folder, or into another and back."""
    for detour in "//", "/./", "/x/../", "/%2e/", "/x/%2E%2e/", "/x%2f..%2f", "\\.\\":
        yield path.replace("/", detour), query


def path_behind_page(path: str, query: str) -> Iterator[Address]:
    """More path behind a page."""
    if path.lower().endswith(PAGES):
        yield f"{path}/x", query


def path_four_digits(path: str, query: str) -> Iterator[Address]:
    """Letters as `%u0061`."""
    yield _four_digits(path), query


def query_letters_encoded(path: str, query: str) -> Iterator[Address]:
    """Every letter of the query, and every other one in small hexadecimal digits."""
    yield path, _encoded(query, str.isalnum)
    yield path, _every_other(query)


def query_signs_encoded(path: str, query: str) -> Iterator[Address]:
    """Slashes, dots, at signs and the like, but nothing that divides parameters."""
    yield path, _encoded(query, lambda one: not one.isalnum() and one not in _KEPT_IN_QUERY)


def query_blanks(path: str, query: str) -> Iterator[Address]:
    """Blanks the other way: `+` or `%20`."""
    yield path, query.replace("+", "%20")
    yield path, query.replace("%20", "+")


def query_reordered(path: str, query: str) -> Iterator[Address]:
    """Parameters from behind, and the first one last."""
    parts = query.split("&")
    yield path, "&".join(reversed(parts))
    yield path, "&".join((*parts[1:], *parts[:1]))


def query_longer(path: str, query: str) -> Iterator[Address]:
    """A parameter that nobody knows, in front, behind, and on both sides."""
    yield path, f"x=1&{query}" if query else "x=1"
    if query:
        yield path, f"{query}&x=1"
        yield path, f"&x=1&&{query}&&x=1"


def capitals(path: str, query: str) -> Iterator[Address]:
    """All large, all small, and each the other way round."""
    for change in str.upper, str.lower, str.swapcase:
        yield _recased(path, change), _recased(query, change)


def all_at_once(path: str, query: str) -> Iterator[Address]:
    """Other letters, encoded, in another order, by a detour."""
    path, query = _recased(path, str.swapcase), _recased(query, str.swapcase)
    (_, reordered), *_ = query_reordered(path, query)
    (_, longer), *_ = query_longer(path, reordered)
    yield _every_other(path).replace("/", "/.//"), _every_other(longer)


def places_changed(path: str, query: str) -> Iterator[Address]:
    """The virtual directory that the query names in front, and the path in the query.

    For attacks that have one request passed on as another: who passes it on puts them together.
    """
    own = path.split("/", 2)[1].lower() if "/" in path else ""
    parts = query.split("&")
    for number, part in enumerate(parts):
        plain = unquote(part)
        # Where somebody is sent back to afterwards is no request that is passed on.
        if "://" in plain or plain.partition("=")[0].lower() in _WAYS_BACK:
            continue
        for word in re.split(r"[/=?]", plain):
            if VIRTUAL_DIRECTORY.fullmatch(word) and word.lower() != own:
                left = quote(plain.replace(word, "x"), safe="/?@=:;,!$'()*+")
                yield f"/{word}/", "&".join((f"x={path}", *parts[:number], left, *parts[number + 1 :]))


def path_encoded_twice(path: str, query: str) -> Iterator[Address]:
    """Every letter of the path, and the per cent signs of that."""
    yield _encoded(path, str.isalnum, sign="%25"), query


def query_encoded_twice(path: str, query: str) -> Iterator[Address]:
    """Every letter of the query, and the per cent signs of that."""
    yield path, _encoded(query, str.isalnum, sign="%25")


def query_four_digits(path: str, query: str) -> Iterator[Address]:
    """Letters of the query as `%u0061`."""
    yield path, _four_digits(query)


def overlong(path: str, query: str) -> Iterator[Address]:
    """Letters and dots in two bytes where UTF-8 has one."""
    yield _tokens(path, _two_bytes), query


def full_width(path: str, query: str) -> Iterator[Address]:
    """Letters of the same look from another block of Unicode."""
    wide = [
        _tokens(text, lambda one: chr(ord(one) + 0xFEE0) if one.isascii() and one.isalnum() else one)
        for text in (path, query)
    ]
    yield _utf8(wide[0]), _utf8(wide[1])


def path_end(path: str, query: str) -> Iterator[Address]:
    """What Windows drops at the end of a file's name."""
    if not path.endswith("/"):
        for end in ".", "%20", "::$DATA", "%00":
            yield path + end, query


def path_parameter(path: str, query: str) -> Iterator[Address]:
    """A parameter of a path segment."""
    yield f"{path};x=1", query


def line_break(path: str, query: str) -> Iterator[Address]:
    """A line break in a parameter that nobody knows: `.` does not match it."""
    yield path, "&".join(("x=%0a", *([query] if query else [])))


def _tokens(text: str, change: Callable[[str], str]) -> str:
    """The text with each character that is no escape changed."""
    return "".join(change(token) if len(token) == 1 else token for token in _TOKEN.findall(text))


def _encoded(text: str, which: Callable[[str], bool], sign: str = "%") -> str:
    return _tokens(text, lambda one: f"{sign}{ord(one):02X}" if one.isascii() and which(one) else one)


def _four_digits(text: str) -> str:
    return _tokens(text, lambda one: f"%u{ord(one):04x}" if one.isascii() and one.isalnum() else one)


def _every_other(text: str) -> str:
    """Every other letter encoded, so that no whole word stays."""
    tokens = _TOKEN.findall(text)
    return "".join(
        f"%{ord(one):02x}" if number % 2 and len(one) == 1 and one.isascii() and one.isalnum() else one
        for number, one in enumerate(tokens)
    )


def _recased(text: str, change: Callable[[str], str]) -> str:
    # Only ASCII: of other letters, some become two, and Windows does not agree with anybody on the rest.
    return _tokens(text, lambda one: change(one) if one.isascii() else one)


def _two_bytes(one: str) -> str:
    if not one.isascii():
        return one
    return f"%{0xC0 | ord(one) >> 6:02x}%{0x80 | ord(one) & 0x3F:02x}" if one.isalnum() or one == "." else one


def _utf8(text: str) -> str:
    return _tokens(
        text,
        lambda one: (
            one if one.isascii() else "".join(f"%{byte:02x}" for byte in one.encode(errors="replace"))
        ),
    )
