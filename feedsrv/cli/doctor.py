"""`feedsrv doctor`: looks at everything that can go wrong, and says what to do."""

from __future__ import annotations

from itertools import groupby

import click

from feedsrv.cli.common import as_json, print_json
from feedsrv.clock import now
from feedsrv.publishing.watching.results import Grade, Result
from feedsrv.settings import read_settings
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
    standing = Standing(at, look(read_settings(), thorough=True))
    results = [one for one in standing.results if one.grade or not quiet]
    if wants_json:
        print_json(words_of(Standing(at, tuple(results))))
    else:
        if standing.grade or not quiet:
            click.echo(standing.sentence)
        _print(results)
    raise SystemExit(int(standing.grade))


def _print(results: list[Result]) -> None:
    for grade, group in groupby(results, key=lambda one: one.grade):
        click.echo(f"\n{_TITLES[grade]}")
        for one in group:
            click.echo(f"  {one.check}: {one.sentence}")
            if one.remedy:
                click.echo(f"      {one.remedy}")


_TITLES = {Grade.CRITICAL: "CRITICAL", Grade.WARNING: "WARNING", Grade.OK: "in order"}
