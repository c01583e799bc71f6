"""Lists on a terminal."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from feedsrv.cli.common import print_table


@click.command()
def listing() -> None:
    """Two rows, one of them an alarm."""
    rows = [("M0001", ""), ("M0002", "one person alone")]
    print_table(("id", "alarm"), rows, empty="nothing", is_alarm=lambda row: bool(row[1]))


@pytest.mark.parametrize("color", [True, False])
def test_an_alarm_is_red_where_there_are_colours(*, color: bool) -> None:
    """And is said in words, too: not everybody sees red, and no file does."""
    lines = CliRunner().invoke(listing, color=color).output.splitlines()

    alarm = "M0002  one person alone"
    assert lines == ["id     alarm", "M0001", f"\x1b[31m\x1b[1m{alarm}\x1b[0m" if color else alarm]
