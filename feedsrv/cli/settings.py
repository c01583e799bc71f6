"""`feedsrv settings`: what is in force."""

from __future__ import annotations

import click

from feedsrv.cli.common import as_json, print_json, print_table
from feedsrv.settings import describe, read_settings


@click.command()
@as_json
def settings(*, wants_json: bool) -> None:
    """Print the settings in force; secrets are left out."""
    shown = describe(read_settings())
    if wants_json:
        print_json(shown)
    else:
        print_table(("setting", "in force"), shown.items(), empty="")
