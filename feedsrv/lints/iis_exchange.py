"""One request and its response as IIS server variables.

What a sample does not say is filled in with what a stranger from the internet would have: HTTPS on port
443, an address set aside for documentation, nobody logged on (rules run before authentication).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from feedsrv.model.action import Place, header_name
from feedsrv.model.mitigation import RequestSample

HOST: Final = "mail.example.org"
STRANGER: Final = "203.0.113.7"
RESPONSE: Final = "RESPONSE_"

# Real server variables that no sample can hold.
NOT_IN_SAMPLES: Final = frozenset(
    {
        "ALL_HTTP",
        "ALL_RAW",
        "APP_POOL_ID",
        "APPL_MD_PATH",
        "APPL_PHYSICAL_PATH",
        "AUTH_PASSWORD",
        "AUTH_TYPE",
        "CACHE_URL",
        "CERT_COOKIE",
        "CERT_FLAGS",
        "CERT_ISSUER",
        "CERT_KEYSIZE",
        "CERT_SECRETKEYSIZE",
        "CERT_SERIALNUMBER",
        "CERT_SERVER_ISSUER",
        "CERT_SERVER_SUBJECT",
        "CERT_SUBJECT",
        "DOCUMENT_ROOT",
        "GATEWAY_INTERFACE",
        "HTTPS_KEYSIZE",
        "HTTPS_SECRETKEYSIZE",
        "HTTPS_SERVER_ISSUER",
        "HTTPS_SERVER_SUBJECT",
        "INSTANCE_ID",
        "INSTANCE_META_PATH",
        "LOCAL_ADDR",
        "PATH_TRANSLATED",
        "REMOTE_PORT",
        "REQUEST_FILENAME",
        "RESPONSE_STATUS",
        "SCRIPT_FILENAME",
        "SCRIPT_TRANSLATED",
        "SERVER_SOFTWARE",
        "SSI_EXEC_DISABLED",
        "URL_PATH_INFO",
    }
)

_ABSOLUTE: Final = re.compile(r"(?:(https?)://([^/?#]*))?([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_ESCAPES: Final = re.compile(r"%u([0-9a-f]{4})|(?:%[0-9a-f]{2})+", re.IGNORECASE)


class Reading(Enum):
    """How REQUEST_URI reads its path. Versions and documents of IIS disagree, so rules must hold in both."""

    RAW = "as sent"
    DECODED = "decoded"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it came in, the path that rules see now, and the response so far."""

    request: Mapping[str, str]
    """Server variables that no rule changes, by name in capitals."""
    path: str
    """Decoded, with its leading slash; an inbound rewrite changes it."""
    query: str
    """As sent, without its question mark."""
    response: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, sample: RequestSample, reading: Reading) -> Exchange:
        """The exchange of a sample, before any rule."""
        _, _, path, query = _parts(sample.url)
        return cls(_request(sample, reading), decode_path(path), query, sample.response_headers)

    def variable(self, name: str) -> str | None:
        """A server variable's value; empty for a header that is absent, None for no such variable.

        Names are compared without case. A request header is spelled with underscores, so
        `HTTP_USER-AGENT` names nothing.
        """
        upper = name.upper()
        if upper in NOT_IN_SAMPLES:
            return None
        if upper.startswith(RESPONSE):
            return self.header(name)
        if upper in {"URL", "PATH_INFO", "SCRIPT_NAME"}:
            return self.path
        if upper == "QUERY_STRING":
            return self.query
        absent = "" if upper.startswith("HTTP_") and "-" not in upper else None
        return self.request.get(upper, absent)

    def header(self, variable: str) -> str:
        """The response header behind a `RESPONSE_` variable.

        IIS gives a rule on an absent header the empty string, so that `(.*)` matches and sets it.
        """
        wanted = _header_of(variable)
        return ", ".join(value for name, value in self.response if name.casefold() == wanted)

    def with_header(self, variable: str, value: str) -> Exchange:
        """The exchange with that response header set to this whole value; set to nothing, it is gone."""
        wanted = _header_of(variable)
        others = tuple(pair for pair in self.response if pair[0].casefold() != wanted)
        name = next((name for name, _ in self.response if name.casefold() == wanted), header_name(variable))
        return replace(self, response=(*others, (name, value)) if value else others)

    def with_url(self, url: str, place: Place) -> Exchange:
        """The exchange after an inbound rewrite, which keeps the query and may add to it.

        A rewritten path without leading slash lies below the place of its rule.
        """
        _, _, path, query = _parts(url)
        if not path.startswith("/"):
            path = f"{(place.path or '').rstrip('/')}/{path}"
        return replace(self, path=path, query="&".join(part for part in (query, self.query) if part))

    def path_for(self, place: Place) -> str | None:
        """The path as rules of that place see it, without leading slash; None where it is not theirs."""
        folder = (place.path or "").rstrip("/")
        below = self.path[len(folder) :]
        if self.path[: len(folder)].casefold() != folder.casefold() or (below and below[0] != "/"):
            return None
        return below.removeprefix("/")


def decode_path(path: str) -> str:
    """A path as HTTP.sys hands it on: decoded once, slashes single, dot segments resolved.

    As it is set up by default: `%u0061` is a letter (PercentUAllowed), and bytes that are no UTF-8 are
    read in the code page of the system (EnableNonUTF8).

    >>> decode_path("/owa//x/../%61uth%2f%u006cogon.aspx")
    '/owa/auth/logon.aspx'
    """
    segments: list[str] = []
    decoded = _ESCAPES.sub(_unescaped, path).replace("\\", "/")
    for segment in decoded.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    is_folder = bool(segments) and decoded.endswith(("/", "/.", "/.."))
    return "/" + "/".join(segments) + ("/" if is_folder else "")


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is not None:
        return chr(int(found[1], 16))
    octets = bytes.fromhex(found[0].replace("%", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", errors="replace")


def _request(sample: RequestSample, reading: Reading) -> dict[str, str]:
    scheme, authority, path, query = _parts(sample.url)
    headers = _by_name(sample.headers)
    host = headers.get("HTTP_HOST") or authority or HOST
    is_plain = scheme.lower() == "http"
    return {
        **headers,
        "AUTH_USER": "",
        "CONTENT_LENGTH": headers.get("HTTP_CONTENT_LENGTH", "0"),
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "HTTPS": "off" if is_plain else "on",
        "HTTP_HOST": host,
        "HTTP_METHOD": sample.method,
        "HTTP_URL": _joined(path, query),
        "HTTP_VERSION": "HTTP/1.1",
        "HTTP_X_ORIGINAL_URL": _joined(decode_path(path), query),
        "LOGON_USER": "",
        "REMOTE_ADDR": STRANGER,
        "REMOTE_HOST": STRANGER,
        "REMOTE_USER": "",
        "REQUEST_METHOD": sample.method,
        "REQUEST_URI": _joined(path if reading is Reading.RAW else decode_path(path), query),
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.partition(":")[2] or ("80" if is_plain else "443"),
        "SERVER_PORT_SECURE": "0" if is_plain else "1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "UNENCODED_URL": _joined(path, query),
    }


def _by_name(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Request headers as `HTTP_` variables; a header that is sent twice is one variable."""
    found: dict[str, str] = {}
    for name, value in headers:
        variable = "HTTP_" + name.upper().replace("-", "_")
        between = "; " if variable == "HTTP_COOKIE" else ", "
        found[variable] = found[variable] + between + value if variable in found else value
    return found


def _header_of(variable: str) -> str:
    return header_name(RESPONSE + variable[len(RESPONSE) :]).casefold()


def _parts(url: str) -> tuple[str, str, str, str]:
    """Scheme, authority, path and query, each empty where the URL has none."""
    found = _ABSOLUTE.match(url)
    assert found is not None, "every part of the expression may be empty"
    scheme, authority, path, query = found.groups(default="")
    return scheme, authority, path, query


def _joined(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
