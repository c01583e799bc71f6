"""What the commands share: who acts, what they work with, and how they print lists."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import click

from feedsrv.clock import now
from feedsrv.model.build import Build
from feedsrv.publishing.cycle import PublishCycle
from feedsrv.publishing.ports import PublicView
from feedsrv.publishing.workflow import Workflow
from feedsrv.settings import read_settings
from feedsrv.web.index import make_index
from feedsrv.web.page import page_files
from feedsrv.wiring.desk import Keys, Site, open_cycle, open_keys, open_workflow

Command = TypeVar("Command", bound=Callable[..., object])


def as_person(command: Command) -> Command:
    """Give a command `--as`: who acts, for four eyes and for the audit log."""
    option = click.option(
        "--as",
        "person",
        envvar="FEEDSRV_AS",
        default=getpass.getuser,
        help="Who acts; else the account's name.",
    )
    return option(command)


def as_json(command: Command) -> Command:
    """Give a command `--json`."""
    return click.option("--json", "wants_json", is_flag=True, help="Print JSON.")(command)


class BuildType(click.ParamType[Build]):
    """A product build on a command line."""

    name = "build"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Build:
        """Read it.

        Raises:
            BadBuildError: not four whole numbers joined by dots.
        """
        del param, ctx
        return value if isinstance(value, Build) else Build.parse(str(value))


def warn(sentence: str) -> None:
    """Say something on standard error that nobody should miss."""
    click.secho(sentence, err=True, fg="yellow", bold=True)


def workflow(*, judging: bool = False) -> Workflow:
    """The workflow in force; `judging` where the rules have to know when the mitigation key ends."""
    settings = read_settings()
    return open_workflow(settings, keys=open_keys(settings, now=now(), tell=warn) if judging else None)


def cycle() -> PublishCycle:
    """The publish cycle in force."""
    settings = read_settings()
    return open_cycle(settings, open_keys(settings, now=now(), tell=warn), site(settings.publisher))


@dataclass(frozen=True)
class PublicPage:
    """Makes the page for people: the one place where publishing meets the web."""

    publisher: str
    anchors: tuple[str, ...]
    """SHA-256 fingerprints."""

    def index(self, view: PublicView) -> bytes:
        """The page as HTML; the same view gives the same bytes."""
        return make_index(
            publisher=self.publisher,
            catalogue=view.catalogue,
            feeds=[head.feed for head in view.feeds],
            mitigations=[standing.mitigation for standing in view.standing],
            anchors=self.anchors,
            at=view.at,
            first_published=view.first_published,
        )


def site(publisher: str) -> Site:
    """The page for people, and what it needs."""

    def make_page(keys: Keys) -> PublicPage:
        return PublicPage(publisher=publisher, anchors=keys.fingerprints)

    return Site(make_page=make_page, files=page_files())


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows in columns; `empty` is the sentence for none."""
    cells = [tuple(str(cell) for cell in row) for row in rows]
    if not cells:
        click.echo(empty)
        return
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    for row in (titles, *cells):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def print_json(value: object) -> None:
    """Print JSON for programs; dates and builds as their text."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))
