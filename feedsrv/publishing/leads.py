"""How long before a certificate ends its successor must be at work: the further a change reaches, the longer.

A signer's successor is a matter between this service and its CA. A new issuing CA is met by every agent,
and a new root must be pinned by every one of them, some of which see an administrator once a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from feedsrv.trust.profile import Role

_LEAF: Final = timedelta(days=15)
_CA: Final = timedelta(weeks=15)
_ROOT: Final = timedelta(days=456)  # fifteen months

LEADS: Final[Mapping[Role, timedelta]] = MappingProxyType(
    {
        Role.ROOT: _ROOT,
        Role.MITIGATION_CA: _CA,
        Role.FEED_CA: _CA,
        Role.MITIGATION_SIGNER: _LEAF,
        Role.FEED_SIGNER: _LEAF,
        Role.TLS_SERVER: _LEAF,
        Role.TLS_AGENT: _LEAF,
        Role.TIME_STAMPING: _LEAF,
    }
)
"""By role."""

HEARING: Final = timedelta(days=30)
"""For so long a thing must have stood in the feed before agents count as having heard of it: they poll every
hour, yet one may be switched off over a holiday."""
