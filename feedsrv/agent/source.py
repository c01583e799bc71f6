"""Where published documents come from: what the agent asks of a source, and how a source refuses.

Nothing that comes from a source is believed; `receive` verifies it. A source only bounds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Protocol

from feedsrv.errors import NotFoundError, OperatorError, UnavailableError

MAX_FEED: Final = 4 * 1024 * 1024
MAX_MITIGATION: Final = 1024 * 1024
MAX_POLICY: Final = 256 * 1024
MAX_CRL: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """The bytes of a feed and the tag to ask with next time."""

    data: bytes
    etag: str | None


class Source(Protocol):
    """A publisher's files, by their paths below `/v1/`."""

    @property
    def origin(self) -> str:
        """What is polled, as it is told to people; an ETag is only good for the origin that gave it."""

    def feed(self, path: str, *, etag: str | None) -> FeedAnswer | None:
        """Fetch the current feed; None where it is still the one of that ETag.

        Raises:
            FeedsrvError: one of the refusals below.
        """

    def document(self, path: str, *, max_bytes: int) -> bytes:
        """Fetch any other document.

        Raises:
            NotServedError: there is none.
            FeedsrvError: one of the other refusals below.
        """

    def close(self) -> None:
        """Let go of files and connections."""

    def crl_paths(self) -> tuple[str, ...]:
        """The revocation lists that the publisher offers.

        Raises:
            FeedsrvError: it cannot be asked.
        """


class UnreachableError(UnavailableError):
    """The server, or the proxy before it, cannot be reached: name, network, firewall or a stopped server."""

    code = "agent.unreachable"

    def __init__(self, message: str, *, step: str = "connection") -> None:
        super().__init__(message)
        self.step = step


class TooSlowError(UnavailableError):
    """The server did not answer, or not to the end, within the time given to it."""

    code = "agent.too_slow"

    def __init__(self, message: str, *, step: str = "HTTP") -> None:
        super().__init__(message)
        self.step = step


class NoAnswerError(UnavailableError):
    """The server took the request and answered nothing."""

    code = "agent.no_answer"
    step: ClassVar[str] = "HTTP"


class TruncatedError(UnavailableError):
    """The answer ended before its announced length: half a document."""

    code = "agent.truncated"
    step: ClassVar[str] = "HTTP"


class ServerTroubleError(UnavailableError):
    """The server answered with an error of its own, or with a status that makes no sense here."""

    code = "agent.server_trouble"
    step: ClassVar[str] = "HTTP"


class ThrottledError(UnavailableError):
    """The server asks to come back later."""

    code = "agent.throttled"
    step: ClassVar[str] = "HTTP"

    def __init__(self, message: str, retry_after: timedelta | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotServedError(NotFoundError):
    """The server has no such document."""

    code = "agent.not_served"
    step: ClassVar[str] = "HTTP"


class TlsFailedError(OperatorError):
    """The server's TLS certificate, or a proxy's that opens TLS, is not accepted on this machine."""

    code = "agent.tls"
    step: ClassVar[str] = "TLS"


class WrongContentError(OperatorError):
    """Something else came instead of a document, often a web page of a proxy or a wrong address."""

    code = "agent.wrong_content"
    step: ClassVar[str] = "HTTP"


class TooLargeError(OperatorError):
    """The answer is larger than any document of its kind."""

    code = "agent.too_large"
    step: ClassVar[str] = "HTTP"


class RedirectedError(OperatorError):
    """The server sends the agent to another host, or in a circle; that is not followed."""

    code = "agent.redirected"
    step: ClassVar[str] = "HTTP"


class StoppedError(Exception):
    """The agent was told to end while it was asking.

    No refusal, so that nobody takes it for the publisher's and goes on with what is trusted already.
    """


class BundleError(OperatorError):
    """The bundle file cannot be used."""

    code = "agent.bundle"
    step: ClassVar[str] = "bundle"
