"""`feedsrv catalogue`: products, their builds and cumulative updates."""

from __future__ import annotations

from pathlib import Path

import click

from feedsrv.cli.common import as_json, as_person, print_json, print_table, source_of, workflow


@click.group()
def catalogue() -> None:
    """Import and list products."""


@catalogue.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_person
def import_(*, file: Path, person: str) -> None:
    """Import products.xml; registered updates stay."""
    done = workflow().import_catalogue(file.read_bytes(), source=source_of(file), by=person)
    products = len(done.catalogue.products)
    click.echo(f"{source_of(file)}: {'unchanged' if done.unchanged else 'imported'}, {products} products")


@catalogue.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List the products and their newest builds."""
    products = workflow().catalogue().products.values()
    rows = [
        (one.id, one.name, one.releases[-1].build, one.releases[-1].name, len(one.releases))
        for one in products
    ]
    titles = ("product", "name", "newest build", "known as", "builds")
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="there is no catalogue yet")
