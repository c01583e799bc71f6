"""`feedsrv`: the command, and the one place where a refusal becomes an exit code."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from feedsrv.errors import FeedsrvError

# Where each command lives. Loaded when it is called, so that `feedsrv serve` loads no database.
COMMANDS: Final = {
    "audit": "feedsrv.cli.audit",
    "catalogue": "feedsrv.cli.catalogue",
    "cu": "feedsrv.cli.cu",
    "db": "feedsrv.cli.db",
    "feed": "feedsrv.cli.feed",
    "keeper": "feedsrv.cli.keeper",
    "mitigation": "feedsrv.cli.mitigation",
    "run": "feedsrv.cli.run",
    "serve": "feedsrv.cli.serve",
    "settings": "feedsrv.cli.settings",
}


class Doors(click.Group):
    """Loads a command when it is asked for, and tells refusals in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in order."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; it stands under the same name in its module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a refusal is told on standard error and ends with 1."""
        try:
            return super().invoke(ctx)
        except FeedsrvError as refusal:
            click.echo(f"error [{refusal.code}]: {refusal}", err=True)
            ctx.exit(1)


@click.command(cls=Doors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="feedsrv", message="%(prog)s %(version)s")
def feedsrv() -> None:
    """Write, review, sign and publish emergency mitigations.

    Settings are read from FEEDSRV_* variables: see docs/settings.md. Exit codes: 0 done, 1 refused
    (the message begins with the refusal's code), 2 wrong usage.
    """


def main() -> None:
    """Entry point."""
    feedsrv(prog_name="feedsrv")
