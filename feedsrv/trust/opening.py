"""The only ways from bytes to words for whoever receives: `open_feed` and `open_mitigation`.

Both prove first (`verifying`), then read only what was signed, against the grammar, and then ask
whether it is fresh and meant for here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from feedsrv.clock import to_text
from feedsrv.codec.feed import feed_from
from feedsrv.codec.mitigation import mitigation_from
from feedsrv.errors import BadInputError
from feedsrv.model.feed import Entry, Feed, digest_of
from feedsrv.model.mitigation import PRODUCTION, Mitigation
from feedsrv.trust.certificates import find_signer
from feedsrv.trust.chain import find_paths
from feedsrv.trust.form import read_form, words_of
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import (
    ContentInvalidError,
    DigestMismatchError,
    ExpiredFeedError,
    ForkedFeedError,
    OlderRevisionError,
    OtherChannelError,
    OtherFeedError,
    OtherMitigationError,
    OtherProductError,
    OutlivingFeedError,
    SizeMismatchError,
    StaleFeedError,
    UntrustedError,
)
from feedsrv.trust.revocation import is_revoked
from feedsrv.trust.signature import signed_content
from feedsrv.trust.verifying import Proof, verify_document


@dataclass(frozen=True, slots=True)
class TrustedFeed:
    """The feed that a receiver already trusts; nothing older is accepted."""

    product: str
    channel: str
    version: int
    digest: str


@dataclass(frozen=True)
class OpenedFeed:
    """A feed, who says so, and the digest of the bytes it came in."""

    feed: Feed
    proof: Proof
    digest: str
    doubt: ForkedFeedError | None = None
    """Set where it follows on the version that is trusted here, yet names other bytes as that version.

    To be told to the publisher, and no reason to stay with the older feed: see `_doubt`.
    """

    @property
    def trusted(self) -> TrustedFeed:
        """What to remember, so that nothing older is accepted hereafter."""
        return TrustedFeed(self.feed.product, self.feed.channel, self.feed.version, self.digest)


@dataclass(frozen=True)
class OpenedMitigation:
    """A mitigation, who says so, and the digest of the bytes it came in."""

    mitigation: Mitigation
    proof: Proof
    digest: str


def open_feed(
    data: bytes,
    policy: TrustPolicy,
    *,
    at: datetime,
    trusted: TrustedFeed | None = None,
    source: str = "feed",
) -> OpenedFeed:
    """Prove a feed, read it, and refuse it where it is not fresh.

    Not asked is whether it was issued in the future: a receiver whose clock is slow would lose its
    protection, and nobody gains by it, since the feed ends with its certificate at the latest.

    Raises:
        ExpiredFeedError: past its date, and nothing else is wrong with it; its `feed` may be looked at.
        StaleFeedError, ForkedFeedError, OtherFeedError: it does not follow on what is trusted.
        OutlivingFeedError: it claims to hold for longer than its signer's certificate.
        ContentInvalidError: against the grammar.
        UntrustedError: it proves nothing; one class for each reason.
    """
    document = verify_document(data, policy, kind=Kind.FEED, at=at, source=source)
    try:
        feed = feed_from(document.element, source=source)
    except BadInputError as error:
        raise _invalid(source, error) from error
    _check_ends(feed, document.proof, source)
    digest = digest_of(data)
    if trusted is not None:
        _check_follows(feed, digest, trusted, source)
    if at >= feed.expires:
        raise ExpiredFeedError(source, feed, at)
    return OpenedFeed(feed, document.proof, digest, _doubt(feed, trusted, source))


def _check_ends(feed: Feed, proof: Proof, source: str) -> None:
    # A stolen key could freeze its receivers for ever, who judge no certificate again while they hold
    # a feed that has not expired.
    # The signer's own: of its CA there may be a second certificate that lasts longer than the one looked at.
    ends = proof.leaf.not_valid_after_utc
    if feed.expires > ends:
        raise OutlivingFeedError(
            source,
            f"the feed expires at {to_text(feed.expires)}, and its signer's certificate at {to_text(ends)}",
        )


def _check_follows(feed: Feed, digest: str, trusted: TrustedFeed, source: str) -> None:
    if (feed.product, feed.channel) != (trusted.product, trusted.channel):
        raise OtherFeedError(
            source,
            f"this is the feed {feed.product}/{feed.channel}, "
            f"and wanted is {trusted.product}/{trusted.channel}",
        )
    if feed.version < trusted.version:
        raise StaleFeedError(source, offered=feed.version, trusted=trusted.version)
    if feed.version == trusted.version and digest != trusted.digest:
        raise ForkedFeedError(
            source, f"version {feed.version} is already trusted as {trusted.digest}, and this one is {digest}"
        )


def _doubt(feed: Feed, trusted: TrustedFeed | None, source: str) -> ForkedFeedError | None:
    """Two histories, as far as can be seen from here.

    Refusing would help nobody but an attacker. Whoever has the feed key names the right digest, or
    leaves out a version; but a receiver who was once given another version 6, or the genuine one with
    a blank more in its unsigned parts, would refuse the genuine version 7 and stay where it is.
    """
    if trusted is None or feed.version != trusted.version + 1 or feed.previous == trusted.digest:
        return None
    return ForkedFeedError(
        source,
        f"version {feed.version} follows on {feed.previous or 'nothing'}, "
        f"but version {trusted.version} is trusted as {trusted.digest}",
    )


def open_mitigation(  # noqa: PLR0913 - each is one thing that a receiver knows, and all are named
    data: bytes,
    policy: TrustPolicy,
    *,
    at: datetime,
    entry: Entry | None = None,
    channel: str | None = None,
    product: str | None = None,
    held_revision: int = 0,
    source: str = "mitigation",
) -> OpenedMitigation:
    """Prove a mitigation, read it, and refuse it where it is not the one that is meant.

    `entry` is the feed's line for it. `held_revision` is the highest revision held here, 0 for none.
    A mitigation held already may cease to name this `product`: that is how it is taken back here.

    Raises:
        SizeMismatchError, DigestMismatchError, OtherMitigationError: not the one that the feed names.
        OtherChannelError, OtherProductError: not meant for here.
        OlderRevisionError: lower than the revision held.
        ContentInvalidError: against the grammar.
        UntrustedError: it proves nothing; one class for each reason.
    """
    document = verify_document(data, policy, kind=Kind.MITIGATION, at=at, source=source)
    try:
        mitigation = mitigation_from(document.element, source=source)
    except BadInputError as error:
        raise _invalid(source, error) from error
    digest = digest_of(data)
    if entry is not None:
        _check_entry(mitigation, len(data), digest, entry, source)
    if mitigation.revision < held_revision:
        raise OlderRevisionError(source, f"{mitigation} was offered, but revision {held_revision} is held")
    if channel is not None and mitigation.channel not in {channel, PRODUCTION}:
        raise OtherChannelError(
            source, f"{mitigation} is for the channel {mitigation.channel}, and this is {channel}"
        )
    if product is not None and held_revision == 0 and product not in mitigation.products:
        raise OtherProductError(
            source, f"{mitigation} is for {', '.join(mitigation.products)}, and this is {product}"
        )
    return OpenedMitigation(mitigation, document.proof, digest)


def _check_entry(mitigation: Mitigation, size: int, digest: str, entry: Entry, source: str) -> None:
    if size != entry.size:
        raise SizeMismatchError(source, f"{size} bytes, and the feed says {entry.size} for {entry.id}")
    if digest != entry.digest:
        raise DigestMismatchError(source, f"digest {digest}, and the feed says {entry.digest} for {entry.id}")
    if (mitigation.id, mitigation.revision) != (entry.id, entry.revision):
        raise OtherMitigationError(
            source, f"this is {mitigation}, and the feed names {entry.id} revision {entry.revision}"
        )


def _invalid(source: str, error: BadInputError) -> ContentInvalidError:
    return ContentInvalidError(source, words_of(error))


def signer_is_revoked(data: bytes, policy: TrustPolicy, *, kind: Kind, source: str = "document") -> bool:
    """True where a genuine document was signed by whom the CRLs at hand revoke, or under a revoked CA.

    False where it cannot be proven who signed it. The time plays no part, neither today's nor one that the
    document states: certificates that ended since do not hide a revocation.
    """
    # A receiver drops the version floor that such a feed has set. Without that, whoever stole a feed key
    # would sign version 999,999,999 once, and every receiver that saw it would refuse the publisher's
    # feeds for ever, after the key is revoked, too.
    #
    # What an attacker gains by it: feeds that are older than the one held, whose signers are not revoked
    # and whose date has not passed, are accepted again; that is at most what a feed's few days of life
    # allow, and mitigations have a floor of their own, by revision. To gain it, the held feed's signer must
    # truly be revoked, by a CRL of its own issuer. So nobody can bring it about but the publisher's CA, and
    # a stranger's CRL, a namesake's, or one that cannot be judged says nothing.
    #
    # The time plays no part because the thief writes the document: one that states a moment before its
    # certificate began, or that outlasts its certificate, would otherwise keep its floor. And a stale CRL
    # counts, for whoever holds back the newer one must not keep the floor by that, either. A second path,
    # of whose CAs and signer none is revoked, is what receivers still go by: then nothing falls.
    try:
        form = read_form(data, kind=kind, source=source)
        signer = find_signer(form.certificates, source=source)
        signed_content(form, signer, source=source)
        paths = find_paths(signer, form.certificates, policy, kind, source=source)
    except UntrustedError:
        return False
    return all(is_revoked(path, policy.crls) for path in paths)
