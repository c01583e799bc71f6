"""`feedsrv doctor`: looks at everything that can go wrong, and says what to do."""

from __future__ import annotations

from itertools import groupby
from typing import Final

import click

from feedsrv.cli.common import as_json, print_json
from feedsrv.clock import now
from feedsrv.publishing.watching.results import BOTH, Grade, Result
from feedsrv.settings import BadSettingsError, read_settings
from feedsrv.web.status import Standing
from feedsrv.web.status import as_json as words_of
from feedsrv.wiring.watch import look


@click.command()
@as_json
@click.option("--quiet", is_flag=True, help="Print only what is not in order.")
def doctor(*, wants_json: bool, quiet: bool) -> None:
    """Look at certificates, lists, clock, feeds, files and the public URL, and say what to do.

    Ends with 0 where all is well, 1 after a warning, 2 where something is critical. What is critical also
    keeps things from being published, unless publishing itself would mend it: see docs/operations.md.
    """
    at = now()
    standing = Standing(at, _look())
    results = [one for one in standing.results if one.grade or not quiet]
    if wants_json:
        print_json(words_of(Standing(at, tuple(results))))
    else:
        if standing.grade or not quiet:
            click.echo(standing.sentence)
        _print(results)
    raise SystemExit(int(standing.grade))


def _look() -> tuple[Result, ...]:
    try:
        settings = read_settings()
    except BadSettingsError as refusal:
        found = f"the settings cannot be used [{refusal.code}]: {refusal}"
        return (Result("part.broken", "settings", Grade.CRITICAL, found, _SETTINGS, stops=BOTH),)
    return look(settings, thorough=True)


def _print(results: list[Result]) -> None:
    for grade, group in groupby(results, key=lambda one: one.grade):
        click.echo(f"\n{_TITLES[grade]}")
        for one in group:
            click.echo(f"  {one.check}: {one.sentence}")
            if one.remedy:
                click.echo(f"      {one.remedy}")


_SETTINGS: Final = "Correct the variable; docs/settings.md lists them all"
_TITLES: Final = {Grade.CRITICAL: "CRITICAL", Grade.WARNING: "WARNING", Grade.OK: "in order"}
