"""Step 9 of publishing: every file that changes in place, as it will be.

Nothing is written here; the shelf exchanges them all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from feedsrv.model.catalogue import Catalogue, UpdateStage
from feedsrv.publishing.bundling import bundle
from feedsrv.publishing.listing import INDEX_JSON, INDEX_XML, bundle_path, list_as_json, list_as_xml
from feedsrv.publishing.ports import PageMaker, PublicView, Shelf, Work
from feedsrv.publishing.proving import Made, SignedFeed
from feedsrv.publishing.reading import catalogue_of
from feedsrv.publishing.records import Head, Standing

_TRUST = "v1/trust/"


class Moving:
    """Knows what lies beside the signed documents: lists, bundles, the page and the fixed files."""

    def __init__(self, shelf: Shelf, page: PageMaker, fixed_files: Mapping[str, bytes]) -> None:
        self._shelf = shelf
        self._page = page
        self._fixed_files = fixed_files

    def keep_fixed_files(self, at: datetime) -> bool:
        """Exchange those fixed files that are others now, such as a renewed CRL; says whether any was."""
        changed = self._changed_fixed_files()
        if changed:
            self._shelf.replace(changed, at=at)
        return bool(changed)

    def files(self, work: Work, made: Made, at: datetime) -> dict[str, bytes]:
        """All files to exchange, in the order in which to exchange them."""
        view = _view(work, made, at)
        heads = view.feeds
        return {
            # What proves the feeds comes before them.
            **self._changed_fixed_files(),
            **{feed.current_path: feed.document for feed in made.feeds},
            **self._bundles(made),
            INDEX_XML: list_as_xml(heads),
            INDEX_JSON: list_as_json(heads),
            "index.html": self._page.index(view),
        }

    def _changed_fixed_files(self) -> dict[str, bytes]:
        return {path: data for path, data in self._fixed_files.items() if self._shelf.get(path) != data}

    def waiting_bundles(self, made: Made) -> tuple[str, ...]:
        """Which bundles stay as they were, and for want of which file; one sentence each."""
        return tuple(
            f"the bundle of {feed.head.name} waits for {lost}, which is not on the shelf as it was "
            "published: restore that file from a backup"
            for feed, (_, lost) in self._gathered(made)
            if lost is not None
        )

    def _bundles(self, made: Made) -> dict[str, bytes]:
        """By path. A bundle that lacks a file would protect less than it says, so the older one stays."""
        trust = {path: data for path, data in self._fixed_files.items() if path.startswith(_TRUST)}
        return {
            f"v1/{bundle_path(feed.head.feed.product, feed.head.feed.channel)}": bundle(
                feed.head, feed.document, mitigations, trust
            )
            for feed, (mitigations, lost) in self._gathered(made)
            if lost is None
        }

    def _gathered(self, made: Made) -> Iterator[tuple[SignedFeed, tuple[dict[str, bytes], str | None]]]:
        new = {one.path: one.document for one in made.revisions}
        for feed in made.feeds:
            yield feed, self._mitigations(feed, new)

    def _mitigations(self, feed: SignedFeed, new: Mapping[str, bytes]) -> tuple[dict[str, bytes], str | None]:
        """What the feed lists, by path; or the first path where something else lies, or nothing."""
        found = {}
        for entry in feed.head.feed.entries:
            path = f"v1/{entry.href}"
            document = new.get(path) or self._shelf.get(path)
            if document is None or len(document) != entry.size:
                return {}, path
            found[path] = document
        return found, None


def _view(work: Work, made: Made, at: datetime) -> PublicView:
    heads: dict[tuple[str, str], Head] = {
        (head.feed.product, head.feed.channel): head
        for head in (*work.feeds.heads(), *(feed.head for feed in made.feeds))
    }
    standing = {one.mitigation.id: one for one in made.standing}
    first = dict(work.revisions.first_published())
    for one in made.revisions:
        standing[one.revision.id] = Standing(one.revision.mitigation, one.published)
        first.setdefault(one.revision.id, one.published.at)
    return PublicView(
        at=at,
        catalogue=_public(catalogue_of(work), made),
        feeds=tuple(heads[name] for name in sorted(heads)),
        standing=tuple(standing[one] for one in sorted(standing)),
        first_published=first,
    )


def _public(catalogue: Catalogue, made: Made) -> Catalogue:
    """The catalogue without what is only registered."""
    releasing = {update.key for update in made.updates}
    return Catalogue.of(
        catalogue.products.values(),
        (
            replace(update, stage=UpdateStage.RELEASED)
            for update in catalogue.updates
            if update.stage is UpdateStage.RELEASED or (update.product, update.build) in releasing
        ),
    )
