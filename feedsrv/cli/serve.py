"""`feedsrv serve`: the public surface."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from feedsrv.settings import Settings, read_settings

_GUNICORN: Final = (sys.executable, "-m", "gunicorn", "--config", "python:feedsrv.web.gunicorn_conf")


def serve_command(settings: Settings) -> tuple[str, ...]:
    """How the public surface is started."""
    chosen = ("--bind", settings.bind, "--workers", str(settings.workers), "--threads", str(settings.threads))
    return (*_GUNICORN, *chosen, "feedsrv.wsgi:public()")


@click.command()
def serve() -> None:
    """Serve what is published, with gunicorn.

    Holds no key and no database: it needs to read the shelf, and nothing else.
    """
    command = serve_command(read_settings())
    os.execv(command[0], command)  # noqa: S606 -- becomes gunicorn, so that signals reach it
