"""`feedsrv serve`: the public surface, or the private one."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from feedsrv.settings import Settings, read_settings

_GUNICORN: Final = (sys.executable, "-m", "gunicorn", "--config", "python:feedsrv.web.gunicorn_conf")
_PRIVATE_THREADS: Final = 4
"""It answers a few people; one process, so that all of them are told the same look."""


def serve_command(settings: Settings) -> tuple[str, ...]:
    """How the public surface is started."""
    chosen = ("--bind", settings.bind, "--workers", str(settings.workers), "--threads", str(settings.threads))
    return (*_GUNICORN, *chosen, "feedsrv.wsgi:public()")


def private_command(settings: Settings) -> tuple[str, ...]:
    """How the private surface is started."""
    chosen = ("--bind", settings.private_bind, "--workers", "1", "--threads", str(_PRIVATE_THREADS))
    return (*_GUNICORN, *chosen, "feedsrv.wsgi:private()")


@click.command()
@click.option("--private", is_flag=True, help="The private surface: status, checks as metrics.")
def serve(*, private: bool) -> None:
    """Serve what is published, with gunicorn.

    Holds no key and no database: it needs to read the shelf, and nothing else. The private surface, bound
    to FEEDSRV_PRIVATE_BIND, reads database and certificates, and opens no key.
    """
    settings = read_settings()
    command = private_command(settings) if private else serve_command(settings)
    os.execv(command[0], command)  # noqa: S606 -- becomes gunicorn, so that signals reach it
