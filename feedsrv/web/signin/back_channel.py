"""Asking the identity provider, with a bound on time and size, and never anybody else in its place."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse

from feedsrv.web.signin.refusals import ProviderAwayError, ProviderNonsenseError, quoted

SECONDS: Final = 5.0
"""For which an answer may take, from first to last byte."""
_LARGEST: Final = 512 * 1024
"""Bytes of an answer; discovery documents and key sets have some thousands."""
_PIECE: Final = 16 * 1024
_TOKENS: Final = "token endpoint"


class _BoundedAdapter(HTTPAdapter):
    """Reads an answer whole, and gives up where it is too slow or too large."""

    def send(self, *arguments: Any, **named: Any) -> requests.Response:  # noqa: ANN401 -- the library's
        """Send a request, as the library does; what is returned has been read."""
        deadline = time.monotonic() + SECONDS
        named.update(stream=True, timeout=SECONDS)
        answer = super().send(*arguments, **named)
        try:
            answer.raw = io.BytesIO(_read(answer.raw, deadline))
        except ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error) from None
        except HTTPError as error:
            raise requests.exceptions.ContentDecodingError(error) from None
        return answer


def _read(raw: BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    try:
        # One piece at a time, as it arrives: who sends a byte now and then must not be waited for.
        while piece := raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > _LARGEST:
                raise requests.exceptions.ContentDecodingError(f"more than {_LARGEST} bytes")
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout(f"longer than {SECONDS:g} seconds")
    finally:
        raw.close()
    return bytes(body)


def open_session(**client: object) -> OAuth2Session:
    """A client of the provider, as Authlib has it, whose every request is bounded."""
    session = OAuth2Session(**client)
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter())
    session.headers["User-Agent"] = "feedsrv"
    return session


def get_date(session: OAuth2Session, url: str, what: str) -> str:
    """The Date that the provider's answer carries; empty where it has none.

    Raises:
        ProviderAwayError: it did not answer, or not in time.
    """
    with _asking(what):
        answer = session.request("GET", url, withhold_token=True, allow_redirects=False)
    return str(answer.headers.get("Date", ""))


def get_json(session: OAuth2Session, url: str, what: str, *, token: str | None = None) -> Mapping[str, Any]:
    """The JSON object at an address of the provider; `what` is how people call it.

    Raises:
        ProviderAwayError: it did not answer, or not in time.
        ProviderNonsenseError: it answered something else; being sent elsewhere counts as that.
    """
    headers = {"Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with _asking(what):
        answer = session.request("GET", url, withhold_token=True, headers=headers, allow_redirects=False)
    if answer.is_redirect:
        raise ProviderNonsenseError(what, f"it sends on to {quoted(answer.headers.get('Location', ''))}")
    if answer.status_code >= 500:
        raise ProviderAwayError(what, f"HTTP {answer.status_code}")
    if answer.status_code != requests.codes.ok:
        raise ProviderNonsenseError(what, f"HTTP {answer.status_code}")
    return _object(answer, what)


def exchange(session: OAuth2Session, url: str, *, code: str, verifier: str) -> Mapping[str, Any]:
    """What the provider gives for a code: tokens, or `error` in the words of OAuth.

    Raises:
        ProviderAwayError, ProviderNonsenseError: it answered neither.
    """
    session.register_compliance_hook("access_token_response", _judged)
    with _asking(_TOKENS):
        try:
            found = session.fetch_token(
                url,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                allow_redirects=False,
            )
        except OAuthError as error:
            return {"error": str(error.error)}
        except (requests.exceptions.HTTPError, ValueError, TypeError, AttributeError, RecursionError):
            # Authlib raises these of its own accord, for what is no JSON object or has the wrong types.
            raise ProviderNonsenseError(_TOKENS, "it is no JSON object with tokens") from None
    return dict(found)


def _judged(answer: requests.Response) -> requests.Response:
    """An answer of the token endpoint, where it is one that OAuth knows."""
    if answer.status_code >= 500:
        raise ProviderAwayError(_TOKENS, f"HTTP {answer.status_code}")
    if answer.status_code not in (200, 400, 401, 403):
        raise ProviderNonsenseError(_TOKENS, f"HTTP {answer.status_code}")
    return answer


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except (requests.exceptions.RequestException, OSError) as error:
        raise ProviderAwayError(what, why_away(error)) from None


def _object(answer: requests.Response, what: str) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        raise ProviderNonsenseError(what, "it is not JSON") from None
    if not isinstance(found, dict):
        raise ProviderNonsenseError(what, "it is no JSON object")
    return found


def why_away(error: Exception) -> str:
    """What kept an answer away, without the addresses that the library puts in its messages."""
    match error:
        case requests.exceptions.Timeout():
            return f"no answer in {SECONDS:g} seconds"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted here; REQUESTS_CA_BUNDLE names further roots"
        case requests.exceptions.ContentDecodingError():
            return "its answer is too large or damaged"
        case _:
            return "no connection"
