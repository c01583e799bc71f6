"""`feedsrv-agent list` and `restore`: how this server stands."""

from __future__ import annotations

from pathlib import Path

import click

from feedsrv.agent.cli.common import Home, pass_home, say
from feedsrv.agent.listing import as_csv, as_json, as_table, as_xml, standings_now
from feedsrv.errors import FeedsrvError

_FILE = click.Path(path_type=Path, dir_okay=False, writable=True, allow_dash=True)


@click.command("list")
@click.option("--xml", type=_FILE, help="Write it as XML to this file (- for standard output).")
@click.option("--csv", type=_FILE, help="Write it as CSV to this file (- for standard output).")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@pass_home
def list_(home: Home, xml: Path | None, csv: Path | None, *, json_: bool) -> None:
    """List every mitigation: applied, blocked, failed, conflict, disabled, superseded, not needed ...

    What is in place is looked at now, in the server's configuration, not remembered.
    """
    settings, state = home.settings_file.load(), home.state_file.load()
    changer = None
    if state.applied:
        try:
            changer = home.changer(settings)
        except FeedsrvError as trouble:
            say(f"warning [{trouble.code}]: {trouble}; shown as remembered", err=True)
    standings = standings_now(state, changer)
    if xml is not None:
        _write(xml, as_xml(standings))
    if csv is not None:
        _write(csv, as_csv(standings).encode("utf-8-sig"))
    if json_:
        click.echo(as_json(standings), nl=False)
    if xml is None and csv is None and not json_:
        say(as_table(standings))


def _write(path: Path, content: bytes) -> None:
    try:
        with click.open_file(str(path), "wb") as file:
            file.write(content)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None


@click.command()
@pass_home
def restore(home: Home) -> None:
    """Go back to the copy of the state beside a damaged one, which is kept under another name."""
    with home.held():
        state = home.state_file.restore()
    applied = ", ".join(sorted(state.applied)) or "nothing"
    click.echo(f"restored; in place according to it: {applied}. Run `feedsrv-agent sync` to see it verified.")
