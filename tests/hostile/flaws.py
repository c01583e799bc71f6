"""What a hostile document is: a row of a table, and with whom it is tried.

A row is made for both kinds of document unless it names one. Either the document is spoiled, or who judges
it knows or wants something else (`Context`), never both: so whatever is refused is refused for what the
row says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.model.feed import Entry
from feedsrv.trust.opening import OpenedFeed, OpenedMitigation, TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.hostile.genuine import AT, CHANNEL, PRODUCT, Genuine, genuine

BOTH: Final = (Kind.FEED, Kind.MITIGATION)
FEED: Final = (Kind.FEED,)
MITIGATION: Final = (Kind.MITIGATION,)

Opened = OpenedFeed | OpenedMitigation


def as_served(one: Genuine) -> bytes:
    """The genuine bytes: only who judges them is out of the ordinary."""
    return one.signed


def usual_policy(one: Genuine) -> TrustPolicy:
    """Pins the publisher's root, and asks for its organisation and policy."""
    return one.usual_policy


@dataclass(frozen=True)
class Context:
    """Who judges: when, by which policy, and what they hold already."""

    after: timedelta = timedelta()
    """How long after the usual moment."""
    policy: Callable[[Genuine], TrustPolicy] = usual_policy
    held: int = 0
    """The version, or revision, that is trusted already; 0 for none."""
    held_digest: str | None = None
    """Of the feed that is trusted already; unknown to the command, which takes a version alone."""
    entry: Callable[[Genuine], Entry] | None = None
    """The feed's line for the mitigation; unknown to the command, which looks at one document."""
    fits_settings: bool = True
    """False where the policy is one that the command's own checks of its files refuse."""
    product: str = PRODUCT
    channel: str = CHANNEL

    @property
    def at(self) -> datetime:
        """The moment for which is judged."""
        return AT + self.after

    @property
    def fits_command(self) -> bool:
        """True where `feedsrv-agent verify` can be told all of it."""
        return self.fits_settings and self.held_digest is None and self.entry is None

    def open(self, data: bytes, one: Genuine) -> Opened:
        """Open as an agent does.

        Raises:
            UntrustedError: refused.
        """
        if one.kind is Kind.FEED:
            digest = self.held_digest or "sha256-" + "A" * 43
            trusted = TrustedFeed(self.product, self.channel, self.held, digest)
            return open_feed(data, self.policy(one), at=self.at, trusted=trusted)
        return open_mitigation(
            data,
            self.policy(one),
            at=self.at,
            entry=self.entry(one) if self.entry else None,
            channel=self.channel,
            product=self.product,
            held_revision=self.held,
        )


USUAL: Final = Context()


@dataclass(frozen=True)
class Flaw:
    """One row: what is wrong, and which refusal is due."""

    name: str
    wrong: str
    """A sentence, without its full stop."""
    code: str
    """The refusal that is due."""
    make: Callable[[Genuine], bytes] = as_served
    kinds: tuple[Kind, ...] = BOTH
    context: Context = field(default=USUAL)
    reader: str | None = None
    """Where the reader of XML is who refused: its own code."""
    due: dict[Kind, str] = field(default_factory=dict)
    """Codes of the kinds for which another one is due."""


@dataclass(frozen=True)
class Hostile:
    """One document of the corpus, with all that its judge must know."""

    class_: str
    flaw: Flaw
    kind: Kind

    @property
    def name(self) -> str:
        """Unique in the corpus."""
        return f"{self.class_}/{self.kind}/{self.flaw.name}"

    @property
    def code(self) -> str:
        """The refusal that is due."""
        return self.flaw.due.get(self.kind, self.flaw.code)

    @property
    def original(self) -> Genuine:
        """The good document that this one is made of."""
        return genuine(self.kind)

    @property
    def context(self) -> Context:
        """Who judges it."""
        return self.flaw.context

    def make(self) -> bytes:
        """The document."""
        return self.flaw.make(self.original)

    def refusal(self, data: bytes) -> FeedsrvError | None:
        """What the openers say to it; None where they accept it."""
        try:
            self.context.open(data, self.original)
        except FeedsrvError as refusal:
            return refusal
        return None
