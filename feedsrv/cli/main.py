"""`feedsrv`: the command, and the one place where a refusal becomes an exit code."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Final

import click

from feedsrv.errors import BadInputError, FeedsrvError, OperatorError
from feedsrv.observability.logs import FieldFormatter

# Where each command lives. Loaded when it is called, so that `feedsrv serve` loads no database.
COMMANDS: Final = {
    "audit": "feedsrv.cli.audit",
    "catalogue": "feedsrv.cli.catalogue",
    "cu": "feedsrv.cli.cu",
    "db": "feedsrv.cli.db",
    "doctor": "feedsrv.cli.doctor",
    "feed": "feedsrv.cli.feed",
    "keeper": "feedsrv.cli.keeper",
    "key": "feedsrv.cli.key",
    "mitigation": "feedsrv.cli.mitigation",
    "run": "feedsrv.cli.run",
    "serve": "feedsrv.cli.serve",
    "settings": "feedsrv.cli.settings",
    "signin": "feedsrv.cli.signin",
    "token": "feedsrv.cli.token",
    "trust": "feedsrv.cli.trust",
    "user": "feedsrv.cli.user",
    "webhook": "feedsrv.cli.webhook",
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
        refusal: FeedsrvError
        try:
            return super().invoke(ctx)
        except FeedsrvError as known:
            refusal = known
        except BrokenPipeError:
            raise  # whoever reads our output has gone: click ends quietly
        except OSError as error:
            refusal = MachineError(f"{error.filename or 'the system'}: {error.strerror or error}")
        except UnicodeEncodeError as error:
            got = error.object[:60]
            refusal = NotUtf8Error(f"{got!a} holds bytes that are not UTF-8; write it in UTF-8")
        click.echo(f"error [{refusal.code}]: {refusal}", err=True)
        raise click.exceptions.Exit(1)


class MachineError(OperatorError):
    """A file, a folder or the system itself refused; the message names which, in the system's words."""

    code = "operator.system"


class NotUtf8Error(BadInputError):
    """A word on the command line cannot be written down."""

    code = "input.not_utf8"


class _WithoutTraceback(FieldFormatter):
    """For people at a terminal: a refusal has been told in a sentence, and its innards help nobody."""

    def formatException(self, ei: object) -> str:  # noqa: N802 -- logging's name
        """The sentence alone."""
        return f"  {ei[1]}" if isinstance(ei, tuple) else ""


def _log_for_people() -> None:
    """What goes on inside is told by the commands themselves; here only what went wrong beside that."""
    handler = logging.StreamHandler()
    handler.setFormatter(_WithoutTraceback())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)


@click.command(cls=Doors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="feedsrv", message="%(prog)s %(version)s")
def feedsrv() -> None:
    """Write, review, sign and publish emergency mitigations.

    Settings are read from FEEDSRV_* variables: see docs/settings.md. Exit codes: 0 done, 1 refused
    (the message begins with the refusal's code), 2 wrong usage.
    """
    _log_for_people()


def main() -> None:
    """Entry point."""
    feedsrv(prog_name="feedsrv")
