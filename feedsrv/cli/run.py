"""`feedsrv run`: everything on one machine, on embedded defaults."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from feedsrv.cli.common import warn
from feedsrv.cli.serve import private_program, public_program
from feedsrv.cli.together import Program, run_together
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError, NotAllowedError, OperatorError
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import PRODUCTION
from feedsrv.publishing.records import Revision
from feedsrv.settings import Settings, host_and_port, read_settings
from feedsrv.signing.signer import ends
from feedsrv.wiring.desk import (
    Keys,
    nobody_is_registered,
    open_cycle,
    open_keys,
    open_workflow,
    prepare,
    was_cut_short,
)
from feedsrv.wsgi.site import site

AUTHOR = "repository-author"
REVIEWER = "repository-reviewer"


class PortTakenError(OperatorError):
    """A surface cannot listen where it is to listen, often because another program does."""

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
    _require_free(settings.bind, "FEEDSRV_BIND, or `make run PORT=8090`")
    _require_free(settings.private_bind, "FEEDSRV_PRIVATE_BIND")
    prepare(settings)
    # Before anything is served, so that keys which do not fit are heard of here and not in a log.
    keys = open_keys(settings, now=now(), tell=warn, make=True)
    if content is not None:
        publish_or_stay(settings, content)
    _announce(settings, keys)
    keeper = Program("the keeper", (sys.executable, "-m", "feedsrv", "keeper"))
    run_together((public_program(settings), private_program(settings), keeper), tell=warn)


def publish_or_stay(settings: Settings, folder: Path) -> None:
    """Publish content; where it is refused and something is published already, that stays up."""
    try:
        publish_content(settings, folder)
    except OwnContentError:
        raise
    except FeedsrvError as refusal:
        if not open_workflow(settings).list_feeds():
            raise
        warn(f"not all of {folder} is published, what was published stays up: [{refusal.code}] {refusal}")


def publish_content(settings: Settings, folder: Path) -> None:
    """Import what changed in `folder`, approve it, and publish.

    The repository's own review stands in for two people here, which is good enough for keys that
    protect nothing, and for no others.

    Raises:
        OwnContentError: the keys are not those of a development PKI.
    """
    keys = open_keys(settings, now=now(), tell=warn, make=True)
    if not keys.development:
        raise OwnContentError(
            "--content approves what it finds without people, so it works with a development PKI only; "
            "import, submit and approve with `feedsrv mitigation`"
        )
    if was_cut_short(settings):
        # Words that are on their way cannot be changed; what was begun is finished or cleared first.
        done = open_cycle(settings, keys, site(settings.publisher)).refresh(by=AUTHOR, at=now())
        for sentence in done.sentences:
            click.echo(sentence)
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
        _approve_and_publish(settings, keys, waiting)


def _approve_and_publish(settings: Settings, keys: Keys, waiting: list[Revision]) -> None:
    desk = open_workflow(settings, key_ends=ends(keys.signers.mitigation))
    for revision in waiting:
        if revision.stage is Stage.DRAFT:
            desk.submit(revision.id, by=AUTHOR)
        if revision.stage is not Stage.APPROVED:
            desk.approve(revision.id, by=REVIEWER, digest=revision.digest)
    for sentence in open_cycle(settings, keys, site(settings.publisher)).run(by=AUTHOR, at=now()).sentences:
        click.echo(sentence)


def _require_free(bind: str, setting: str) -> None:
    host, port = host_and_port(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise PortTakenError(f"cannot listen on {bind} ({why}): choose another with {setting}") from None


def _announce(settings: Settings, keys: Keys) -> None:
    published = settings.shelf_folder / "v1" / "trust" / "anchors.pem"
    made = settings.development_folder / "anchors.pem"
    anchors = settings.anchors or (made if keys.development else published)
    click.echo(f"the page for people:   http://{settings.bind}/")
    click.echo(f"the desk of your team: {settings.desk}/")
    feeds = [head for head in open_workflow(settings).list_feeds() if head.feed.channel == PRODUCTION]
    for head in feeds[:1]:
        click.echo(f"a feed for agents:     http://{settings.bind}/v1/feeds/{head.name}.xml")
    click.echo(f"the anchor to pin:     {anchors}")
    if keys.development:
        click.echo(f"its organisation:      {keys.policy.organisation}  (these keys protect nothing)")
    if settings.has_local_accounts and nobody_is_registered(settings):
        click.echo("nobody can sign in yet:  feedsrv user add NAME --role administrator")
    click.echo("Ctrl-C stops it.")
