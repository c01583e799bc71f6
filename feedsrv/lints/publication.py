"""All that the rules look at: what stands, what is to be published, and the moment of it.

Nothing here is fetched. Whoever publishes or reviews gathers it; the rules only read. At review
there is no feed yet and one candidate; at publishing there is everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UpdateStage
from feedsrv.model.feed import Feed
from feedsrv.model.mitigation import Draft, Mitigation, Status

FeedStep = tuple[Feed, Feed | None, str | None]
"""A new feed, the one that is current now, and the digest of the current one's bytes."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication as it would be, before anything is signed."""

    catalogue: Catalogue
    candidates: tuple[Draft, ...]
    """New revisions that are to be published."""
    standing: tuple[Mitigation, ...]
    """The newest published revision of each mitigation."""
    at: datetime
    published_revisions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Every revision number that was ever published, by mitigation id."""
    feeds: tuple[FeedStep, ...] = ()
    mitigation_key_ends: datetime | None = None
    """When the first certificate of the mitigation signer's chain ends."""
    feed_key_ends: datetime | None = None
    """When the first certificate of the feed signer's chain ends."""
    max_review: timedelta = timedelta(days=180)
    releasing: tuple[CumulativeUpdate, ...] = ()
    """Cumulative updates that this publication releases, whatever their stage in the catalogue says."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("the moment of a publication needs a time zone")
        object.__setattr__(self, "published_revisions", MappingProxyType(dict(self.published_revisions)))

    @property
    def after(self) -> tuple[Mitigation, ...]:
        """What would stand after this publication, in order of id."""
        laid_over = {mitigation.id: mitigation for mitigation in self.standing}
        laid_over.update((draft.mitigation.id, draft.mitigation) for draft in self.candidates)
        return tuple(laid_over[mitigation_id] for mitigation_id in sorted(laid_over))

    @property
    def active_after(self) -> tuple[Mitigation, ...]:
        """What agents would apply where it fits, in order of id."""
        return tuple(mitigation for mitigation in self.after if mitigation.status is Status.ACTIVE)

    def stood(self, mitigation_id: str) -> Mitigation | None:
        """The revision that stands now, or None."""
        return next((one for one in self.standing if one.id == mitigation_id), None)

    def released_updates(self) -> Iterator[CumulativeUpdate]:
        """Cumulative updates that customers can install once this publication is out."""
        releasing = {(update.product, update.build) for update in self.releasing}
        yield from self.releasing
        for update in self.catalogue.updates:
            if update.stage is UpdateStage.RELEASED and (update.product, update.build) not in releasing:
                yield update

    def has_released(self, product_id: str, build: Build) -> bool:
        """True where that build of that product is out: in the catalogue, or as a released update."""
        product = self.catalogue.products.get(product_id)
        return (product is not None and product.has_released(build)) or any(
            (update.product, update.build) == (product_id, build) for update in self.released_updates()
        )
