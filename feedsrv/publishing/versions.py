"""Published feeds by version, as they lie on the shelf: read, judged as agents would, and compared.

The store says what was published and by whom; the bytes come from the shelf, so that what people look at is
what agents get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from feedsrv import clock
from feedsrv.clock import Clock
from feedsrv.codec.feed import read_feed
from feedsrv.errors import BadInputError
from feedsrv.model.feed import Entry, Feed, digest_of, feed_path
from feedsrv.publishing.ports import Shelf, Store, Work
from feedsrv.publishing.records import AuditEntry, Version, VersionState
from feedsrv.publishing.refusals import UnknownFeedError
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import ExpiredFeedError, UntrustedError
from feedsrv.trust.verifying import Proof, verify_document

CAUGHT_UP: Final = "catch up"
"""Verb of the act by which the store learned of what lay on the shelf already."""
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version in a feed's history, and who made it."""

    version: Version
    by: str | None
    """As the audit log says; None where it does not."""
    act: str | None
    """Such as `publication 7`; `catch up` where only that is known."""


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A part of a feed's history."""

    items: tuple[VersionLine, ...]
    """Newest first."""
    next: int | None
    """The `before` of the next page; None at the beginning of the history."""


@dataclass(frozen=True, slots=True)
class FeedVersion:
    """One version as it lies on the shelf."""

    version: Version
    feed: Feed | None
    """Read, not proven; None where the bytes are missing or cannot be read."""
    path: str
    size: int | None
    """In bytes; None where they are missing."""
    digest: str | None
    """Of the bytes on the shelf."""
    trouble: str | None
    """What is wrong with the bytes, in a sentence; None where nothing is."""
    is_current: bool
    by: str | None
    act: str | None


@dataclass(frozen=True)
class Verified:
    """What an agent would say of one version at this moment."""

    at: datetime
    proof: Proof | None
    """Who signed it, and why that is believed; None where it is refused for what it is."""
    refusal: UntrustedError | None
    """Why an agent would not take it; of an older version, that it has expired."""
    not_as_named: tuple[str, ...]
    """Mitigations whose bytes on the shelf are missing, or not those that the feed names; a sentence each."""
    trouble: str | None = None
    """Where the bytes are missing, or are not those that were published."""

    @property
    def is_accepted(self) -> bool:
        """True where an agent would take it now, with everything that it names."""
        return self.refusal is None and self.trouble is None and not self.not_as_named

    @property
    def is_only_old(self) -> bool:
        """True where nothing is wrong with it but that its time is over."""
        return (
            isinstance(self.refusal, ExpiredFeedError)
            and self.proof is not None
            and self.trouble is None
            and not self.not_as_named
        )


@dataclass(frozen=True, slots=True)
class EntryChange:
    """What became of one mitigation between two versions of a feed."""

    id: str
    kind: str
    """`added`, `removed` or `changed`."""
    before: Entry | None
    after: Entry | None
    sentences: tuple[str, ...]


class FeedVersions:
    """Looks at published feeds; changes nothing."""

    def __init__(
        self, shelf: Shelf, store: Store, policy: Callable[[], TrustPolicy], now: Clock = clock.now
    ) -> None:
        self._shelf = shelf
        self._store = store
        self._policy = policy
        self._now = now

    def page(self, product: str, channel: str, *, before: int | None = None, limit: int = 50) -> VersionPage:
        """A part of a feed's history, newest first, with who made each version.

        Raises:
            UnknownFeedError: there is no such feed.
        """
        size = min(max(limit, 1), _MOST)
        with self._store.look() as work:
            found = work.feeds.page(product, channel, before=before, limit=size + 1)
            if not found and not work.feeds.last_number(product, channel):
                raise _unknown(product, channel)
            items = _with_makers(work, found[:size])
        return VersionPage(items, found[size - 1].number if len(found) > size else None)

    def read(self, product: str, channel: str, number: int) -> FeedVersion:
        """One version: what the store knows of it, and what its bytes say.

        Raises:
            UnknownFeedError: there is no such version.
        """
        version, line, is_current = self._find(product, channel, number)
        path = _path(version)
        data = self._shelf.get(path)
        feed, trouble = _words_of(data, version, path)
        return FeedVersion(
            version=version,
            feed=feed,
            path=path,
            size=None if data is None else len(data),
            digest=None if data is None else digest_of(data),
            trouble=trouble,
            is_current=is_current,
            by=line.by,
            act=line.act,
        )

    def verify(self, product: str, channel: str, number: int) -> Verified:
        """Judge one version as an agent would that trusts nothing yet, and ask for all that it names.

        The signatures of the mitigations are not judged again: their bytes are those of the digests that
        the feed names, or are told.

        Raises:
            UnknownFeedError: there is no such version.
        """
        version, _, _ = self._find(product, channel, number)
        path, at = _path(version), self._now()
        data = self._shelf.get(path)
        feed, trouble = _words_of(data, version, path)
        if data is None:
            return Verified(at, None, None, (), trouble)
        policy = self._policy()
        named = tuple(self._not_as_named(feed)) if feed is not None else ()
        try:
            proof = open_feed(data, policy, at=at, source=path).proof
        except ExpiredFeedError as refusal:
            proven = verify_document(data, policy, kind=Kind.FEED, at=at, source=path).proof
            return Verified(at, proven, refusal, named, trouble)
        except UntrustedError as refusal:
            return Verified(at, None, refusal, named, trouble)
        return Verified(at, proof, None, named, trouble)

    def compare(self, product: str, channel: str, a: int, b: int) -> tuple[EntryChange, ...]:
        """What changed from version `a` to version `b`, in order of id.

        Raises:
            UnknownFeedError: there is no such version, or its bytes cannot be read.
        """
        return changes(self._readable(product, channel, a), self._readable(product, channel, b))

    def _readable(self, product: str, channel: str, number: int) -> Feed:
        found = self.read(product, channel, number)
        if found.feed is None:
            raise UnknownFeedError(f"version {number} of {product}/{channel}: {found.trouble}")
        return found.feed

    def _find(self, product: str, channel: str, number: int) -> tuple[Version, VersionLine, bool]:
        with self._store.look() as work:
            version = work.feeds.version(product, channel, number)
            if version is None:
                if not work.feeds.last_number(product, channel):
                    raise _unknown(product, channel)
                raise UnknownFeedError(
                    f"the feed {product[:60]}/{channel[:60]} has no version {number}; "
                    f"`feedsrv feed show` says which are there"
                )
            (line,) = _with_makers(work, (version,))
            head = work.feeds.head(product, channel)
        return version, line, head is not None and head.feed.version == number

    def _not_as_named(self, feed: Feed) -> Iterator[str]:
        for entry in feed.entries:
            data = self._shelf.get(f"v1/{entry.href}")
            if data is None:
                yield f"{entry.id} revision {entry.revision} is missing on the shelf"
            elif (len(data), digest_of(data)) != (entry.size, entry.digest):
                yield f"{entry.id} revision {entry.revision} has other bytes than the feed names"


def changes(old: Feed, new: Feed) -> tuple[EntryChange, ...]:
    """What became of each mitigation from one version of a feed to another, in order of id."""
    before, after = ({one.id: one for one in feed.entries} for feed in (old, new))
    found = []
    for mitigation_id in sorted({*before, *after}):
        was, now = before.get(mitigation_id), after.get(mitigation_id)
        if was != now:
            kind = "added" if was is None else "removed" if now is None else "changed"
            found.append(EntryChange(mitigation_id, kind, was, now, tuple(_sentences(was, now))))
    return tuple(found)


def _sentences(was: Entry | None, now: Entry | None) -> Iterator[str]:
    if now is None:
        assert was is not None
        yield f"revision {was.revision} is listed no longer"
        return
    if was is None:
        yield f"revision {now.revision} is listed as {now.state}"
    else:
        if was.revision != now.revision:
            yield f"revision {was.revision} -> {now.revision}"
        elif was.digest != now.digest:
            yield f"revision {now.revision} has other bytes: {was.digest} -> {now.digest}"
        if was.state is not now.state:
            yield f"{was.state} -> {now.state}"
    if (was.rollout if was else 100) != now.rollout:
        yield f"reaches {now.rollout} % of servers" + (f", was {was.rollout} %" if was else "")


def _words_of(data: bytes | None, version: Version, path: str) -> tuple[Feed | None, str | None]:
    """What the bytes say, and what is wrong with them."""
    if data is None and version.state is VersionState.BURNT:
        return None, "it was never published, and its number is never used again"
    if data is None:
        return None, f"{path} is missing on the shelf: restore it from a backup, or publish again"
    try:
        feed = read_feed(data, source=path)
    except BadInputError as error:
        return None, str(error)
    if version.digest is not None and version.digest != digest_of(data):
        return feed, (
            f"{path} has other bytes than those that were published ({version.digest}): find out who changed "
            "them, and restore them from a backup"
        )
    return feed, None


def _with_makers(work: Work, versions: Iterable[Version]) -> tuple[VersionLine, ...]:
    """Each version with whoever made it, by the acts of the very moment.

    What a restored backup had forgotten was taken over from the shelf later; then that act tells.
    """
    asked = tuple(versions)
    acts = work.audit.at({one.at for one in asked})
    lines = tuple(_with_maker(one, acts) for one in asked)
    if all(one.by is not None for one in lines):
        return lines
    later = work.audit.page(before=None, limit=_MOST, verb=CAUGHT_UP)
    return tuple(one if one.by is not None else _with_maker(one.version, later) for one in lines)


def _with_maker(version: Version, acts: Iterable[AuditEntry]) -> VersionLine:
    name = f"{version.product}/{version.channel} {version.number}"
    for entry in acts:
        if _names(entry, name):
            act = CAUGHT_UP if entry.verb == CAUGHT_UP else entry.subject
            return VersionLine(version, entry.actor, act)
    return VersionLine(version, None, None)


def _names(entry: AuditEntry, name: str) -> bool:
    match entry.verb:
        case "publish":
            return name in entry.detail
        case "abandon":
            return name in entry.detail.get("burnt", "").split(", ")
        case _:
            return entry.verb == CAUGHT_UP and entry.subject == name


def _path(version: Version) -> str:
    return f"v1/{feed_path(version.product, version.channel, version.number)}"


def _unknown(product: str, channel: str) -> UnknownFeedError:
    return UnknownFeedError(
        f"no feed {product[:60]}/{channel[:60]} was published; `feedsrv feed list` shows those that there are"
    )
