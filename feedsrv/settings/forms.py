"""What a setting may look like: its type, and the words by which a wrong one is refused."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, TypeAdapter


def host_and_port(bind: str) -> tuple[str, int]:
    """What `HOST:PORT` names; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is of another form.
    """
    host, colon, port = bind.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (colon and bare and port.isascii() and port.isdecimal() and int(port) in _PORTS):
        raise ValueError(_BIND_FORM)
    if ":" in bare and bare == host:
        raise ValueError(_BIND_FORM)
    return bare, int(port)


def _bindable(bind: str) -> str:
    host_and_port(bind)
    return bind


SPANS: Final = TypeAdapter(timedelta)
_PORTS: Final = range(1, 65536)
_BIND_FORM: Final = "write address and port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
_SPAN_FORM: Final = "write a span from PT1S to P366D, such as PT1H or P3D"


def _whole_seconds(span: timedelta) -> timedelta:
    # Agents are told in whole seconds; a year is beyond anything that emergencies need.
    if span.microseconds or not timedelta(seconds=1) <= span <= timedelta(days=366):
        raise ValueError(_SPAN_FORM)
    return span


def _address(url: str, schemes: tuple[str, ...], form: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(form) from None
    # A password would stand in logs; a query or a fragment cannot be followed by a path.
    is_plain = parts.hostname and not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in schemes or not is_plain or not url.isprintable() or " " in url:
        raise ValueError(form)
    return url


def _public_url(url: str) -> str:
    return _address(url, ("http", "https"), _PUBLIC_FORM).rstrip("/")


def _timestamp_url(url: str) -> str:
    return _address(url, ("http", "https"), _TIMESTAMP_FORM)


def _clock_sources(text: str) -> str:
    named = [one.strip() for one in text.split(",")]
    return ",".join(_address(one, ("https",), _CLOCK_FORM) for one in named)


_PUBLIC_FORM: Final = "write an address without password or query, such as https://mitigations.example.com"
_CLOCK_FORM: Final = "write https:// addresses with commas between them, such as https://www.example.com"
_TIMESTAMP_FORM: Final = "write an address without password or query, such as http://tsa.example/tsr"


def _desk_url(url: str) -> str:
    plain = _address(url, ("http", "https"), _DESK_FORM).rstrip("/")
    if urlsplit(plain).path:
        raise ValueError(_DESK_FORM)
    return plain


def _discovery_url(url: str) -> str:
    plain = _address(url, ("http", "https"), _DISCOVERY_FORM)
    parts = urlsplit(plain)
    # Over plain HTTP anybody on the way decides who signs in; a provider on this machine has no way.
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError(_DISCOVERY_FORM)
    return plain


_DESK_FORM: Final = "write an address without path, such as https://desk.example.com"
_DISCOVERY_FORM: Final = (
    "write an https:// address such as https://login.example.com/.well-known/openid-configuration"
)


def _networks(text: str) -> str:
    try:
        return " ".join(str(ip_network(one)) for one in text.split())
    except ValueError:
        raise ValueError(_NETWORKS_FORM) from None


def roles_of_groups(text: str) -> dict[str, tuple[str, ...]]:
    """The groups of each role that `role=group,group role=group` names.

    Raises:
        ValueError: it is of another form.
    """
    found: dict[str, tuple[str, ...]] = {}
    for one in text.split():
        role, equals, groups = one.partition("=")
        named = tuple(group for group in groups.split(",") if group)
        if role not in ROLES or not equals or not named or role in found:
            raise ValueError(_ROLES_FORM)
        found[role] = named
    if not found:
        raise ValueError(_ROLES_FORM)
    return found


def _roles(text: str) -> str:
    roles_of_groups(text)
    return text


_NETWORKS_FORM: Final = "write networks with spaces between them, such as 10.1.0.0/16 fd00::/8"
# As the model has them; settings lie on a floor that knows no model.
ROLES: Final = ("author", "reviewer", "publisher", "auditor", "administrator")
_ROLES_FORM: Final = (
    f"write role=group,group with spaces between them, each role once; roles are {', '.join(ROLES)}"
)

Networks = Annotated[str, AfterValidator(_networks)]
GroupRoles = Annotated[str, AfterValidator(_roles)]
DeskUrl = Annotated[str, AfterValidator(_desk_url)]
HttpsOrLocal = Annotated[str, AfterValidator(_discovery_url)]
Span = Annotated[timedelta, AfterValidator(_whole_seconds)]
Bind = Annotated[str, AfterValidator(_bindable)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
TimestampUrl = Annotated[str, AfterValidator(_timestamp_url)]
ClockSources = Annotated[str, AfterValidator(_clock_sources)]


class LocalAccounts(StrEnum):
    """Whether people sign in with a password that is kept here."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"


# What each setting takes, where the library's own words would not help.
FORMS: Final = {
    "workers": "write a whole number from 1 to 64",
    "threads": "write a whole number from 1 to 256",
    "publisher": "write 1 to 64 characters",
    "bind": _BIND_FORM,
    "private_bind": _BIND_FORM,
    "public_url": _PUBLIC_FORM,
    "clock_sources": _CLOCK_FORM,
    "timestamp_url": _TIMESTAMP_FORM,
    "private_workers": "write a whole number from 1 to 16",
    "trusted_proxies": "write a whole number from 0 to 5",
    "desk_url": _DESK_FORM,
    "webhook_networks": _NETWORKS_FORM,
    "oidc_roles": _ROLES_FORM,
    "oidc_discovery_url": _DISCOVERY_FORM,
    "local_accounts": "write on, off or auto",
    "session_span": _SPAN_FORM,
    "session_idle": _SPAN_FORM,
    "fresh_span": _SPAN_FORM,
    "break_glass_span": _SPAN_FORM,
    "break_glass_review": _SPAN_FORM,
    "feed_lifetime": _SPAN_FORM,
    "poll_interval": _SPAN_FORM,
    "max_review": _SPAN_FORM,
    "keeper_interval": _SPAN_FORM,
}
