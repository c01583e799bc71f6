"""The usual variants of an attack: what IIS takes for the same request, spelled otherwise.

One table says of each kind how it is made, and whether a rule is asked to stop it. Where nothing is
asked, the line says why, and where that is written. An author's own samples say what no table knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from feedsrv.lints import variants_address as address
from feedsrv.lints import variants_headers as headers
from feedsrv.lints.iis_exchange import Reading
from feedsrv.model.mitigation import RequestSample

MOST_CHARACTERS: Final = 16_384
"""HTTP.sys refuses a request whose line and headers are longer: MaxRequestBytes.

https://learn.microsoft.com/troubleshoot/developer/webapps/iis/iisadmin-service-inetinfo/httpsys-registry-windows
"""

Respelled = Callable[[str, str], Iterator[address.Address]]
Reheaded = Callable[[headers.Headers], Iterator[headers.Headers]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to spell a request otherwise."""

    name: str
    """What is different, for people."""
    address: Respelled | None = None
    headers: Reheaded | None = None
    in_links: bool = False
    """True where a browser leaves it in a link, so that it reaches pages whose response a rule changes."""
    readings: tuple[Reading, ...] = tuple(Reading)
    """The readings of REQUEST_URI for which it is asked."""
    of_loose_rules: bool = False
    """True where it is asked only of rules that are not tied to a path."""
    unasked: str | None = None
    """Why no rule is asked to stop it; None where each is."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A sample, spelled otherwise."""

    kind: Kind
    request: RequestSample


_TWICE: Final = (
    "an application decodes its query once, so this is another request; a sample that is encoded twice "
    "itself has it asked"
)
QUERY_TWICE: Final = Kind("query percent-encoded twice", address.query_encoded_twice, unasked=_TWICE)

KINDS: Final = (
    # HTTP.sys decodes a path once, turns backslashes, and resolves dots and empty segments before anybody
    # compares names; names are compared without case. UrlRewrite hands on both spellings.
    Kind("path letters percent-encoded", address.path_letters_encoded, in_links=True),
    Kind("path signs percent-encoded", address.path_signs_encoded, in_links=True),
    Kind("path slashes encoded or turned", address.path_slashes_encoded),
    Kind("path by a detour", address.path_detours),
    Kind("capitals changed", address.capitals, in_links=True),
    # https://learn.microsoft.com/dotnet/api/system.web.httprequest.pathinfo
    Kind("more path behind the page", address.path_behind_page, in_links=True),
    # PercentUAllowed is on unless switched off (the page of MOST_CHARACTERS). Nobody documents whether
    # {UrlDecode:...} reads these as well.
    Kind("path letters as %u and four digits", address.path_four_digits, readings=(Reading.DECODED,)),
    # ASP.NET decodes names and values of parameters, `+` being a blank, and finds them in any order.
    # https://learn.microsoft.com/dotnet/api/system.web.httputility.parsequerystring
    Kind("query letters percent-encoded", address.query_letters_encoded, in_links=True),
    Kind("query signs percent-encoded", address.query_signs_encoded, in_links=True),
    Kind("blanks of the query as + or %20", address.query_blanks, in_links=True),
    Kind("parameters in another order", address.query_reordered, in_links=True),
    Kind("parameters added", address.query_longer, in_links=True),
    Kind("several of these at once", address.all_at_once),
    # What is passed on as another request is put together from both: the order is the attacker's choice.
    Kind("path and the directory in the query change places", address.places_changed, of_loose_rules=True),
    # https://www.rfc-editor.org/rfc/rfc9110#section-5.1; ASP.NET finds cookies without case:
    # https://learn.microsoft.com/dotnet/api/system.web.httpcookiecollection
    Kind("names of headers in other capitals", headers=headers.names_recased),
    Kind("names of cookies in other capitals", headers=headers.cookie_names_recased),
    Kind("cookies in another order", headers=headers.cookies_reordered),
    Kind("cookies added", headers=headers.cookies_more),
    Kind("cookies apart otherwise", headers=headers.cookies_apart),
    Kind("values of headers in other capitals", headers=headers.values_recased),
    # Not asked: refused before any application, or another request.
    Kind(
        "path percent-encoded twice",
        address.path_encoded_twice,
        unasked="IIS answers 404.11 by itself: request filtering refuses double escapes in a path, "
        "https://learn.microsoft.com/iis/configuration/system.webserver/security/requestfiltering",
    ),
    QUERY_TWICE,
    Kind(
        "overlong UTF-8",
        address.overlong,
        unasked="HTTP.sys reads only the shortest UTF-8; other bytes are letters of the system's code page "
        "(EnableNonUTF8), so this names another path, "
        "https://learn.microsoft.com/security-updates/securitybulletins/2000/ms00-078",
    ),
    Kind(
        "full-width letters",
        address.full_width,
        unasked="IIS and Windows compare names in Unicode: a full-width letter is another letter",
    ),
    Kind(
        "signs behind the name of the file",
        address.path_end,
        unasked="ASP.NET refuses names that Windows would shorten, and HTTP.sys a zero byte "
        "(relaxedUrlToFileSystemMapping, requestPathInvalidCharacters, AllowRestrictedChars), "
        "https://learn.microsoft.com/dotnet/api/system.web.configuration.httpruntimesection",
    ),
    Kind(
        "a parameter of the path",
        address.path_parameter,
        unasked="IIS takes a semicolon for a letter like any other, so this names another file",
    ),
    Kind(
        "query letters as %u and four digits",
        address.query_four_digits,
        unasked="ASP.NET reads these, but nobody documents whether {UrlDecode:...} does: try it on a server",
    ),
    Kind(
        "a line break in a parameter",
        address.line_break,
        unasked="whether '.' of the module's engine stops at a line break is not documented: try it on a "
        r"server, or write [\s\S]",
    ),
    Kind(
        "cookies percent-encoded",
        headers=headers.cookies_encoded,
        unasked="neither IIS nor ASP.NET decodes cookies, so this is another cookie",
    ),
)


def variants(sample: RequestSample) -> tuple[Variant, ...]:
    """Every spelling of a sample that differs from it, in the order of the table; none twice.

    Of a sample for an outbound rule, whose request a victim's browser sends, only what links can carry.
    """
    found: dict[RequestSample, Variant] = {}
    for kind in KINDS:
        if sample.expect and not kind.in_links:
            continue
        for request in _made(kind, sample):
            if request != sample and _length(request) <= MOST_CHARACTERS:
                found.setdefault(request, Variant(_judged(kind, sample), request))
    return tuple(found.values())


def _made(kind: Kind, sample: RequestSample) -> Iterator[RequestSample]:
    if kind.address is not None:
        url, mark, fragment = sample.url.partition("#")
        path, _, query = url.partition("?")
        for path_, query_ in kind.address(path, query):
            yield replace(sample, url=path_ + (f"?{query_}" if query_ else "") + mark + fragment)
    if kind.headers is not None:
        for other in kind.headers(sample.headers):
            yield replace(sample, headers=other)


def _judged(kind: Kind, sample: RequestSample) -> Kind:
    """What the sample itself shows to be possible is asked."""
    if kind is QUERY_TWICE and re.search(r"\?.*%25[0-9a-f]{2}", sample.url, re.IGNORECASE):
        return replace(kind, unasked=None)
    return kind


def _length(request: RequestSample) -> int:
    return len(request.url) + sum(len(name) + len(value) for name, value in request.headers)
