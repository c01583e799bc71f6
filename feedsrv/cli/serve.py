"""`feedsrv serve`: the public surface, the private one, or both."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

import click

from feedsrv.cli.together import Program, run_together
from feedsrv.settings import PREFIX, Settings, read_settings

_GUNICORN: Final = (sys.executable, "-m", "gunicorn", "--config", "python:feedsrv.web.gunicorn_conf")
_PRIVATE_THREADS: Final = 8
# A provider sends people back with a code that may be long, in an address that holds it.
_LONG_LINES: Final = ("--limit-request-line", "8190", "--limit-request-field_size", "8190")

# What the public surface is handed of its starter's environment: where programs and libraries find their
# own things, and gunicorn's. Everything else may be somebody's key, or lead to one.
_HANDED: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV"),
        *("LD_LIBRARY_PATH", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "NOTIFY_SOCKET"),
    }
)
_HANDED_PREFIXES: Final = ("LC_", "PYTHON", "LISTEN_")


def public_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """What the public surface is started with: the folder of published files, and the publisher's name."""
    handed = {
        name: value
        for name, value in environment.items()
        if name in _HANDED or name.startswith(_HANDED_PREFIXES)
    }
    ours = {"SHELF": str(settings.shelf_folder.absolute()), "PUBLISHER": settings.publisher}
    return handed | {PREFIX + name: value for name, value in ours.items()}


def public_program(settings: Settings) -> Program:
    """How the public surface is started."""
    chosen = ("--bind", settings.bind, "--workers", str(settings.workers), "--threads", str(settings.threads))
    command = (*_GUNICORN, *chosen, "feedsrv.wsgi:public()")
    return Program(
        "the public surface", command, vital=True, environment=public_environment(settings, os.environ)
    )


def private_program(settings: Settings) -> Program:
    """How the private surface is started."""
    workers = ("--workers", str(settings.private_workers), "--threads", str(_PRIVATE_THREADS))
    command = (*_GUNICORN, "--bind", settings.private_bind, *workers, *_LONG_LINES, "feedsrv.wsgi:private()")
    return Program("the private surface", command)


@click.command()
@click.option(
    "--surface",
    type=click.Choice(["public", "private", "all"]),
    default="public",
    show_default=True,
    help="What agents read, what the team works with, or both.",
)
def serve(*, surface: str) -> None:
    """Serve what is published, what the team works with, or both, with gunicorn.

    The public surface is handed the folder of published files and nothing else: no key, no database, no
    secret. The private one, bound to FEEDSRV_PRIVATE_BIND, is the console and the API; it reads and writes
    the database, and opens the keys while it publishes.
    """
    settings = read_settings()
    programs = {"public": public_program(settings), "private": private_program(settings)}
    if surface == "all":
        run_together(tuple(programs.values()), tell=lambda sentence: click.echo(sentence, err=True))
        return
    chosen = programs[surface]
    environment = dict(os.environ) if chosen.environment is None else dict(chosen.environment)
    os.execve(chosen.command[0], chosen.command, environment)  # noqa: S606 -- becomes gunicorn, so that signals reach it
