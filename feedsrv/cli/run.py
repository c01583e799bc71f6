"""`feedsrv run`: everything on one machine, on embedded defaults."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path

import click
from honcho.manager import Manager

from feedsrv.cli.common import site, warn
from feedsrv.cli.serve import serve_command
from feedsrv.clock import now
from feedsrv.errors import NotAllowedError, OperatorError
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Revision
from feedsrv.settings import Settings, read_settings
from feedsrv.wiring.desk import open_cycle, open_keys, open_workflow, prepare

AUTHOR = "repository-author"
REVIEWER = "repository-reviewer"


class PortTakenError(OperatorError):
    """Another program listens where the public surface is to listen."""

    code = "run.port_taken"


class OwnContentError(NotAllowedError):
    """Content is approved without people only where nobody trusts the keys."""

    code = "run.content_needs_people"


@click.command()
@click.option(
    "--content",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with products.xml and mitigations to publish at start; with development keys only.",
)
def run(*, content: Path | None) -> None:
    """Bring everything up to date, publish, serve, and keep feeds fresh.

    The first start makes the database and a development PKI.
    """
    settings = read_settings()
    _require_free(settings.bind)
    prepare(settings)
    if content is not None:
        publish_content(settings, content)
    _announce(settings)
    manager = Manager()
    manager.add_process("public", _in_place(serve_command(settings)), env=dict(os.environ))
    manager.add_process(
        "keeper", _in_place((sys.executable, "-m", "feedsrv", "keeper")), env=dict(os.environ)
    )
    manager.loop()
    raise SystemExit(manager.returncode)


def publish_content(settings: Settings, folder: Path) -> None:
    """Import what changed in `folder`, approve it, and publish.

    The repository's own review stands in for two people here, which is good enough for keys that
    protect nothing, and for no others.

    Raises:
        OwnContentError: the keys are not those of a development PKI.
    """
    if settings.own_keys is not None:
        raise OwnContentError(
            "--content approves what it finds without people, so it works with a development PKI only; "
            "import, submit and approve with `feedsrv mitigation`"
        )
    desk = open_workflow(settings)
    products = folder / "products.xml"
    desk.import_catalogue(products.read_bytes(), source=str(products), by=AUTHOR)
    files = [file for file in sorted(folder.glob("*.xml")) if file != products]
    revisions = [
        desk.import_mitigation(file.read_bytes(), source=str(file), by=AUTHOR).revision for file in files
    ]
    # By what is unfinished, not by what was imported just now: a start that was killed goes on here.
    waiting = [one for one in revisions if one.is_open and one.author == AUTHOR]
    if waiting or not desk.list_feeds():
        _approve_and_publish(settings, waiting)


def _approve_and_publish(settings: Settings, waiting: list[Revision]) -> None:
    keys = open_keys(settings, now=now(), tell=warn)
    desk = open_workflow(settings, keys=keys)
    for revision in waiting:
        if revision.stage is Stage.DRAFT:
            desk.submit(revision.id, by=AUTHOR)
        if revision.stage is not Stage.APPROVED:
            desk.approve(revision.id, by=REVIEWER, digest=revision.digest)
    for sentence in open_cycle(settings, keys, site(settings.publisher)).run(by=AUTHOR, at=now()).sentences:
        click.echo(sentence)


def _in_place(command: tuple[str, ...]) -> str:
    # The manager starts a shell; without `exec`, signals would end the shell and not the process.
    return f"exec {shlex.join(command)}"


def _require_free(bind: str) -> None:
    host, _, port = bind.rpartition(":")
    try:
        with socket.create_server((host or "0.0.0.0", int(port))):  # noqa: S104 -- an empty host means every one
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise PortTakenError(
            f"cannot listen on {bind} ({error}): choose another with FEEDSRV_BIND, or `make run PORT=8090`"
        ) from None


def _announce(settings: Settings) -> None:
    click.echo(f"the page for people:   http://{settings.bind}/")
    click.echo(f"a feed for agents:     http://{settings.bind}/v1/feeds/exchange-2019/production.xml")
    click.echo(f"the anchor to pin:     {settings.development_folder / 'anchors.pem'}")
    click.echo("Ctrl-C stops it.")
