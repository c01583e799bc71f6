"""The steps of the path from this server to a trusted mitigation, and at which of them something failed."""

from __future__ import annotations

from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.trust.refusals import UntrustedError

# The steps of verification by the number that a refusal carries; docs/protocol.md has them in order.
VERIFYING: Final = (
    ("document", 2),
    ("signature", 4),
    ("chain", 6),
    ("key usage", 7),
    ("issuer", 8),
    ("revocation", 9),
    ("freshness", 10),
)
STEPS: Final = (
    "settings",
    "connection",
    "TLS",
    "HTTP",
    "revocation lists",
    *(name for name, _ in VERIFYING),
    "mitigations",
)


def step_of(error: FeedsrvError) -> str:
    """The step at which this ended; empty where it belongs to none."""
    if isinstance(error, UntrustedError):
        return next(name for name, number in VERIFYING if error.step <= number)
    step = getattr(error, "step", "")
    return step if isinstance(step, str) else ""
