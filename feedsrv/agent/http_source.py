"""Polling a publisher over HTTP: bounded in size, time and redirects.

Plain `http://` is allowed: what is fetched is signed end to end. TLS, where used, is verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import ConnectionError as FailedConnectionError
from requests.exceptions import ConnectTimeout, ProxyError, RequestException, SSLError, Timeout

from feedsrv.agent.deadline import Deadline
from feedsrv.agent.fields import Fields
from feedsrv.agent.source import (
    MAX_FEED,
    MAX_POLICY,
    FeedAnswer,
    NoAnswerError,
    NotServedError,
    RedirectedError,
    ServerTroubleError,
    StoppedError,
    ThrottledError,
    TlsFailedError,
    TooLargeError,
    TooSlowError,
    TruncatedError,
    UnreachableError,
    WrongContentError,
)

_REDIRECTS: Final = 3
_CHUNK: Final = 64 * 1024
_LONGEST_RETRY: Final = timedelta(days=1)
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_THROTTLES: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_ETAG: Final = re.compile(r'(W/)?"[!#-~]{0,200}"')
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class HttpSource:
    """A publisher's server."""

    def __init__(
        self,
        server: str,
        *,
        timeout: timedelta = timedelta(seconds=30),
        longest: timedelta = timedelta(minutes=5),
        proxy: str | None = None,
        tls_ca: str | None = None,
    ) -> None:
        """`timeout` bounds each silence, `longest` a whole answer."""
        self._base = server.rstrip("/") + "/v1/"
        self._timeout = timeout.total_seconds()
        self._deadline = Deadline(longest)
        self._session = requests.Session()
        self._session.mount("http://", self._deadline.adapter())
        self._session.mount("https://", self._deadline.adapter())
        # Identity: the bound on bytes then counts what is read, and nothing can unfold.
        self._session.headers.update(
            {"User-Agent": f"feedsrv-agent/{version('feedsrv')}", "Accept-Encoding": "identity"}
        )
        if proxy is not None:
            self._session.proxies = {"http": proxy, "https": proxy}
            self._session.trust_env = False
        # Said with each request: what the environment says of authorities would win over the session's.
        self._verify: bool | str = True if tls_ca is None else tls_ca

    @property
    def origin(self) -> str:
        """The address below which everything lies."""
        return self._base

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def feed(self, path: str, *, etag: str | None) -> FeedAnswer | None:
        """Fetch the current feed; None where it is still the one of that ETag.

        Raises:
            FeedsrvError: one of the refusals of `source`.
        """
        asked = {} if etag is None else {"If-None-Match": etag}
        with self._get(path, asked) as answer:
            if answer.status_code == HTTPStatus.NOT_MODIFIED and etag is not None:
                return None
            self._judge(path, answer)
            return FeedAnswer(self._read(path, answer, MAX_FEED), _etag(answer.headers.get("ETag", "")))

    def document(self, path: str, *, max_bytes: int) -> bytes:
        """Fetch any other document.

        Raises:
            FeedsrvError: one of the refusals of `source`.
        """
        with self._get(path, {}) as answer:
            self._judge(path, answer)
            return self._read(path, answer, max_bytes)

    def crl_paths(self) -> tuple[str, ...]:
        """The revocation lists that the publisher's `policy.json` names; none where it has no such file.

        Raises:
            FeedsrvError: one of the refusals of `source`.
        """
        path = "trust/policy.json"
        try:
            data = self.document(path, max_bytes=MAX_POLICY)
        except NotServedError:
            return ()
        try:
            policy = Fields.parse(data)
            return policy.texts("crls") if "crls" in policy.names() else ()
        except ValueError as error:
            raise WrongContentError(f"{self._base}{path}: {error}; ask the publisher to mend it") from None

    @contextmanager
    def _get(self, path: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        address = _joined(self._base, path)
        if not address.startswith(self._base):
            raise RedirectedError(f"{path[:200]!r} leads outside of {self._base}; it is not followed")
        for _ in range(_REDIRECTS + 1):
            self._check_time(address)
            with self._deadline.watching(), self._request(address, headers) as answer:
                if answer.status_code not in _MOVED:
                    yield answer
                    return
                address = _followed(address, answer.headers.get("Location", ""))
        raise RedirectedError(
            f"{self._base}{path} redirects more than {_REDIRECTS} times; correct the server"
        )

    def _request(self, address: str, headers: Mapping[str, str]) -> requests.Response:
        try:
            return self._session.get(
                address,
                headers=dict(headers),
                stream=True,
                timeout=self._timeout,
                allow_redirects=False,
                verify=self._verify,
            )
        except SSLError as error:
            raise TlsFailedError(
                f"{address}: TLS failed ({_cause(error)}); trust the authority with `feedsrv-agent config "
                "--tls-ca FILE`, or use http://, since documents are signed end to end"
            ) from None
        except ProxyError as error:
            raise UnreachableError(f"{address}: the proxy does not work ({_cause(error)})") from None
        except ConnectTimeout:
            raise TooSlowError(
                f"{address} did not take the connection within {self._timeout:g} seconds", step="connection"
            ) from None
        except Timeout:
            raise TooSlowError(f"{address} did not answer within {self._timeout:g} seconds") from None
        except FailedConnectionError as error:
            self._check_time(address)
            if "RemoteDisconnected" in repr(error) or "ConnectionReset" in repr(error):
                raise NoAnswerError(f"{address} closed the connection without an answer") from None
            step = "DNS" if "NameResolutionError" in repr(error) else "connection"
            raise UnreachableError(f"{address} cannot be reached ({_cause(error)})", step=step) from None
        except (RequestException, ValueError) as error:  # the latter for a Location that is no address
            self._check_time(address)
            raise ServerTroubleError(f"{address} answered what is no HTTP ({_cause(error)})") from None

    def stop(self) -> None:
        """End the request that is under way, from a signal handler or another thread, and allow no more.

        Whoever asked then gets `StoppedError`.
        """
        self._deadline.stop()

    def _check_time(self, address: str) -> None:
        if self._deadline.is_stopped:
            raise StoppedError(address)
        if self._deadline.is_over:
            seconds = self._deadline.longest.total_seconds()
            raise TooSlowError(f"{address} took longer than {seconds:g} seconds in all, and was cut off")

    def _judge(self, path: str, answer: requests.Response) -> None:
        address = f"{self._base}{path}"
        status = answer.status_code
        if status in _THROTTLES:
            after = _retry_after(answer.headers.get("Retry-After"))
            when = "later" if after is None else f"in {int(after.total_seconds())} seconds"
            raise ThrottledError(f"{address} answered {status}: it asks to come back {when}", after)
        if status in _GONE:
            raise NotServedError(f"{address} answered {status}: check server, product and channel")
        if status != HTTPStatus.OK:
            raise ServerTroubleError(f"{address} answered {status}, which is the server's own trouble")
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise WrongContentError(f"{address} was answered compressed, which was not asked for")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise WrongContentError(f"{address} was answered by a web page: {_PAGE_HINT}")

    def _read(self, path: str, answer: requests.Response, max_bytes: int) -> bytes:
        address = f"{self._base}{path}"
        content = bytearray()
        try:
            for chunk in answer.iter_content(_CHUNK):
                content += chunk
                if len(content) > max_bytes:
                    raise TooLargeError(f"{address} is larger than {max_bytes} bytes; ask the publisher")
        except FailedConnectionError:  # what requests makes of a timeout while reading
            self._check_time(address)
            raise TooSlowError(f"{address}: nothing came for {self._timeout:g} seconds") from None
        except RequestException:
            self._check_time(address)
            raise TruncatedError(f"{address}: the answer broke off after {len(content)} bytes") from None
        self._check_time(address)
        if not content:
            raise NoAnswerError(f"{address} was answered without content")
        if bytes(content[:512]).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise WrongContentError(f"{address} was answered by a web page: {_PAGE_HINT}")
        return bytes(content)


_PAGE_HINT: Final = "check the address, and whether a proxy or a login page stands before it"


def _joined(base: str, path: str) -> str:
    try:
        return urljoin(base, path)
    except ValueError:
        return ""  # no address at all leads nowhere that is followed


def _etag(text: str) -> str | None:
    """An ETag that can be sent back; anything else would spoil every later request."""
    return text if _ETAG.fullmatch(text) else None


def _followed(address: str, location: str) -> str:
    target = _joined(address, location)
    before, after = urlsplit(address), urlsplit(target)
    if not location or before.netloc != after.netloc or before.scheme != after.scheme:
        raise RedirectedError(
            f"{address} redirects to {location[:200]!r}; only the same host is followed: "
            "if the publisher moved, set the new address with `feedsrv-agent config --server`"
        )
    return target


def _retry_after(text: str | None) -> timedelta | None:
    """Read a `Retry-After`, in seconds or as a date; longer than a day counts as a day."""
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        return min(timedelta(seconds=int(text)), _LONGEST_RETRY)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(moment - datetime.now(UTC), timedelta(0)), _LONGEST_RETRY)
    except (ValueError, OverflowError):
        return None


def _cause(error: BaseException) -> str:
    """The innermost sentence of a library's nested errors."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return str(error)[:200] or type(error).__name__
