"""The version floor: no feed older than the one held is accepted, unless that one's key is revoked by now.

Whoever stole the feed key can sign any version, and would keep every genuine feed out with a high one, even
after the key was revoked. So the floor falls with the key. What is accepted in its place is only what was
issued since the key was revoked: feeds from before, which somebody may have kept, stay refused, and no
revision of a mitigation falls below the one held.

It falls as well where the feed held leads to no anchor any more: whoever stole a root can be shut out by
nothing but other anchors, and must not have the last word after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from feedsrv.agent.grounds import Ground
from feedsrv.agent.lists import Lists
from feedsrv.agent.state import FeedMemory
from feedsrv.trust.opening import OpenedFeed, TrustedFeed, open_feed, signer_is_revoked
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.refusals import (
    AnchorUnknownError,
    ChainIncompleteError,
    ChainSignatureError,
    ForkedFeedError,
    StaleFeedError,
    UntrustedError,
)

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when feeds count where no key was revoked."""


def revoked_since(
    ground: Ground | None, document: bytes | None, kind: Kind, *, lists: Lists, policy: TrustPolicy
) -> datetime | None:
    """As of when the signer of a document held is revoked; None where it is not."""
    since = None if ground is None else lists.took_away(ground)
    if since is not None and document is not None and not signer_is_revoked(document, policy, kind=kind):
        return None  # it has a second chain, of which nobody is revoked
    return since


@dataclass(frozen=True)
class Floor:
    """What the next feed of a product and channel must follow on."""

    product: str
    channel: str
    memory: FeedMemory | None
    """The feed held; None before the first."""
    held: bytes | None
    """Its bytes, where they are still on the disk."""
    lists: Lists
    policy: TrustPolicy
    """With every revocation list at hand."""

    def open(self, data: bytes, *, at: datetime, source: str) -> tuple[OpenedFeed, datetime | None]:
        """Open a feed that follows on the one held, or takes its place where nobody stands by that any more.

        Returns, too, since when feeds count where the floor fell: since the key was revoked, or since `EVER`
        where its anchor is gone; None where it stands.

        Raises:
            UntrustedError: as `open_feed`.
        """
        if self.memory is None:
            return open_feed(data, self.policy, at=at, source=source), None
        trusted = TrustedFeed(self.product, self.channel, self.memory.version, self.memory.digest)
        try:
            return open_feed(data, self.policy, at=at, trusted=trusted, source=source), None
        except (StaleFeedError, ForkedFeedError):
            since = self._fell(at)
            if since is None:
                raise
            opened = open_feed(data, self.policy, at=at, source=source)
            if opened.feed.issued < since:
                raise
            return opened, since

    def _fell(self, at: datetime) -> datetime | None:
        """From when on feeds are accepted in place of the one held; None where the floor stands."""
        assert self.memory is not None, "asked for only where a feed is held"
        ground = Ground.parse(self.memory.policy)
        since = revoked_since(ground, self.held, Kind.FEED, lists=self.lists, policy=self.policy)
        if since is None and ground is not None and self._leads_nowhere(ground, at):
            # There is no telling since when; what was issued by others before is at most some days old.
            since = self.lists.took_away(ground) or EVER
        return since

    def _leads_nowhere(self, ground: Ground, at: datetime) -> bool:
        """True where the feed held leads to no anchor that counts here, whatever else is wrong with it."""
        if any(ground.anchor == fingerprint(anchor) for anchor in self.policy.anchors):
            return False
        if self.held is None:
            return True
        try:
            open_feed(self.held, self.policy, at=at)
        except (AnchorUnknownError, ChainIncompleteError, ChainSignatureError):
            return True
        except UntrustedError:
            return False
        return False
