"""The way out that a refusal may have: an exception that an administrator can make, where one would help."""

from __future__ import annotations

from feedsrv.errors import FeedsrvError
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.waivers import WAIVABLE


def way_out(refusal: FeedsrvError, kind: Kind) -> str:
    """A sentence to add to a refusal; empty where no exception would let the document pass."""
    if not isinstance(refusal, UntrustedError) or refusal.code not in WAIVABLE or refusal.issuer is None:
        return ""
    return (
        " If the publisher confirms it by another way and cannot mend it at once, let this one thing pass "
        f"for a while: `feedsrv-agent exception add --check {refusal.code} --issuer "
        f"{fingerprint(refusal.issuer)} --for {kind} --until DATE --reason TEXT`."
    )
