"""Receiving: from a source to trusted words, and to what the agent remembers of them.

What is already trusted is held on disk by digest: an unchanged feed costs one request and no
signature check. Whatever is refused or cannot be had is a problem to report, and what was
trusted before stays in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from feedsrv.agent.library import Library
from feedsrv.agent.source import (
    MAX_CRL,
    MAX_MITIGATION,
    FeedAnswer,
    Source,
    ThrottledError,
    TooSlowError,
    UnreachableError,
)
from feedsrv.agent.state import AgentState, FeedMemory, Known, Problem, feed_key
from feedsrv.agent.trusting import Crl, CrlShelf, Trust
from feedsrv.codec.feed import read_feed
from feedsrv.codec.mitigation import read_mitigation
from feedsrv.errors import FeedsrvError, RefusedProofError
from feedsrv.model.feed import Entry, Feed, digest_of, feed_path
from feedsrv.model.mitigation import Mitigation
from feedsrv.trust.opening import OpenedFeed, OpenedMitigation, TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_crl
from feedsrv.trust.refusals import ExpiredFeedError, OlderRevisionError, OtherFeedError

_MAX_CRLS: Final = 16


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


@dataclass
class Receiver:
    """Polls one feed and opens what it brings; used once."""

    state: AgentState
    trust: Trust
    library: Library
    crls: CrlShelf
    product: str
    channel: str
    at: datetime
    after: Callable[[int], None] = lambda _: None
    """Called after polling (2) and after opening (3)."""
    _problems: list[Problem] = field(default_factory=list)
    _fetched: tuple[Crl, ...] = ()
    _proven: set[x509.Certificate] = field(default_factory=set)
    _unavailable: bool = False
    _retry_after: timedelta | None = None

    @property
    def key(self) -> str:
        """How the memory of this feed is filed."""
        return feed_key(self.product, self.channel)

    def receive(self, source: Source | None) -> Received:
        """Poll the source, open what is new, and return everything that is trusted now.

        Without a source, or where it fails, that is what was trusted before.
        """
        held = self._held_feed()
        answer = None if source is None else self._poll(source, held)
        self.after(2)
        feed = held
        if source is not None and answer is not None:
            feed = self._open(source, answer, held)
        mitigations = self._mitigations(feed, source)
        if feed is not None and answer is not None and source is not None and not self._problems:
            self._remember(etag=answer.etag, origin=source.origin)
        try:
            self.crls.keep(self._fetched, self._proven)
        except FeedsrvError as refusal:
            self._refused(refusal)
        self.after(3)
        return Received(self.state, feed, mitigations, tuple(self._problems), self._retry_after)

    def _poll(self, source: Source, held: Feed | None) -> FeedAnswer | None:
        memory = self.state.feeds.get(self.key)
        etag = None
        if (
            memory is not None
            and held is not None
            and memory.origin == source.origin
            and self._holds_all(held)
        ):
            etag = memory.etag
        try:
            return source.feed(feed_path(self.product, self.channel), etag=etag)
        except FeedsrvError as refusal:
            self._refused(refusal)
            return None

    def _open(self, source: Source, answer: FeedAnswer, held: Feed | None) -> Feed | None:
        """Trust the offered feed, or keep the one that is trusted."""
        memory = self.state.feeds.get(self.key)
        digest = digest_of(answer.data)
        if held is not None and memory is not None and digest == memory.digest:
            return held  # the very bytes that are trusted already
        self._fetch_crls(source)
        try:
            opened = self._prove_feed(answer.data, source.origin)
            self.library.put(answer.data)
        except FeedsrvError as refusal:
            self._refused(refusal)
            return held
        self.state = self.state.with_feed(
            self.key, FeedMemory(opened.feed.version, digest, self.trust.fingerprint, None, source.origin)
        )
        return opened.feed

    def _prove_feed(self, data: bytes, source: str) -> OpenedFeed:
        memory = self.state.feeds.get(self.key)
        trusted = None
        if memory is not None:
            trusted = TrustedFeed(self.product, self.channel, memory.version, memory.digest)
        opened = open_feed(data, self._policy(), at=self.at, trusted=trusted, source=f"feed from {source}")
        feed = opened.feed
        if (feed.product, feed.channel) != (self.product, self.channel):
            raise OtherFeedError(
                f"feed from {source}",
                f"this is the feed {feed.product}/{feed.channel}, and wanted is {self.key}",
            )
        self._proven |= {*opened.proof.chain, opened.proof.anchor}
        if opened.doubt is not None:
            self._refused(opened.doubt)  # told, though the feed is used
        return opened

    def _held_feed(self) -> Feed | None:
        """The feed that is trusted already, from the disk; judged again under another policy."""
        memory = self.state.feeds.get(self.key)
        data = None if memory is None else self.library.get(memory.digest)
        if memory is None or data is None:
            return None
        try:
            if memory.policy == self.trust.fingerprint:
                return read_feed(data, source="the trusted feed")
            feed = self._prove_feed(data, "this disk").feed
        except ExpiredFeedError as expired:
            feed = expired.feed
        except FeedsrvError as refusal:
            self._refused(refusal)
            return None
        renewed = replace(memory, policy=self.trust.fingerprint, etag=None)
        self.state = self.state.with_feed(self.key, renewed)
        return feed

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
                    )
                )
                entry = None
            elif entry.revision == known.revision and entry.digest != known.digest:
                self._refused(ForkedRevisionError(entry, known))
                entry = None
        held = self._held(mitigation_id, known)
        if entry is None or (held is not None and held.revision == entry.revision):
            return held
        if source is None or self._unavailable:
            return held
        try:
            return self._fetch(entry, known, source)
        except FeedsrvError as refusal:
            self._refused(refusal)
            return held

    def _fetch(self, entry: Entry, known: Known | None, source: Source) -> Mitigation:
        data = source.document(entry.href, max_bytes=MAX_MITIGATION)
        opened = open_mitigation(
            data,
            self._policy(),
            at=self.at,
            entry=entry,
            channel=self.channel,
            product=self.product,
            held_revision=0 if known is None else known.revision,
            source=f"{entry.href} from {source.origin}",
        )
        self.library.put(data)
        self._trusts(opened)
        return opened.mitigation

    def _held(self, mitigation_id: str, known: Known | None) -> Mitigation | None:
        """The trusted revision from the disk; judged again under another policy."""
        data = None if known is None else self.library.get(known.digest)
        if known is None or data is None:
            return None
        try:
            if known.policy == self.trust.fingerprint:
                return read_mitigation(data, source=f"the trusted {mitigation_id}")
            opened = open_mitigation(data, self._policy(), at=self.at, source=f"the trusted {mitigation_id}")
        except FeedsrvError as refusal:
            self._refused(refusal)
            return None
        self._trusts(opened)
        return opened.mitigation

    def _trusts(self, opened: OpenedMitigation) -> None:
        one = opened.mitigation
        self._proven |= {*opened.proof.chain, opened.proof.anchor}
        known = Known(one.revision, opened.digest, self.trust.fingerprint)
        self.state = self.state.with_known(one.id, known)

    def _holds_all(self, feed: Feed) -> bool:
        """True where everything that the feed names is trusted and on the disk."""
        return all(
            known is not None
            and known.digest == entry.digest
            and known.policy == self.trust.fingerprint
            and self.library.holds(entry.digest)
            for entry in feed.entries
            for known in [self.state.known.get(entry.id)]
        )

    def _remember(self, *, etag: str | None, origin: str) -> None:
        memory = self.state.feeds[self.key]
        self.state = self.state.with_feed(self.key, replace(memory, etag=etag, origin=origin))

    def _fetch_crls(self, source: Source) -> None:
        try:
            paths = source.crl_paths()[:_MAX_CRLS]
            self._fetched = tuple(
                load_crl(source.document(path, max_bytes=MAX_CRL), source=path) for path in paths
            )
        except FeedsrvError as refusal:
            self._refused(refusal)  # the lists at hand still count, and refuse once they are past their date

    def _policy(self) -> TrustPolicy:
        return self.trust.policy((*self.crls.all(), *self._fetched))

    def _refused(self, refusal: FeedsrvError) -> None:
        self._problems.append(Problem.of(refusal))
        if isinstance(refusal, (UnreachableError, TooSlowError, ThrottledError)):
            self._unavailable = True  # what is left is asked for at the next sync, not waited for now
        if isinstance(refusal, ThrottledError):
            self._retry_after = refusal.retry_after
