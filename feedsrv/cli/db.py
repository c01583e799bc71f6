"""`feedsrv db`: the database's version."""

from __future__ import annotations

import click

from feedsrv.settings import read_settings
from feedsrv.wiring.desk import prepare, require_current


@click.group()
def db() -> None:
    """Bring the database up to date, or check that it is."""


@db.command("upgrade")
def upgrade() -> None:
    """Make the database, or bring it to this version's tables."""
    prepare(read_settings())
    click.echo("the database is up to date")


@db.command("check")
def check() -> None:
    """Refuse a database of another version."""
    require_current(read_settings().database)
    click.echo("the database is up to date")
