"""The catalogue: `products.xml`, which people write and cumulative updates are registered in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from lxml.etree import _Element

from feedsrv.codec.parsing import LIMITS_CATALOGUE, parse
from feedsrv.codec.reading import day, meaning
from feedsrv.codec.schemas import validate
from feedsrv.codec.writing import Node, node, write
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release, UpdateStage

NAMESPACE: Final = "urn:feedsrv:catalogue:1"
_SCHEMA: Final = "catalogue.xsd"


def read_catalogue(data: bytes, *, source: str) -> Catalogue:
    """Read a catalogue.

    Raises:
        XmlError: not a catalogue, with line, path and remedy; see its subclasses.
    """
    root = parse(data, limits=LIMITS_CATALOGUE, source=source, authored=True)
    validate(root, _SCHEMA, source)
    elements = list(root.iterchildren("*"))
    products = [_product(one, source=source) for one in elements]
    updates = [update for one in elements for update in _updates(one, source=source)]
    with meaning(root, source=source):
        return Catalogue.of(products, updates)


def write_catalogue(catalogue: Catalogue) -> bytes:
    """A catalogue as a document; updates are gathered by product, so they are read back in that order.

    Raises:
        XmlError: it says what the grammar cannot, or what not every reader reads alike.
    """
    root = node("Catalogue", (_product_node(one, catalogue) for one in catalogue.products.values()))
    return write(root, namespace=NAMESPACE, schema=_SCHEMA, limits=LIMITS_CATALOGUE, source="catalogue")


def _product(element: _Element, *, source: str) -> Product:
    until = element.get("supportedUntil")
    releases = tuple(
        Release(_build(one, source=source), one.get("name", ""), _date(one, source=source))
        for one in element.iterchildren(f"{{{NAMESPACE}}}Release")
    )
    with meaning(element, source=source):
        return Product(
            id=element.get("id", ""),
            name=element.get("name", ""),
            releases=releases,
            supported_until=None if until is None else day(until, element, source=source),
        )


def _updates(product: _Element, *, source: str) -> Iterator[CumulativeUpdate]:
    for one in product.iterchildren(f"{{{NAMESPACE}}}CumulativeUpdate"):
        yield CumulativeUpdate(
            product=product.get("id", ""),
            build=_build(one, source=source),
            name=one.get("name", ""),
            released=_date(one, source=source),
            kb=one.get("kb"),
            fixes=_ids(one, "Fixes"),
            needless=_ids(one, "Needless"),
            stage=UpdateStage(one.get("stage", UpdateStage.RELEASED)),
        )


def _build(element: _Element, *, source: str) -> Build:
    with meaning(element, source=source):
        return Build.parse(element.get("build", ""))


def _date(element: _Element, *, source: str) -> date:
    return day(element.get("date", ""), element, source=source)


def _ids(element: _Element, name: str) -> tuple[str, ...]:
    return tuple(one.get("id", "") for one in element.iterchildren(f"{{{NAMESPACE}}}{name}"))


def _product_node(product: Product, catalogue: Catalogue) -> Node:
    return node(
        "Product",
        (
            node("Release", build=str(one.build), name=one.name, date=one.released.isoformat())
            for one in product.releases
        ),
        (_update_node(one) for one in catalogue.updates if one.product == product.id),
        id=product.id,
        name=product.name,
        supportedUntil=None if product.supported_until is None else product.supported_until.isoformat(),
    )


def _update_node(update: CumulativeUpdate) -> Node:
    return node(
        "CumulativeUpdate",
        (node("Fixes", id=one) for one in update.fixes),
        (node("Needless", id=one) for one in update.needless),
        build=str(update.build),
        name=update.name,
        date=update.released.isoformat(),
        kb=update.kb,
        stage=update.stage,
    )
