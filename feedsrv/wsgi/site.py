"""The page for people: the one place where publishing meets the web."""

from __future__ import annotations

from dataclasses import dataclass

from feedsrv.publishing.ports import PublicView
from feedsrv.web.index import make_index
from feedsrv.web.page import page_files
from feedsrv.wiring.desk import Keys, Site


@dataclass(frozen=True)
class PublicPage:
    """Makes the page as HTML."""

    publisher: str
    anchors: tuple[str, ...]
    """SHA-256 fingerprints."""

    def index(self, view: PublicView) -> bytes:
        """The page as HTML; the same view gives the same bytes."""
        return make_index(
            publisher=self.publisher,
            catalogue=view.catalogue,
            feeds=[head.feed for head in view.feeds],
            mitigations=[standing.mitigation for standing in view.standing],
            anchors=self.anchors,
            at=view.at,
            first_published=view.first_published,
        )


def site(publisher: str) -> Site:
    """The page, and what it needs."""

    def make_page(keys: Keys) -> PublicPage:
        return PublicPage(publisher=publisher, anchors=keys.fingerprints)

    return Site(make_page=make_page, files=page_files())
