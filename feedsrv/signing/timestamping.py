"""Asking a time-stamping authority (RFC 3161) over HTTP; what it answers is verified before anybody sees it.

A token is kept beside a document and never in it: agents need none, and proof of when something was
published is wanted years later.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import requests
from asn1crypto import core, tsp
from cryptography import x509
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.util import Retry

from feedsrv.errors import OperatorError, UnavailableError
from feedsrv.signing.waiting import within
from feedsrv.trust.certificates import printable, reason_of
from feedsrv.trust.timestamps import (
    MOST_BYTES,
    TimestampMalformedError,
    TimestampRefusedError,
    Token,
    nonce_of,
    policy_of,
    verify_token,
)

_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_TRIES: Final = 3
_OVERLOADED: Final = frozenset({429, 500, 502, 503, 504})
_GRANTED: Final = frozenset({"granted", "granted_with_mods"})
"""Whatever it changed of what was asked would be refused here."""


class TimestampUrlError(OperatorError):
    """The address of the time-stamping authority is none, or there is no root to believe it by."""

    code = "timestamp.settings"


class TimestampAwayError(UnavailableError):
    """The time-stamping authority does not answer for now; what was published stays so without it."""

    code = "timestamp.away"


class TimestampDeclinedError(TimestampRefusedError):
    """The time-stamping authority answered that it makes no token for this."""

    code = "timestamp.declined"
    remedy = "Ask its operator, or use another time-stamping authority"


class TimestampNonceError(TimestampRefusedError):
    """The token answers another question than ours, so it may be an old one, played back."""

    code = "timestamp.nonce"
    remedy = "Ask again; if it stays so, use another time-stamping authority"


class TimestampPolicyError(TimestampRefusedError):
    """The token was made under another policy of the authority than was asked for."""

    code = "timestamp.policy"
    remedy = "Correct the policy that is asked for, or use another time-stamping authority"


class TimestampAuthority:
    """A time-stamping authority by its address, and the roots that it is believed by."""

    def __init__(
        self,
        url: str,
        anchors: Sequence[x509.Certificate],
        *,
        timeout: float = 10,
        policy: x509.ObjectIdentifier | None = None,
    ) -> None:
        """`timeout`, in seconds, bounds each silence; three times that, everything.

        Raises:
            TimestampUrlError: no address, or no anchor.
        """
        parts = _address(url)
        if parts is None:
            # Not quoted: a password may stand in it.
            raise TimestampUrlError(
                "what is named as the time-stamping authority's address is none; write http://host/path"
            )
        if not anchors:
            raise TimestampUrlError(f"no root is given to believe {parts.hostname} by; name its PEM file")
        self._url = url
        # People and logs get it without user and password.
        self.name = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self._anchors = tuple(anchors)
        self._timeout = timeout
        self._policy = policy

    def stamp(self, data: bytes) -> Token:
        """A token over that data, verified.

        Raises:
            TimestampAwayError: there is no answer for now; try again later.
            TimestampRefusedError: there is an answer that proves nothing; a class for each reason.
        """
        nonce = secrets.randbits(63)
        token = self._token_in(self._answer_to(_query(data, nonce, self._policy)))
        if nonce_of(token, source=self.name) != nonce:
            raise TimestampNonceError(
                self.name, "the time-stamp does not repeat the number it was asked with"
            )
        verified = verify_token(token, data, self._anchors, source=self.name)
        found = policy_of(token, source=self.name)
        if self._policy is not None and found != self._policy:
            wanted = self._policy.dotted_string
            raise TimestampPolicyError(
                self.name, f"the time-stamp was made under {found.dotted_string}, not under {wanted}"
            )
        return verified

    def _answer_to(self, query: bytes) -> bytes:
        longest = _TRIES * self._timeout
        try:
            return within(longest, lambda: self._post(query), name="timestamp")
        except TimeoutError:
            raise TimestampAwayError(
                f"{self.name}: was not done within {longest:g} seconds; try again later"
            ) from None

    def _post(self, query: bytes) -> bytes:
        with requests.Session() as session:
            # Only while nothing was answered is it asked again, and never when the server says to.
            retry = Retry(
                total=_TRIES - 1,
                read=0,
                status_forcelist=_OVERLOADED,
                allowed_methods=frozenset({"POST"}),
                backoff_factor=self._timeout / 20,
                respect_retry_after_header=False,
                raise_on_status=False,
            )
            session.mount("http://", HTTPAdapter(max_retries=retry))
            session.mount("https://", HTTPAdapter(max_retries=retry))
            try:
                with session.post(
                    self._url,
                    data=query,
                    headers={"Content-Type": _QUERY, "Accept": _REPLY, "Accept-Encoding": "identity"},
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    self._judge(answer)
                    return self._read(answer)
            except RequestException as error:
                raise TimestampAwayError(
                    f"{self.name}: cannot be asked ({_cause(error)}); try again later, or check the address"
                ) from None

    def _judge(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status in _OVERLOADED:
            raise TimestampAwayError(f"{self.name}: answered {status}; try again later")
        if status != requests.codes.ok:
            where = f" to {answer.headers.get('Location', '')[:200]!r}" if answer.is_redirect else ""
            raise TimestampDeclinedError(self.name, f"it answered {status}{where}; check the address")

    def _read(self, answer: requests.Response) -> bytes:
        content = bytearray()
        for chunk in answer.iter_content(4096):
            content += chunk
            if len(content) > MOST_BYTES:
                raise TimestampMalformedError(
                    self.name, f"the answer is larger than any time-stamp ({MOST_BYTES} bytes)"
                )
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind.startswith("text/"):
            raise TimestampMalformedError(self.name, f"the answer is {kind[:40]!r} and not {_REPLY}")
        return bytes(content)

    def _token_in(self, answer: bytes) -> bytes:
        """What the authority says of the request, and the token if it made one."""
        try:
            # Its class for the whole of an answer wants a token in every one, refusals included.
            parts: Any = core.Sequence.load(answer, strict=True)  # its classes are made at run time
            info: Any = tsp.PKIStatusInfo.load(parts[0].dump())
            status, words = info["status"].native, info["status_string"].native
            failure = info["fail_info"].native
            der: bytes = parts[1].dump() if status in _GRANTED else b""
        except Exception as error:
            # The reader reads late, and promises nowhere what it raises.
            raise TimestampMalformedError(
                self.name, f"the answer is no RFC 3161 answer ({reason_of(error)})"
            ) from error
        if status not in _GRANTED:
            said = ", ".join(map(str, [*sorted(failure or ()), *(words or ())]))
            reason = printable(said[:200]) or "without a reason"
            raise TimestampDeclinedError(self.name, f"it answered {status!r} ({reason})")
        return der


def _address(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole else None


def _query(data: bytes, nonce: int, policy: x509.ObjectIdentifier | None) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": sha256(data).digest()}
    fields: dict[str, object] = {
        "version": "v1",
        "message_imprint": imprint,
        "nonce": nonce,
        "cert_req": True,
    }
    if policy is not None:
        fields["req_policy"] = policy.dotted_string
    encoded: bytes = tsp.TimeStampReq(fields).dump()
    return encoded


def _cause(error: Exception) -> str:
    """The last reason of a chain of them, which is the one that people know."""
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or cause.__context__) and isinstance(inner, BaseException):
        cause = inner
    return reason_of(cause) if isinstance(cause, Exception) else type(cause).__name__
