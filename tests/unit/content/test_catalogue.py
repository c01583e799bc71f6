"""The catalogue that ships can be read, agrees with itself, and says where it is from."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from feedsrv.codec.catalogue import read_catalogue, write_catalogue
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue

PRODUCTS = {
    "exchange-2016": ("15.1.225.42", "15.1."),
    "exchange-2019": ("15.2.221.12", "15.2."),
    "exchange-se": ("15.2.2562.17", "15.2.2562."),
    "sfb-2015": ("6.0.9319.0", "6.0.9319."),
    "sfb-2019": ("7.0.2046.0", "7.0.2046."),
}


def test_it_has_the_five_products_from_their_first_build(catalogue: Catalogue) -> None:
    """Each product begins with its first release, so that a range may begin there."""
    first = {product.id: str(product.releases[0].build) for product in catalogue.products.values()}

    assert first == {product: build for product, (build, _) in PRODUCTS.items()}


@pytest.mark.parametrize("product_id", PRODUCTS)
def test_every_build_belongs_to_its_product(catalogue: Catalogue, product_id: str) -> None:
    """A build of another product, or a slip in its first numbers, is noticed."""
    stem = PRODUCTS[product_id][1]

    strangers = [
        str(release.build)
        for release in catalogue.product(product_id).releases
        if not str(release.build).startswith(stem)
    ]

    assert strangers == []


@pytest.mark.parametrize("product_id", PRODUCTS)
def test_within_one_cumulative_update_days_follow_builds(catalogue: Catalogue, product_id: str) -> None:
    """A higher build on the same cumulative update came out later: a swapped line is noticed."""
    releases = catalogue.product(product_id).releases

    swapped = [
        (str(before.build), str(after.build))
        for before, after in pairwise(releases)
        if before.build.cumulative == after.build.cumulative and before.released >= after.released
    ]

    assert swapped == []


def test_every_update_is_a_release_of_the_same_name_and_day(catalogue: Catalogue) -> None:
    """What can end a mitigation is a build that customers can have."""
    for update in catalogue.updates:
        release = next(
            (one for one in catalogue.product(update.product).releases if one.build == update.build), None
        )

        assert release is not None, update
        assert (release.name, release.released) == (update.name, update.released)


def test_each_update_is_listed_once(catalogue: Catalogue) -> None:
    """The same build twice would leave it open which of the two counts."""
    builds = [(update.product, update.build) for update in catalogue.updates]

    assert len(builds) == len(set(builds))


def test_skype_for_business_knows_the_update_that_brought_its_mitigation_service(
    catalogue: Catalogue,
) -> None:
    """June 2023, build 7.0.2046.521."""
    update = catalogue.update("sfb-2019", Build(7, 0, 2046, 521))

    assert update is not None
    assert update.name == "June 2023 cumulative update"
    assert update.released.isoformat() == "2023-06-29"


@pytest.mark.parametrize("product_id", ["exchange-2016", "exchange-2019"])
def test_every_cumulative_update_of_exchange_is_there(catalogue: Catalogue, product_id: str) -> None:
    """CU1 to the last, without a gap; servers are spoken of by these names."""
    names = {release.name for release in catalogue.product(product_id).releases}
    last = {"exchange-2016": 23, "exchange-2019": 15}[product_id]

    missing = [f"CU{number}" for number in range(1, last + 1) if f"CU{number}" not in names]

    assert missing == []


def test_the_update_of_the_tour_is_left_to_whoever_takes_it(catalogue: Catalogue) -> None:
    """The tour registers the build that ends M0002; were it here already, there would be nothing to see."""
    fixing = [update for update in catalogue.updates if "CVE-2026-42897" in update.fixes]

    assert fixing == []
    assert catalogue.update("exchange-se", Build(15, 2, 2562, 45)) is None


@pytest.mark.parametrize("product_id", PRODUCTS)
def test_each_product_says_where_its_builds_are_from(folder: Path, product_id: str) -> None:
    """Whoever doubts a build finds its source beside it."""
    text = (folder / "products.xml").read_text(encoding="utf-8")

    block = re.search(rf'<Product id="{product_id}".*?</Product>', text, re.DOTALL)

    assert block is not None
    assert "Sources" in block.group()


def test_it_survives_being_written_and_read_again(catalogue: Catalogue) -> None:
    """Nothing in it is lost on the way through the store."""
    assert read_catalogue(write_catalogue(catalogue), source="again") == catalogue
