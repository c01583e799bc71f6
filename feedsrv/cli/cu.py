"""`feedsrv cu`: cumulative updates, and the rollbacks they cause."""

from __future__ import annotations

import re
from datetime import datetime

import click

from feedsrv.cli.common import BuildType, WordType, as_json, as_person, print_json, print_table, workflow
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.model.mitigation import MITIGATION_ID, VULNERABILITY
from feedsrv.publishing.workflow import Registered

_product = click.option("--product", required=True, help="Product id, such as exchange-2019.")
_build = click.option("--build", required=True, type=BuildType(), help="Such as 15.2.1118.40.")
# As the catalogue's grammar has it.
_LINE = re.compile(r"\S(.{0,198}\S)?")
_NAME = WordType("name", _LINE, '"July 2026 security update"')
_ARTICLE = WordType("article number", _LINE, "KB5019758")
_VULNERABILITY = WordType("vulnerability id", VULNERABILITY, "CVE-2026-42897")
_MITIGATION = WordType("mitigation id", MITIGATION_ID, "M0001")


@click.group()
def cu() -> None:
    """Register and release cumulative updates."""


@cu.command("register")
@_product
@_build
@click.option("--name", required=True, type=_NAME, help="As people know it.")
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="When it comes out.")
@click.option("--kb", type=_ARTICLE, help="Number of its article, such as KB5019758.")
@click.option(
    "--fixes", multiple=True, type=_VULNERABILITY, help="A vulnerability it fixes; may be given again."
)
@click.option(
    "--needless", multiple=True, type=_MITIGATION, help="A mitigation it makes needless; may be given again."
)
@click.option("--dry-run", "is_plan", is_flag=True, help="Only say what would be drafted; nothing is kept.")
@as_person
def register(  # noqa: PLR0913 -- one argument for each option
    *,
    product: str,
    build: Build,
    name: str,
    day: datetime,
    kb: str | None,
    fixes: tuple[str, ...],
    needless: tuple[str, ...],
    is_plan: bool,
    person: str,
) -> None:
    """Register an update; the revisions that it makes needful are drafted, and wait for review.

    Nothing changes for agents until it is released.
    """
    update = CumulativeUpdate(product, build, name, day.date(), kb, fixes, needless, UpdateStage.REGISTERED)
    if is_plan:
        _print_plan(workflow().plan_update(update, by=person))
        return
    done = workflow().register_update(update, by=person)
    click.echo(f"{product} {build} {'was registered already' if done.unchanged else 'is registered'}")
    for revision in done.revisions:
        click.echo(f"  {revision} is {revision.stage}: feedsrv mitigation diff {revision.id}")
    _print_kept(done)


def _print_plan(plan: Registered) -> None:
    update = plan.update.update
    said = "is registered already" if plan.unchanged else "would be registered"
    click.echo(f"{update.product} {update.build} {said}; nothing was kept")
    for revision in plan.revisions:
        click.echo(f"  {revision} would be drafted, and wait for review: {revision.mitigation.change}")
        for product, builds in revision.mitigation.ranges():
            click.echo(f"    on {product}: {builds}")
    _print_kept(plan)


def _print_kept(done: Registered) -> None:
    for sentence in done.kept:
        click.echo(f"  {sentence}")
    if not (done.revisions or done.kept):
        click.echo("  no published mitigation is about what it fixes")


@cu.command("release")
@_product
@_build
@as_person
def release(*, product: str, build: Build, person: str) -> None:
    """Release a registered update with the next publication; its revisions must be approved."""
    workflow().release_update(product, build, by=person)
    click.echo(f"{product} {build} will be released by the next `feedsrv feed publish`")


@cu.command("discard")
@_product
@_build
@as_person
def discard(*, product: str, build: Build, person: str) -> None:
    """Forget an update that was registered by mistake; not one that is released, or that a draft names."""
    workflow().discard_update(product, build, by=person)
    click.echo(f"{product} {build} is discarded")


@cu.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List the updates."""
    titles = ("product", "build", "name", "date", "kb", "stage", "fixes", "needless")
    rows = [
        (
            one.update.product,
            one.update.build,
            one.update.name,
            one.update.released,
            one.update.kb or "",
            "releasing" if one.releasing_by else one.update.stage,
            " ".join(one.update.fixes),
            " ".join(one.update.needless),
        )
        for one in workflow().list_updates()
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="no cumulative update is registered")
