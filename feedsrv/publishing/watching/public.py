"""Going the way an agent goes: from the public URL to mitigations that it would apply.

An answer alone proves little: a wrong certificate, a stale list or an old feed may still stop every
mitigation. So everything is fetched, opened and compared, and what fails is named by its step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509

from feedsrv.errors import OperatorError, RefusedProofError
from feedsrv.model.feed import Entry, Feed, feed_path
from feedsrv.publishing.records import Head
from feedsrv.publishing.watching.ports import PublicSource, UnreachedError
from feedsrv.publishing.watching.seen import PublicFeed, PublicSeen
from feedsrv.trust.opening import TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.refusals import UntrustedError

MAX_FEED: Final = 4 * 1024 * 1024
MAX_MITIGATION: Final = 1024 * 1024
MAX_TRUST: Final = 4 * 1024 * 1024
"""Bytes; of what agents take, no more."""
MOST_CRLS: Final = 16
MOST_DOCUMENTS: Final = 50
"""Mitigations fetched at a look that is not thorough; the next look takes the next ones."""
CACHED: Final = timedelta(minutes=5)
"""For so long after a publication a cache may serve what was current before."""

# What a verification that ended at this step or before is called; docs/protocol.md has the steps in order.
_STEPS: Final = (
    (3, "document"),
    (4, "signature"),
    (6, "chain"),
    (7, "key usage"),
    (8, "issuer"),
    (9, "revocation"),
    (10, "freshness"),
)


def see_public(
    source: PublicSource,
    heads: tuple[Head, ...],
    policy: TrustPolicy | None,
    *,
    at: datetime,
    thorough: bool,
) -> PublicSeen:
    """Fetch every current feed with all it needs, and open it as an agent would that pins our anchors.

    Without a policy, things are fetched and not opened.
    """
    seen = PublicSeen(source.url, certificate=source.certificate())
    walk = _Walk(source, policy, at, thorough=thorough)
    try:
        walk.trust_files()
    except _StepError as ended:
        return replace(seen, failed_step=ended.step, why=ended.why)
    return replace(seen, feeds=tuple(walk.feed(head) for head in heads))


class _StepError(Exception):
    def __init__(self, step: str, why: str) -> None:
        super().__init__(step, why)
        self.step = step
        self.why = why


@dataclass
class _Walk:
    source: PublicSource
    policy: TrustPolicy | None
    at: datetime
    thorough: bool

    def __post_init__(self) -> None:
        self._had: set[str] = set()

    def trust_files(self) -> None:
        """The policy file, the anchors and the revocation lists."""
        words = self._words(self._fetch("v1/trust/policy.json", MAX_TRUST))
        anchors = self._fetch("v1/trust/anchors.pem", MAX_TRUST)
        if self.policy is None:
            return
        try:
            theirs = set(load_anchors(anchors, source="v1/trust/anchors.pem"))
        except OperatorError as refusal:
            raise _StepError("trust files", str(refusal)) from None
        if theirs.isdisjoint(self.policy.anchors):
            raise _StepError("trust files", "v1/trust/anchors.pem holds none of the anchors in force here")
        self.policy = replace(self.policy, crls=tuple(self._lists(words)))

    def _words(self, data: bytes) -> dict[str, Any]:
        try:
            words = json.loads(data)
        except ValueError:
            words = None
        if not isinstance(words, dict):
            raise _StepError("trust files", "v1/trust/policy.json is not what was published")
        return words

    def _lists(self, words: dict[str, Any]) -> Iterator[x509.CertificateRevocationList]:
        named = words.get("crls", [])
        if not isinstance(named, list):
            raise _StepError("trust files", "v1/trust/policy.json does not say where revocation lists are")
        for name in named[:MOST_CRLS]:
            path = f"v1/{name}"
            try:
                yield load_crl(self._fetch(path, MAX_TRUST), source=path)
            except OperatorError as refusal:
                raise _StepError("revocation lists", str(refusal)) from None

    def feed(self, head: Head) -> PublicFeed:
        """One feed, and what it lists."""
        documents = 0
        version = None
        try:
            feed = self._open(head)
            version = feed.version
            for entry in self._turn(feed.entries):
                self._mitigation(entry, feed)
                documents += 1
        except _StepError as ended:
            return PublicFeed(head.name, version, documents, ended.step, ended.why)
        return PublicFeed(head.name, version, documents)

    def _open(self, head: Head) -> Feed:
        wanted = head.feed
        path = f"v1/{feed_path(wanted.product, wanted.channel)}"
        data = self._fetch(path, MAX_FEED)
        if self.policy is None:
            return replace(wanted, entries=())
        trusted = TrustedFeed(wanted.product, wanted.channel, wanted.version, head.digest)
        is_new = self.at - wanted.issued < CACHED
        try:
            return open_feed(
                data, self.policy, at=self.at, trusted=None if is_new else trusted, source=path
            ).feed
        except RefusedProofError as refusal:
            raise _StepError(step_of(refusal), str(refusal)) from None

    def _turn(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if self.thorough or len(entries) <= MOST_DOCUMENTS:
            return entries
        begin = int(self.at.timestamp()) // 60 * MOST_DOCUMENTS % len(entries)
        return (*entries, *entries)[begin : begin + MOST_DOCUMENTS]

    def _mitigation(self, entry: Entry, feed: Feed) -> None:
        path = f"v1/{entry.href}"
        if path in self._had or self.policy is None:
            return
        data = self._fetch(path, MAX_MITIGATION)
        try:
            open_mitigation(data, self.policy, at=self.at, entry=entry, channel=feed.channel, source=path)
        except RefusedProofError as refusal:
            raise _StepError("mitigations", str(refusal)) from None
        self._had.add(path)

    def _fetch(self, path: str, limit: int) -> bytes:
        try:
            return self.source.fetch(path, max_bytes=limit)
        except UnreachedError as away:
            raise _StepError(away.step, away.why) from None


def step_of(refusal: RefusedProofError) -> str:
    """The step of verification at which a document was refused, in a word."""
    number = refusal.step if isinstance(refusal, UntrustedError) else 0
    return next((name for last, name in _STEPS if number <= last), "freshness")
