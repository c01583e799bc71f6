"""Where notices may be sent: out into the world, and into private networks that an operator allows.

A name is judged by every address it leads to, and again at each sending, when the very address that
was judged is the one that is connected to.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from feedsrv.publishing.notices.refusals import BadWebhookUrlError, ForbiddenAddressError

Networks = Sequence[IPv4Network | IPv6Network]
Resolve = Callable[[str, int], tuple[str, ...]]
"""Every address of a host and port; none where there is none."""

LONGEST: Final = 2000
"""Characters of an address."""
_PATIENCE: Final = 5.0
"""Seconds for the resolver."""
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
# How browsers and libraries tell a number from a name: by its last part.
_ENDS_IN_A_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_OURSELVES: Final = ("localhost", "localhost.localdomain")
# Answer with the credentials of the machine itself, and are not all private by number.
_METADATA: Final = frozenset(
    map(ip_address, ("169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254"))
)
_UNICAST: Final = IPv6Network("2000::/3")
_TEREDO: Final = IPv6Network("2001::/32")
# IPv6 addresses that carry an IPv4 one: the network, and how far to the right of its bits it ends.
_CARRYING: Final = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("2002::/16"), 80),
)


@dataclass(frozen=True, slots=True)
class Target:
    """An address for notices, taken apart."""

    is_secure: bool
    host: str
    """A name in lower case, or an IP address without brackets."""
    port: int
    path: str
    """With its query."""

    @property
    def literal(self) -> str | None:
        """The host, where it is an IP address."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            return None


def read_networks(text: str | None) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that a setting names, with white space between; the setting has been checked.

    Raises:
        ValueError: a word of it is no network.
    """
    return tuple(map(ip_network, (text or "").split()))


def read_target(url: str) -> Target:
    """Take an address apart; in one spelling only, so that everybody reads the same out of it.

    Raises:
        BadWebhookUrlError: it is none, or can be read in two ways.
    """
    if len(url) > LONGEST or not re.fullmatch(r"[!-~]+", url):
        raise BadWebhookUrlError(
            f"it must be 1 to {LONGEST} plain ASCII characters without spaces; names in other scripts are "
            "written as xn--..."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadWebhookUrlError("its host or port cannot be read") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or "\\" in url:
        raise BadWebhookUrlError("it is no https address")
    if "@" in parts.netloc:
        raise BadWebhookUrlError("it holds a name or a password; webhooks are known by their signature")
    if parts.fragment or url.endswith("#"):
        raise BadWebhookUrlError("it holds a #, and what follows that is never sent")
    if port == 0:
        raise BadWebhookUrlError("its port is 0")
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        is_secure, _host(parts.hostname, in_brackets="[" in parts.netloc), port or _port(is_secure), path
    )


def _port(is_secure: bool) -> int:
    return 443 if is_secure else 80


def _host(host: str, *, in_brackets: bool) -> str:
    if in_brackets:
        try:
            address = IPv6Address(host)
        except ValueError:
            raise BadWebhookUrlError("what stands in [] is no IPv6 address") from None
        if address.scope_id is not None:
            raise BadWebhookUrlError("a zone (%) names one of this machine's own cables")
        return str(address)
    bare = host.removesuffix(".")
    if _ENDS_IN_A_NUMBER.fullmatch(bare):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise BadWebhookUrlError("an IP address is written as four decimal numbers") from None
    if len(bare) > 253 or not _HOST.fullmatch(bare):
        raise BadWebhookUrlError("its host is no name")
    return bare


def judge_target(target: Target, networks: Networks, resolve: Resolve) -> tuple[str, ...]:
    """The addresses that a target leads to, every one of them allowed; none where its name is unknown.

    Raises:
        ForbiddenAddressError: one of them is not, or http is asked for out in the world.
    """
    if target.host in _OURSELVES or target.host.endswith((".localhost", ".localdomain")):
        addresses: tuple[str, ...] = ("127.0.0.1", "::1")
    elif target.literal is not None:
        addresses = (target.literal,)
    else:
        addresses = resolve(target.host, target.port)
    for one in addresses:
        judge_address(one, networks, host=target.host)
        if not target.is_secure and not _is_inside(_address(one), networks):
            raise BadWebhookUrlError("http is for networks that the operator allows; elsewhere it is https")
    if not target.is_secure and not addresses:
        raise BadWebhookUrlError("http is for networks that the operator allows, and this name is unknown")
    return addresses


def judge_address(text: str, networks: Networks, *, host: str = "") -> None:
    """Refuse an IP address that notices are not sent to.

    Raises:
        ForbiddenAddressError: it is not out in the world, nor in one of the networks.
    """
    address = _address(text)
    for one in (address, *_carried(address)):
        what = _why_not(one, networks, is_carrier=one is address and bool(_carried(address)))
        if what:
            raise ForbiddenAddressError(host or text, text, what)


def resolved(host: str, port: int) -> tuple[str, ...]:
    """Every address of a host, as this machine's resolver has it; none where it has none in time."""
    found: list[tuple[str, ...]] = []
    # A daemon: a resolver that hangs must hold up neither whoever asks nor the end of this process.
    asking = Thread(target=lambda: found.append(_looked_up(host, port)), daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return found[0] if found else ()


def _looked_up(host: str, port: int) -> tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _why_not(address: IPv4Address | IPv6Address, networks: Networks, *, is_carrier: bool) -> str | None:
    never = address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255")
    nowhere = isinstance(address, IPv6Address) and (address not in _UNICAST or address in _TEREDO)
    # The first that is so; what an operator allows may be all that stands below it.
    reasons = (
        (address in _METADATA, "where clouds keep the secrets of their machines"),
        (never, "no address of one machine"),
        (is_carrier or _is_inside(address, networks), None),
        (address.is_loopback, "this machine itself"),
        (address.is_link_local, "of this network segment alone"),
        (nowhere, "private, or of a kind that leads nowhere"),
        (not address.is_global, "private"),
    )
    return next((what for is_so, what in reasons if is_so), None)


def _carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 address inside of an IPv6 one."""
    if isinstance(address, IPv4Address):
        return ()
    return tuple(
        IPv4Address(int(address) >> shift & 0xFFFFFFFF) for network, shift in _CARRYING if address in network
    )


def _is_inside(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address:
    # A zone (fe80::1%eth0) says by which of our own cables; the address is judged without.
    return ip_address(text.partition("%")[0])
