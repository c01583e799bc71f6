"""Products, the builds that were ever released, and the cumulative updates that fix things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from feedsrv.errors import BadInputError, NotFoundError
from feedsrv.model.build import Build

PRODUCT_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class UnknownProductError(NotFoundError):
    """The catalogue has no such product."""

    code = "catalogue.unknown_product"

    def __init__(self, product: str, known: Iterable[str]) -> None:
        super().__init__(f"no product {product[:60]!r} in the catalogue; it has {', '.join(sorted(known))}")


class BadCatalogueError(BadInputError):
    """The catalogue contradicts itself."""

    code = "catalogue.contradiction"


class UpdateStage(StrEnum):
    """How far a cumulative update has come here; see rule S4 in docs/protocol.md."""

    REGISTERED = "registered"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class CumulativeUpdate:
    """An update that holds real fixes: what it fixes, and which mitigations it makes needless."""

    product: str
    build: Build
    name: str
    released: date
    kb: str | None = None
    fixes: tuple[str, ...] = ()
    """Vulnerabilities, such as `CVE-2022-41040`."""
    needless: tuple[str, ...] = ()
    """Mitigation ids, such as `M0001`."""
    stage: UpdateStage = UpdateStage.RELEASED


@dataclass(frozen=True, slots=True)
class Release:
    """A build that was released, by its public name."""

    build: Build
    name: str
    released: date


@dataclass(frozen=True, slots=True)
class Product:
    """One product, its released builds in order, and the end of its support if that is known."""

    id: str
    name: str
    releases: tuple[Release, ...]
    supported_until: date | None = None

    def __post_init__(self) -> None:
        if not PRODUCT_ID.fullmatch(self.id):
            raise BadCatalogueError(f"product id {self.id!r}: use lower-case words joined by hyphens")
        builds = [release.build for release in self.releases]
        if not builds:
            raise BadCatalogueError(f"product {self.id} has no released build")
        if sorted(set(builds)) != builds:
            raise BadCatalogueError(f"product {self.id}: list its builds once each, oldest first")

    def has_released(self, build: Build) -> bool:
        """True where this very build is in the catalogue."""
        return any(release.build == build for release in self.releases)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every product, and every cumulative update that is registered or released."""

    products: Mapping[str, Product] = field(default_factory=dict)
    updates: tuple[CumulativeUpdate, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "products", MappingProxyType(dict(self.products)))
        for update in self.updates:
            self.product(update.product)

    @classmethod
    def of(cls, products: Iterable[Product], updates: Iterable[CumulativeUpdate] = ()) -> Catalogue:
        """Gather products by id.

        Raises:
            BadCatalogueError: two products share an id.
        """
        by_id: dict[str, Product] = {}
        for product in products:
            if product.id in by_id:
                raise BadCatalogueError(f"product {product.id} is listed twice")
            by_id[product.id] = product
        return cls(by_id, tuple(updates))

    def product(self, product_id: str) -> Product:
        """The product of that id.

        Raises:
            UnknownProductError: there is none.
        """
        try:
            return self.products[product_id]
        except KeyError:
            raise UnknownProductError(product_id, self.products) from None

    def update(self, product_id: str, build: Build) -> CumulativeUpdate | None:
        """The cumulative update of that product and build, or None."""
        return next((u for u in self.updates if (u.product, u.build) == (product_id, build)), None)
