"""From the words of the trade to the words on the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from feedsrv.model.action import title, undo_title
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.feed import Entry, EntryState, Feed, feed_path
from feedsrv.model.mitigation import PRODUCTION, Mitigation, Severity
from feedsrv.model.supersession import successors
from feedsrv.web.page import (
    ActionWords,
    AffectedRange,
    FeedWords,
    IndexPage,
    Link,
    MitigationWords,
    QuietEntry,
    render_index,
)

_GRAVEST_FIRST: Final = tuple(severity.value for severity in Severity)


def make_index(  # noqa: PLR0913 -- all that one page tells, each by name
    *,
    publisher: str,
    catalogue: Catalogue,
    feeds: Sequence[Feed],
    mitigations: Iterable[Mitigation],
    anchors: Sequence[str],
    at: datetime,
    first_published: Mapping[str, datetime] | None = None,
) -> bytes:
    """The page about these current feeds.

    `mitigations` holds every revision that a feed names; `anchors`, the SHA-256 fingerprints of the
    trust anchors; `first_published`, when revision 1 of each mitigation was issued, where known.
    """
    by_revision = {(one.id, one.revision): one for one in mitigations}
    teller = _Teller(catalogue, by_revision, first_published or {})
    in_production = {feed.product for feed in feeds if feed.channel == PRODUCTION}
    told = [teller.feed(feed, has_production=feed.product in in_production) for feed in _ordered(feeds)]
    return render_index(IndexPage(publisher, tuple(told), tuple(anchors), at))


def _ordered(feeds: Sequence[Feed]) -> list[Feed]:
    """By product, production first."""
    return sorted(feeds, key=lambda feed: (feed.product, feed.channel != PRODUCTION, feed.channel))


class _Teller:
    """Puts what is published into words."""

    def __init__(
        self,
        catalogue: Catalogue,
        mitigations: Mapping[tuple[str, int], Mitigation],
        first_published: Mapping[str, datetime],
    ) -> None:
        self._catalogue = catalogue
        self._mitigations = mitigations
        self._first_published = first_published

    def feed(self, feed: Feed, *, has_production: bool) -> FeedWords:
        """One section of the page; a preview feed tells only what production does not."""
        named = [(entry, self._mitigations[entry.id, entry.revision]) for entry in feed.entries]
        taken_over = successors(mitigation for _, mitigation in named)
        elsewhere = has_production and feed.channel != PRODUCTION
        own = [(e, m) for e, m in named if not (elsewhere and m.channel == PRODUCTION)]
        shared = [e for e, m in named if elsewhere and m.channel == PRODUCTION and _is_in_force(e, m)]
        in_force = [self._mitigation(e, m, feed.product) for e, m in own if _is_in_force(e, m)]
        return FeedWords(
            anchor=f"{feed.product}-{feed.channel}",
            product=self._catalogue.product(feed.product).name,
            channel=feed.channel,
            version=feed.version,
            issued=feed.issued,
            expires=feed.expires,
            href=f"v1/{feed_path(feed.product, feed.channel)}",
            mitigations=tuple(sorted(in_force, key=lambda one: _GRAVEST_FIRST.index(one.severity))),
            quiet=tuple(_quiet(e, m, taken_over) for e, m in own if not _is_in_force(e, m)),
            shared=len(shared),
        )

    def _mitigation(self, entry: Entry, mitigation: Mitigation, product: str) -> MitigationWords:
        ranges = [one for affected, one in mitigation.ranges() if affected == product]
        return MitigationWords(
            id=mitigation.id,
            revision=mitigation.revision,
            title=mitigation.title,
            description=mitigation.description,
            severity=mitigation.severity.value,
            issued=mitigation.issued,
            first_published=self._first_published.get(mitigation.id),
            change=mitigation.change,
            vulnerabilities=tuple(_vulnerability(one) for one in mitigation.vulnerabilities),
            ranges=tuple(self._range(product, one) for one in ranges),
            no_fix_yet=mitigation.no_fix_yet if any(one.fixed is None for one in ranges) else None,
            actions=tuple(ActionWords(_capital(title(one)), undo_title(one)) for one in mitigation.actions),
            known_issues=mitigation.known_issues,
            references=tuple(_link(one) for one in mitigation.references),
            review_by=mitigation.review_by,
            rollout=entry.rollout,
            href=f"v1/{entry.href}",
        )

    def _range(self, product: str, affected: BuildRange) -> AffectedRange:
        fixed = affected.fixed
        return AffectedRange(
            first=str(affected.introduced),
            first_name=self._build_name(product, affected.introduced),
            fixed=None if fixed is None else str(fixed),
            fixed_name=None if fixed is None else self._update_name(product, fixed),
        )

    def _update_name(self, product: str, build: Build) -> str | None:
        update = self._catalogue.update(product, build)
        if update is None:
            return self._build_name(product, build)
        kb = f" (KB{update.kb.upper().removeprefix('KB')})" if update.kb else ""
        return f"{update.name}{kb}"

    def _build_name(self, product: str, build: Build) -> str | None:
        releases = self._catalogue.product(product).releases
        return next((release.name for release in releases if release.build == build), None)


def _is_in_force(entry: Entry, mitigation: Mitigation) -> bool:
    return entry.state is EntryState.ACTIVE and not mitigation.is_heartbeat


def _quiet(entry: Entry, mitigation: Mitigation, taken_over: Mapping[str, tuple[str, ...]]) -> QuietEntry:
    return QuietEntry(
        id=mitigation.id,
        revision=mitigation.revision,
        title=mitigation.title,
        why=_why_quiet(entry, taken_over.get(mitigation.id, ())),
        href=f"v1/{entry.href}",
    )


def _why_quiet(entry: Entry, successor_ids: tuple[str, ...]) -> str:
    if entry.state is EntryState.WITHDRAWN:
        return "withdrawn: agents take it back"
    if entry.state is EntryState.SUPERSEDED:
        return f"superseded by {', '.join(successor_ids)}" if successor_ids else "superseded"
    return "heartbeat: shows that the whole way from here to a server works"


def _vulnerability(name: str) -> Link:
    known = name.startswith("CVE-")
    return Link(name, f"https://www.cve.org/CVERecord?id={quote(name)}" if known else None)


def _link(reference: str) -> Link:
    """A reference leads somewhere only where it is on the web; no other scheme can be clicked."""
    return Link(reference, reference if urlsplit(reference).scheme in ("https", "http") else None)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
