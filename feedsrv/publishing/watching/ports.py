"""What watching needs of others beside the store and the shelf: the public URL."""

from __future__ import annotations

from typing import Protocol

from cryptography import x509

from feedsrv.errors import UnavailableError


class UnreachedError(UnavailableError):
    """Something could not be fetched from the public URL; says at which step it ended."""

    code = "watch.unreached"

    def __init__(self, step: str, why: str) -> None:
        super().__init__(f"{step}: {why}")
        self.step = step
        self.why = why


class PublicSource(Protocol):
    """The public URL, as an agent reaches it."""

    @property
    def url(self) -> str:
        """Its address."""

    def fetch(self, path: str, *, max_bytes: int) -> bytes:
        """What lies under a path such as `v1/trust/policy.json`.

        Raises:
            UnreachedError: it was not to be had; at which step, and why.
        """

    def certificate(self) -> x509.Certificate | None:
        """The certificate of its TLS, believed or not; None for plain HTTP, or where it cannot be had."""
