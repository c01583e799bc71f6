"""Receiving: from a source to trusted words, and to what the agent remembers of them.

What is already trusted is held on disk by digest: an unchanged feed costs one request and no
signature check, for as long as the ground stands on which it was trusted (`grounds`). Whatever is refused
or cannot be had is a problem to report, and what was trusted before stays in force.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.agent.events import tell_act
from feedsrv.agent.floor import EVER, Floor, revoked_since
from feedsrv.agent.grounds import Ground
from feedsrv.agent.hints import way_out
from feedsrv.agent.library import Library
from feedsrv.agent.lists import Lists
from feedsrv.agent.revocations import RevokedSinceError
from feedsrv.agent.source import (
    MAX_MITIGATION,
    FeedAnswer,
    Source,
    ThrottledError,
    TooSlowError,
    UnreachableError,
)
from feedsrv.agent.state import FEED, LISTS, AgentState, FeedMemory, Known, Problem, feed_key
from feedsrv.agent.trusting import Trust
from feedsrv.clock import to_text
from feedsrv.codec.feed import read_feed
from feedsrv.codec.mitigation import read_mitigation
from feedsrv.errors import FeedsrvError, RefusedProofError
from feedsrv.model.feed import Entry, EntryState, Feed, digest_of, feed_path
from feedsrv.model.mitigation import Mitigation
from feedsrv.trust.opening import (
    OpenedFeed,
    OpenedMitigation,
    open_mitigation,
)
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import (
    CrlStaleError,
    ExpiredFeedError,
    OlderRevisionError,
    OtherFeedError,
)
from feedsrv.trust.verifying import Proof

log = logging.getLogger(__name__)

_HELD: Final = "the trusted"


class ForkedRevisionError(RefusedProofError):
    """The feed names other bytes for a revision that is already trusted here: two histories exist."""

    code = "mitigation.forked"

    def __init__(self, entry: Entry, known: Known) -> None:
        super().__init__(
            f"{entry.id} revision {entry.revision} is already trusted as {known.digest}, and the feed names "
            f"{entry.digest}. Keep the trusted one, and tell the publisher: a revision never changes."
        )


@dataclass(frozen=True)
class Received:
    """What is trusted after a poll, and what went wrong on the way."""

    state: AgentState
    feed: Feed | None
    """The newest trusted feed; perhaps an older one than was offered."""
    mitigations: Mapping[str, Mitigation]
    """The newest trusted revision of each that the feed names or that is applied here."""
    problems: tuple[Problem, ...] = ()
    retry_after: timedelta | None = None
    has_answered: bool = False
    """True where the source gave a feed, or said that it is unchanged."""


@dataclass
class Receiver:
    """Polls one feed and opens what it brings; used once."""

    state: AgentState
    trust: Trust
    library: Library
    lists: Lists
    product: str
    channel: str
    at: datetime
    after: Callable[[int], None] = lambda _: None
    """Called after polling (2) and after opening (3)."""
    _problems: list[Problem] = field(default_factory=list)
    _doubt: FeedsrvError | None = None
    """Why the feed held counts no more; told where no other takes its place."""
    _unavailable: bool = False
    _retry_after: timedelta | None = None

    @property
    def key(self) -> str:
        """How the memory of this feed is filed."""
        return feed_key(self.product, self.channel)

    @property
    def _memory(self) -> FeedMemory | None:
        return self.state.feeds.get(self.key)

    def receive(self, source: Source | None) -> Received:
        """Poll the source, open what is new, and return everything that is trusted now.

        Without a source, or where it fails, that is what was trusted before.
        """
        held = self._held_feed()
        answer, has_answered = (None, False) if source is None else self._poll(source, held)
        self.after(2)
        # Lists come with every feed that is handed over, and whenever one of those at hand has ended.
        if source is not None and has_answered and (answer is not None or self._ended_lists(held)):
            self._fetch_lists(source)
            held = self._unrevoked(held)
        feed = held
        if source is not None and answer is not None:
            feed = self._open(source, answer, held)
        if feed is None and self._doubt is not None and not self._is_told(self._doubt, FEED):
            self._refused(self._doubt, FEED)
        mitigations = self._mitigations(feed, source)
        for refusal in (*self._ended_lists(feed), *self.lists.wrong()):
            self._refused(refusal, LISTS)
        if feed is not None and answer is not None and source is not None and not self._problems:
            self._remember(etag=answer.etag, origin=source.origin)
        self._try_keeping(self.lists.keep)
        self.after(3)
        return Received(self.state, feed, mitigations, tuple(self._problems), self._retry_after, has_answered)

    # -- the feed -----------------------------------------------------------------------------

    def _poll(self, source: Source, held: Feed | None) -> tuple[FeedAnswer | None, bool]:
        """The feed that is offered, or None where it is unchanged; and whether there was an answer."""
        memory = self._memory
        etag = None
        if (
            memory is not None
            and held is not None
            and memory.origin == source.origin
            and self._holds_all(held)
        ):
            etag = memory.etag
        try:
            return source.feed(feed_path(self.product, self.channel), etag=etag), True
        except FeedsrvError as refusal:
            self._refused(refusal, FEED)
            return None, False

    def _open(self, source: Source, answer: FeedAnswer, held: Feed | None) -> Feed | None:
        """Trust the offered feed, or keep the one that is trusted."""
        memory = self._memory
        digest = digest_of(answer.data)
        if held is not None and memory is not None and digest == memory.digest:
            return held  # the very bytes that are trusted already
        try:
            opened = self._prove_feed(answer.data, source.origin)
            self.library.put(answer.data)
        except FeedsrvError as refusal:
            self._refused(refusal, FEED, kind=Kind.FEED)
            return held
        ground = str(self.trust.ground_of(opened.proof))
        self.state = self.state.with_feed(
            self.key, FeedMemory(opened.feed.version, digest, ground, None, source.origin)
        )
        return opened.feed

    def _prove_feed(self, data: bytes, source: str) -> OpenedFeed:
        memory, named = self._memory, f"feed from {source}"
        held = None if memory is None else self.library.get(memory.digest)
        floor = Floor(self.product, self.channel, memory, held, self.lists, self._policy())
        opened, fallen = floor.open(data, at=self.at, source=named)
        if memory is not None and fallen is not None:
            about = {"version": opened.feed.version, "instead_of": memory.version}
            tell_act(log, "feed.floor_fell", **about, revoked=to_text(fallen) if fallen > EVER else None)
        feed = opened.feed
        if (feed.product, feed.channel) != (self.product, self.channel):
            raise OtherFeedError(
                named, f"this is the feed {feed.product}/{feed.channel}, and wanted is {self.key}"
            )
        self._proved(opened.proof, named)
        if opened.doubt is not None:
            self._refused(opened.doubt, FEED)  # told, though the feed is used
        return opened

    def _held_feed(self) -> Feed | None:
        """The feed that is trusted already, from the disk; judged again where its ground is gone."""
        memory = self._memory
        data = None if memory is None else self.library.get(memory.digest)
        if memory is None or data is None:
            return None
        try:
            if self._stands(memory.policy, data, Kind.FEED):
                return read_feed(data, source=f"{_HELD} feed")
            opened = self._prove_feed(data, "this disk")
        except ExpiredFeedError as expired:
            # It proves itself but for its date, and says when to take things back; nothing is begun by it.
            return expired.feed
        except FeedsrvError as refusal:
            self._doubt = refusal
            return None
        renewed = replace(memory, policy=str(self.trust.ground_of(opened.proof)), etag=None)
        self.state = self.state.with_feed(self.key, renewed)
        return opened.feed

    def _unrevoked(self, held: Feed | None) -> Feed | None:
        """The feed held, unless a list that came just now revokes whoever signed it."""
        memory = self._memory
        if held is None or memory is None:
            return held
        try:
            self._stands(memory.policy, self.library.get(memory.digest), Kind.FEED)
        except RevokedSinceError as refusal:
            self._doubt = refusal
            return None
        return held

    # -- mitigations --------------------------------------------------------------------------

    def _mitigations(self, feed: Feed | None, source: Source | None) -> dict[str, Mitigation]:
        found: dict[str, Mitigation] = {}
        entries = {} if feed is None else {entry.id: entry for entry in feed.entries}
        for id_ in sorted({*entries, *self.state.applied}):
            mitigation = self._current(id_, entries.get(id_), source)
            if mitigation is not None:
                found[id_] = mitigation
        return found

    def _current(self, mitigation_id: str, entry: Entry | None, source: Source | None) -> Mitigation | None:
        """The newest trusted revision: fetched where the feed names a newer one than is held."""
        known = self.state.known.get(mitigation_id)
        if known is not None and entry is not None:
            if entry.revision < known.revision:
                self._refused(
                    OlderRevisionError(
                        f"{mitigation_id}",
                        f"the feed names revision {entry.revision}, and {known.revision} is held",
                    ),
                    mitigation_id,
                )
                entry = None
            elif entry.revision == known.revision and entry.digest != known.digest:
                self._refused(ForkedRevisionError(entry, known), mitigation_id)
                entry = None
        held = doubt = None
        try:
            held = self._held(mitigation_id, known)
        except FeedsrvError as refusal:
            doubt = refusal
        found = self._fetched(entry, known, held, source)
        if found is None and doubt is not None:
            self._refused(doubt, mitigation_id, kind=Kind.MITIGATION)
        return found

    def _fetched(
        self, entry: Entry | None, known: Known | None, held: Mitigation | None, source: Source | None
    ) -> Mitigation | None:
        """The revision that the feed names, where it can be had and is trusted; else the one held."""
        if entry is None or (held is not None and held.revision == entry.revision):
            return held
        if source is None or self._unavailable or self._is_over(entry):
            return held
        if known is not None and known.digest == entry.digest and self.library.get(known.digest) is not None:
            return held  # the very bytes that were judged just now
        try:
            return self._fetch(entry, known, source)
        except FeedsrvError as refusal:
            self._refused(refusal, entry.id, kind=Kind.MITIGATION)
            return held

    def _fetch(self, entry: Entry, known: Known | None, source: Source) -> Mitigation:
        data = source.document(entry.href, max_bytes=MAX_MITIGATION)
        named = f"{entry.href} from {source.origin}"
        opened = open_mitigation(
            data,
            self._policy(),
            at=self.at,
            entry=entry,
            channel=self.channel,
            product=self.product,
            held_revision=0 if known is None else known.revision,
            source=named,
        )
        self.library.put(data)
        self._trusts(opened, named)
        return opened.mitigation

    def _held(self, mitigation_id: str, known: Known | None) -> Mitigation | None:
        """The trusted revision from the disk; judged again where its ground is gone.

        Raises:
            FeedsrvError: it is held, and not trusted any more.
        """
        data = None if known is None else self.library.get(known.digest)
        if known is None or data is None:
            return None
        named = f"{_HELD} {mitigation_id}"
        if self._stands(known.policy, data, Kind.MITIGATION, named):
            return read_mitigation(data, source=named)
        opened = open_mitigation(data, self._policy(), at=self.at, source=named)
        self._trusts(opened, named)
        return opened.mitigation

    def _trusts(self, opened: OpenedMitigation, named: str) -> None:
        one = opened.mitigation
        self._proved(opened.proof, named)
        known = Known(one.revision, opened.digest, str(self.trust.ground_of(opened.proof)))
        self.state = self.state.with_known(one.id, known)

    # -- grounds and lists ----------------------------------------------------------------------

    def _stands(self, ground: str, data: bytes | None, kind: Kind, named: str = f"{_HELD} feed") -> bool:
        """True where what was trusted on that ground is trusted without being judged again.

        Raises:
            RevokedSinceError: whoever signed it is revoked by now.
        """
        found = Ground.parse(ground)
        if found is None or self.lists.took_away(found) is None:
            return self.trust.bears(found)
        since = revoked_since(found, data, kind, lists=self.lists, policy=self._policy())
        if since is not None:
            raise RevokedSinceError(named, since)
        return False  # one of its chains is revoked and another is not: that one is its ground from now on

    def _holds_all(self, feed: Feed) -> bool:
        """True where everything that the feed names is trusted and on the disk."""
        return all(
            self._is_over(entry)
            or (
                known is not None
                and known.digest == entry.digest
                and self.trust.bears(Ground.parse(known.policy))
                and self.library.holds(entry.digest)
            )
            for entry in feed.entries
            for known in [self.state.known.get(entry.id)]
        )

    def _is_over(self, entry: Entry) -> bool:
        """True where the feed names as withdrawn what was never here: not having it comes to the same.

        It stays listed for years, and the certificate of whoever signed it ends meanwhile.
        """
        was_here = entry.id in self.state.known or entry.id in self.state.applied
        return entry.state is EntryState.WITHDRAWN and not was_here

    def _remember(self, *, etag: str | None, origin: str) -> None:
        memory = self.state.feeds[self.key]
        self.state = self.state.with_feed(self.key, replace(memory, etag=etag, origin=origin))

    def _fetch_lists(self, source: Source) -> None:
        for refusal in self.lists.fetch(source, self.at):
            self._refused(refusal, LISTS)

    def _ended_lists(self, feed: Feed | None) -> tuple[FeedsrvError, ...]:
        """Lists that have ended, of the issuers whose documents count here: told before that is urgent."""
        counting = {*self.state.applied, *(() if feed is None else (entry.id for entry in feed.entries))}
        known = [one for id_, one in self.state.known.items() if id_ in counting]
        texts = {one.policy for one in (self._memory, *known) if one is not None}
        grounds = [ground for ground in map(Ground.parse, texts) if ground is not None]
        borne = {one.waiver.issuer for one in self.trust.exceptions if one.waiver.check == CrlStaleError.code}
        return tuple(one for one in self.lists.ended(grounds, self.at) if one.issuer not in borne)

    def _proved(self, proof: Proof, named: str) -> None:
        self.lists.learn((*proof.chain[1:], proof.anchor))
        for waiver in proof.waived:
            tell_act(log, "exception.used", document=named, check=waiver.check, issuer=waiver.issuer)

    def _policy(self) -> TrustPolicy:
        return self.trust.policy(self.lists.at_hand)

    def _try_keeping(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except FeedsrvError as refusal:
            self._refused(refusal, LISTS)

    def _is_told(self, refusal: FeedsrvError, about: str) -> bool:
        """True where something else was refused for that already: the same wall of text would come twice."""
        return any((one.code, one.about) == (refusal.code, about) for one in self._problems)

    def _refused(self, refusal: FeedsrvError, about: str, *, kind: Kind | None = None) -> None:
        hint = "" if kind is None else way_out(refusal, kind)
        self._problems.append(Problem.of(refusal, about, hint=hint))
        if isinstance(refusal, (UnreachableError, TooSlowError, ThrottledError)):
            self._unavailable = True  # what is left is asked for at the next sync, not waited for now
        if isinstance(refusal, ThrottledError):
            self._retry_after = refusal.retry_after
