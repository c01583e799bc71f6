"""One POST to an address that was judged: no other address, no redirect, no proxy, and not for long."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from feedsrv.publishing.notices.addresses import Target

CONNECT: Final = 5.0
LONGEST: Final = 10.0
"""Seconds for a connection, and for everything together."""
_LATE: Final = "HTTP: no answer in time"
_ADDRESSES: Final = 3
"""How many addresses of one name are tried."""


class NotPostedError(Exception):
    """It did not reach the other side, or nothing came back; the message says at which step."""


def post(target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes) -> int:
    """Send a body to the first of these addresses that answers; returns the status of its answer.

    Nothing of the answer but its status is read: what lies behind a webhook is none of our business.

    Raises:
        NotPostedError: it was not sent, or not answered in time.
    """
    plain = _connect(target, addresses)
    cut = _Cut(plain)
    # Timeouts of a socket begin anew with every byte; whoever sends one now and then is cut off by this.
    watch = Timer(LONGEST, cut)
    watch.daemon = True
    watch.start()
    kind = HTTPSConnection if target.is_secure else HTTPConnection
    connection = kind(target.host, target.port)
    connection.sock = plain
    try:
        if target.is_secure:
            cut.stream = _context().wrap_socket(
                plain, server_hostname=target.host, do_handshake_on_connect=False
            )
            connection.sock = cut.stream
            cut.stream.do_handshake()
        connection.request("POST", target.path, body=body, headers=dict(headers))
        with connection.getresponse() as answer:
            status = answer.status
    except (OSError, HTTPException, ValueError) as error:
        step = "TLS" if isinstance(error, ssl.SSLError) else "HTTP"
        raise NotPostedError(_LATE if cut.is_cut else f"{step}: {_why(error)}") from None
    finally:
        watch.cancel()
        connection.close()
    # The library takes an answer that ends within its headers for a whole one.
    if cut.is_cut:
        raise NotPostedError(_LATE)
    return status


class _Cut:
    """Ends a connection from outside, whatever waits for it."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.is_cut = False

    def __call__(self) -> None:
        self.is_cut = True
        try:
            # The plain socket's own: that of TLS would change what another thread reads at this moment.
            socket.socket.shutdown(self.stream, socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself


def _connect(target: Target, addresses: Sequence[str]) -> socket.socket:
    why = "its name is unknown"
    for address in addresses[:_ADDRESSES]:
        try:
            return socket.create_connection((address, target.port), timeout=CONNECT)
        except OSError as error:
            why = f"{address} port {target.port}: {_why(error)}"
    raise NotPostedError(f"connection: {why}")


@cache
def _context() -> ssl.SSLContext:
    # The same authorities as whatever else this service fetches.
    return ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # Some of it may be what the other side sent.
    return "".join(one if one.isprintable() else "?" for one in said[:200]) or type(error).__name__
