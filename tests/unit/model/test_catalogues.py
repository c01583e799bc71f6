"""The catalogue: products, their builds in order, and the updates that fix things."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import pytest

from feedsrv.errors import BadInputError
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release

RTM, CU = Build(15, 2, 221, 12), Build(15, 2, 986, 36)
DAY: Final = date(2022, 11, 8)
RELEASES: Final = (Release(RTM, "RTM", DAY), Release(CU, "CU11", DAY))
PRODUCT: Final = Product("exchange-2019", "Exchange Server 2019", RELEASES)
UPDATE: Final = CumulativeUpdate("exchange-2019", CU, "CU11", DAY)

BAD: Final[tuple[tuple[Callable[[], object], str], ...]] = (
    (lambda: Product("Exchange", "Exchange", RELEASES), "catalogue.contradiction"),
    (lambda: Product("exchange-", "Exchange", RELEASES), "catalogue.contradiction"),
    (lambda: Product("exchange", "Exchange", ()), "catalogue.contradiction"),
    (lambda: Product("exchange", "Exchange", RELEASES[::-1]), "catalogue.contradiction"),
    (lambda: Product("exchange", "Exchange", RELEASES[:1] * 2), "catalogue.contradiction"),
    (lambda: Catalogue.of([PRODUCT, PRODUCT]), "catalogue.contradiction"),
    (lambda: Catalogue.of([], [UPDATE]), "catalogue.unknown_product"),
    (lambda: Catalogue.of([PRODUCT]).product("exchange-2016"), "catalogue.unknown_product"),
)


@pytest.mark.parametrize(("make", "code"), BAD)
def test_a_contradiction_cannot_be_made(make: Callable[[], object], code: str) -> None:
    """Nor is a product made up that nobody listed."""
    with pytest.raises(BadInputError) as refused:
        make()

    assert refused.value.code == code


def test_what_is_listed_is_found() -> None:
    """Products by id, builds exactly, updates by product and build."""
    catalogue = Catalogue.of([PRODUCT], [UPDATE])

    assert catalogue.product("exchange-2019") is PRODUCT
    assert PRODUCT.has_released(CU)
    assert not PRODUCT.has_released(Build(15, 2, 986, 35))
    assert catalogue.update("exchange-2019", CU) is UPDATE
    assert catalogue.update("exchange-2019", RTM) is None
    assert catalogue.update("exchange-2016", CU) is None


def test_a_catalogue_cannot_be_changed_by_whoever_made_it() -> None:
    """The products it was made from are its own."""
    products = {PRODUCT.id: PRODUCT}
    catalogue = Catalogue(products)

    products.clear()

    assert catalogue.product("exchange-2019") is PRODUCT
