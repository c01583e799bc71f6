"""Looking from outside: the public URL as agents reach it, and other machines' clocks.

Everything is bounded in size and time, and TLS is verified as agents verify it (`REQUESTS_CA_BUNDLE`
names other authorities). Nothing that is fetched is believed here.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException
from importlib.metadata import version
from typing import Final, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from cryptography import x509
from requests.exceptions import ConnectionError as FailedConnectionError
from requests.exceptions import (
    ConnectTimeout,
    InvalidSchema,
    InvalidURL,
    ProxyError,
    RequestException,
    SSLError,
    Timeout,
)
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, LocationParseError, NameResolutionError

from feedsrv.clock import Clock
from feedsrv.publishing.watching.ports import UnreachedError
from feedsrv.publishing.watching.seen import ClockSeen

CONNECT: Final = 5.0
SILENCE: Final = 10.0
"""Seconds of waiting for a connection, and for the next bytes."""
LONGEST: Final = 60.0
HASTY: Final = 15.0
"""Seconds for everything that is fetched at a thorough look, and at any other."""
_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = 3
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
Value = TypeVar("Value")


class HttpPublic:
    """The public URL; for one look."""

    def __init__(self, url: str, clock: Clock, *, longest: float = LONGEST) -> None:
        """`longest` bounds everything that is fetched, in seconds."""
        self._base = url.rstrip("/") + "/"
        self._clock = clock
        self._longest = longest
        self._ends = time.monotonic() + longest
        self._session = _session()
        self.clock: ClockSeen | None = None
        """What the newest answer said of time; None before the first."""

    @property
    def url(self) -> str:
        """Its address."""
        return self._base.rstrip("/")

    def fetch(self, path: str, *, max_bytes: int) -> bytes:
        """What lies under a path.

        Raises:
            UnreachedError: it was not to be had; at which step, and why.
        """
        address = urljoin(self._base, path)
        if not address.startswith(self._base):
            raise UnreachedError("trust files", f"{path[:100]!r} leads outside of {self._base}")
        redirects = 0
        while redirects <= _REDIRECTS:
            with _telling(address), self._get(address) as answer:
                self.clock = _clock_of(self.url, answer.headers, self._clock())
                if answer.status_code == requests.codes.too_many_requests:
                    # We ask for a thousand documents in a row, which no agent does.
                    time.sleep(_pause(answer.headers.get("Retry-After", "")))
                elif not answer.is_redirect:
                    return self._read(address, answer, max_bytes)
                else:
                    address = _same_host(address, answer.headers.get("Location", ""))
                    redirects += 1
        raise UnreachedError("HTTP", f"{self._base}{path} redirects more than {_REDIRECTS} times")

    def _get(self, address: str) -> requests.Response:
        self._check_time(address)
        return self._session.get(address, stream=True, timeout=(CONNECT, SILENCE), allow_redirects=False)

    def _read(self, address: str, answer: requests.Response, max_bytes: int) -> bytes:
        if answer.status_code != requests.codes.ok:
            raise UnreachedError("HTTP", f"{address} answered {answer.status_code}")
        content = bytearray()
        # One read of the socket at a time: who sends a byte now and then does not hold us up.
        while chunk := answer.raw.read1(_CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise UnreachedError("HTTP", f"{address} is larger than {max_bytes} bytes")
            self._check_time(address)
        return bytes(content)

    def _check_time(self, address: str) -> None:
        if time.monotonic() > self._ends:
            raise UnreachedError(
                "time", f"{address} was not reached in the {self._longest:g} seconds of a look"
            )

    def certificate(self) -> x509.Certificate | None:
        """The certificate of its TLS, believed or not."""
        parts = urlsplit(self._base)
        if parts.scheme != "https" or get_environ_proxies(self._base):
            return None
        look = ssl.create_default_context()
        look.check_hostname = False
        # An ended certificate is what is looked for; nothing is sent over this connection.
        look.verify_mode = ssl.CERT_NONE
        host = parts.hostname or ""
        try:
            with (
                socket.create_connection((host, parts.port or 443), timeout=CONNECT) as plain,
                look.wrap_socket(plain, server_hostname=host) as secured,
            ):
                der = secured.getpeercert(binary_form=True)
            return None if der is None else x509.load_der_x509_certificate(der)
        except (OSError, ValueError):
            return None  # fetching says at which step it fails

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()


class HttpClocks:
    """Other machines, asked for the Date of an answer."""

    def __init__(self, urls: Sequence[str], clock: Clock) -> None:
        self._urls = urls
        self._clock = clock

    def ask(self) -> tuple[ClockSeen, ...]:
        """What each of them says now; they are asked beside each other."""
        asked = [Bounded(partial(self._ask, url)) for url in self._urls]
        ends = time.monotonic() + CONNECT + SILENCE
        answers = [one.outcome(ends - time.monotonic()) for one in asked]
        return tuple(
            answer or ClockSeen(url, None, "it took too long")
            for url, answer in zip(self._urls, answers, strict=True)
        )

    def _ask(self, url: str) -> ClockSeen:
        try:
            with _telling(url), _session() as session:
                answer = session.head(url, timeout=(CONNECT, SILENCE), allow_redirects=False)
                return _clock_of(url, answer.headers, self._clock())
        except UnreachedError as away:
            return ClockSeen(url, None, str(away))


class Bounded(Generic[Value]):
    """Something that is done beside us, and is given up after a while; it must not raise."""

    def __init__(self, act: Callable[[], Value]) -> None:
        self._outcome: list[Value] = []
        # A daemon: whoever hangs in a socket must not keep this process from ending.
        self._thread = threading.Thread(target=lambda: self._outcome.append(act()), daemon=True)
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """True where it ended, and nothing came of it."""
        return not self._thread.is_alive() and not self._outcome

    def outcome(self, seconds: float) -> Value | None:
        """What came of it; None where it took longer than that."""
        self._thread.join(max(0.0, seconds))
        return self._outcome[0] if self._outcome else None


def _session() -> requests.Session:
    session = requests.Session()
    # Identity: the bound on bytes then counts what is read, and nothing can unfold.
    session.headers.update(
        {"User-Agent": f"feedsrv-doctor/{version('feedsrv')}", "Accept-Encoding": "identity"}
    )
    return session


def _clock_of(source: str, headers: Mapping[str, str], now: datetime) -> ClockSeen:
    """What an answer says of time; one from a cache says how old it is."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return ClockSeen(source, None, "its answer has no Date")
    age = headers.get("Age", "")
    old = timedelta(seconds=int(age)) if age.isascii() and age.isdecimal() and len(age) < 9 else timedelta(0)
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return ClockSeen(source, now - aware - old)


def _pause(retry_after: str) -> float:
    """Seconds to wait where a server asks us to come back later; no longer than is of use here."""
    asked = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
    return min(max(asked, _SHORTEST_PAUSE), _LONGEST_PAUSE)


def _same_host(address: str, location: str) -> str:
    target = urljoin(address, location)
    before, after = urlsplit(address), urlsplit(target)
    if not location or (before.scheme, before.netloc) != (after.scheme, after.netloc):
        raise UnreachedError(
            "HTTP", f"{address} redirects to {location[:200]!r}; agents follow within the same host only"
        )
    return target


@contextmanager
def _telling(address: str) -> Iterator[None]:
    """Turn what the library says into the step that failed."""
    try:
        yield
    except SSLError as error:
        raise UnreachedError("TLS", f"{address}: {_cause(error)}") from None
    except ProxyError as error:
        raise UnreachedError("proxy", f"{address}: {_cause(error)}") from None
    except ConnectTimeout:
        raise UnreachedError("connection", f"{address}: nobody answered in {CONNECT:g} seconds") from None
    except Timeout:
        raise UnreachedError("HTTP", f"{address}: nothing came for {SILENCE:g} seconds") from None
    except FailedConnectionError as error:
        step = "DNS" if _is_about_names(error) else "connection"
        raise UnreachedError(step, f"{address}: {_cause(error)}") from None
    except (InvalidURL, InvalidSchema, LocationParseError) as error:
        raise UnreachedError("address", f"{address}: {_cause(error)}") from None
    except (RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
        raise UnreachedError("HTTP", f"{address}: {_cause(error)}") from None


def _is_about_names(error: FailedConnectionError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NameResolutionError)


def _cause(error: BaseException) -> str:
    """The innermost sentence of a library's nested errors."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said[:200] or type(error).__name__
