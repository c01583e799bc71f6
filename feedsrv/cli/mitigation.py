"""`feedsrv mitigation`: from a file to an approved revision, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from feedsrv.cli.common import as_json, as_person, print_json, print_table, source_of, warn, workflow
from feedsrv.clock import now, to_text
from feedsrv.codec.authoring import read_draft
from feedsrv.errors import BadInputError
from feedsrv.model.action import title, undo_title
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.records import Revision
from feedsrv.publishing.summaries import MOST_LISTED, Summary
from feedsrv.publishing.workflow import Workflow

_id = click.argument("mitigation_id", metavar="ID")
_digest = click.option(
    "--digest", required=True, help="Digest of the words you read, as `show` and `diff` print it."
)
_reason = click.option("--reason", required=True, help="Why, for those who come after.")


class TwinsError(BadInputError):
    """Two of the files that are to be imported together hold the same mitigation."""

    code = "mitigation.twins"


@click.group()
def mitigation() -> None:
    """Write, review and withdraw mitigations."""


@mitigation.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--submit", "submits", is_flag=True, help="Ask for a review at once.")
@as_person
def import_(*, files: tuple[Path, ...], submits: bool, person: str) -> None:
    """Import mitigations as drafts; a file that has not changed changes nothing.

    Every file is read before the first is imported. What the catalogue objects to is met one file at a
    time, in the order given: those before it are imported then.
    """
    read = {source_of(file): file.read_bytes() for file in files}
    _refuse_twins(read)
    desk = workflow()
    for source, data in read.items():
        done = desk.import_mitigation(data, source=source, by=person)
        click.echo(f"{source}: {done.revision} {done.outcome}")
        if submits and done.outcome != "unchanged":
            click.echo(f"{source}: {desk.submit(done.revision.id, by=person)} is in review")
            _warn_of_rules(workflow(judging=True), done.revision.id)


def _refuse_twins(read: Mapping[str, bytes]) -> None:
    """Refuse files that cannot be read, and two that hold the same mitigation: the last would win, unseen."""
    sources: dict[str, str] = {}
    for source, data in read.items():
        found = read_draft(data, revision=1, issued=now(), source=source).mitigation.id
        if found in sources:
            raise TwinsError(
                f"{source}: holds {found}, and so does {sources[found]}; give one of them an id of its own. "
                "Nothing was imported"
            )
        sources[found] = source


def _warn_of_rules(desk: Workflow, mitigation_id: str) -> None:
    """Say what publishing will refuse while there is time to mend it."""
    for finding in desk.lint(mitigation_id):
        warn(f"publishing will refuse this: {finding}")


@mitigation.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List the newest revision of each mitigation, and which one is published."""
    titles = (
        "id",
        "revision",
        "stage",
        "published",
        "status",
        "severity",
        "channel",
        "review by",
        "alarm",
        "title",
    )
    today = now().date()
    desk = workflow()
    alarms = {one.id: f"revision {one.number}: one person alone" for one in desk.list_emergencies()}
    rows = [
        (
            one.id,
            one.number,
            one.stage,
            one.published_number or "",
            one.status,
            one.severity,
            one.channel,
            f"{one.review_by} ({(one.review_by - today).days} days)",
            alarms.get(one.id, ""),
            one.title,
        )
        for one in _everything(desk)
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(
            titles,
            rows,
            empty="there is no mitigation yet; import one with `feedsrv mitigation import`",
            is_alarm=lambda row: row[0] in alarms,
        )


def _everything(desk: Workflow) -> Iterator[Summary]:
    page = desk.page(limit=MOST_LISTED)
    yield from page.items
    while page.next is not None:
        page = desk.page(after=page.next, limit=MOST_LISTED)
        yield from page.items


@mitigation.command("show")
@_id
@click.option("--revision", type=click.IntRange(min=1), help="Which; else the newest.")
@click.option("--xml", "wants_xml", is_flag=True, help="Print the very bytes that are signed.")
def show(*, mitigation_id: str, revision: int | None, wants_xml: bool) -> None:
    """Show one revision: what it does, how far it has come, what the rules say."""
    found = workflow().show_mitigation(mitigation_id, revision)
    if wants_xml:
        sys.stdout.buffer.write(found.unsigned)
        return
    _print_revision(found)
    if found.is_open:
        findings = workflow(judging=True).lint(mitigation_id)
        click.echo("rules:            " + ("; ".join(map(str, findings)) or "nothing objects"))


def _print_revision(revision: Revision) -> None:
    words = revision.mitigation
    lines: list[tuple[str, object]] = [
        ("revision", f"{revision}: {words.title}"),
        ("stage", revision.stage),
        ("status", f"{words.status}, {words.severity}, channel {words.channel}"),
        ("written", f"{to_text(words.issued)} by {revision.author}, from {revision.source}"),
        *_decisions(revision),
        ("digest", revision.digest),
        ("review by", words.review_by),
        *(("fixes", vulnerability) for vulnerability in words.vulnerabilities),
        *((f"on {product}", builds) for product, builds in words.ranges()),
        *(("does", f"{one.id}: {title(one)}; to undo: {undo_title(one)}") for one in words.actions),
        *(("breaks", issue) for issue in words.known_issues),
        *(("supersedes", old) for old in words.supersedes),
        ("change", words.change or "first revision"),
    ]
    for name, value in lines:
        click.echo(f"{name + ':':<18}{value}")


def _decisions(revision: Revision) -> Iterator[tuple[str, object]]:
    back, glass = revision.returned, revision.break_glass
    if back is not None:
        yield "returned", f"{to_text(back.at)} by {back.by}: {back.reason}"
    yield "approved by", revision.approved_by or "nobody"
    if glass is not None:
        yield "break-glass", f"{to_text(glass.at)} by {glass.by} alone, for {glass.incident}: {glass.reason}"
        yield (
            "countersigned",
            f"by {glass.countersigned_by}"
            if glass.countersigned_by
            else (f"by nobody; must be until {to_text(glass.until)}"),
        )


@mitigation.command("diff")
@_id
def diff(*, mitigation_id: str) -> None:
    """Show what the newest revision changes against the one before: in words, then in bytes."""
    desk = workflow()
    difference = desk.diff(mitigation_id)
    click.echo(difference.subject)
    for sentence in difference.summary:
        click.echo(f"  {sentence}")
    click.echo(difference.text)
    newest = desk.show_mitigation(mitigation_id)
    if newest.stage is Stage.IN_REVIEW:
        click.echo(f"to approve these words: feedsrv mitigation approve {newest.id} --digest {newest.digest}")


@mitigation.command("lint")
@_id
def lint(*, mitigation_id: str) -> None:
    """Say what the rules object to; ends with 1 where they do."""
    findings = workflow(judging=True).lint(mitigation_id)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise SystemExit(1)
    click.echo("nothing objects")


@mitigation.command("submit")
@_id
@as_person
def submit(*, mitigation_id: str, person: str) -> None:
    """Ask for a review; says what the rules object to, which publishing would refuse."""
    desk = workflow(judging=True)
    click.echo(f"{desk.submit(mitigation_id, by=person)} is in review")
    _warn_of_rules(desk, mitigation_id)


@mitigation.command("approve")
@_id
@_digest
@as_person
def approve(*, mitigation_id: str, digest: str, person: str) -> None:
    """Approve the very bytes that are in review; not by anybody who wrote, edited or submitted them."""
    desk = workflow(judging=True)
    click.echo(f"{desk.approve(mitigation_id, by=person, digest=digest)} is approved: {digest}")
    _warn_of_rules(desk, mitigation_id)


@mitigation.command("break-glass")
@_id
@_digest
@click.option("--incident", required=True, help="The incident's reference in your own system.")
@_reason
@as_person
def break_glass(*, mitigation_id: str, digest: str, incident: str, reason: str, person: str) -> None:
    """Approve alone in an emergency, even what you wrote; everybody is told.

    Somebody else must countersign it within FEEDSRV_BREAK_GLASS_SPAN, or the keeper takes it back.
    """
    desk = workflow(judging=True)
    done = desk.break_glass(mitigation_id, by=person, digest=digest, incident=incident, reason=reason)
    click.echo(f"{done} is approved by {person} alone: publish it with `feedsrv feed publish`")
    if done.break_glass is not None:
        click.echo(
            f"somebody else must countersign it by {to_text(done.break_glass.until)}, or it is taken back: "
            f"feedsrv mitigation countersign {done.id} --digest {done.digest}"
        )
    _warn_of_rules(desk, mitigation_id)


@mitigation.command("countersign")
@_id
@_digest
@as_person
def countersign(*, mitigation_id: str, digest: str, person: str) -> None:
    """Stand, as a second person, for what one person approved alone."""
    done = workflow().countersign(mitigation_id, by=person, digest=digest)
    click.echo(f"{done} is countersigned: {digest}")


@mitigation.command("return")
@_id
@_reason
@as_person
def return_(*, mitigation_id: str, reason: str, person: str) -> None:
    """Give a revision back to its author."""
    click.echo(f"{workflow().return_(mitigation_id, by=person, reason=reason)} is a draft again")


@mitigation.command("discard")
@_id
@as_person
def discard(*, mitigation_id: str, person: str) -> None:
    """Give up a draft; its number is used by the next one."""
    click.echo(f"{workflow().discard(mitigation_id, by=person)} is discarded")


@mitigation.command("withdraw")
@_id
@_reason
@as_person
def withdraw(*, mitigation_id: str, reason: str, person: str) -> None:
    """Draft the revision that takes a mitigation back on every server; it waits for another's approval."""
    drafted = workflow().withdraw(mitigation_id, by=person, reason=reason)
    click.echo(f"{drafted} withdraws it and is {drafted.stage}: approve it, then `feedsrv feed publish`")


@mitigation.command("revise")
@_id
@click.option("--change", required=True, help="What changes, in a sentence that is published.")
@as_person
def revise(*, mitigation_id: str, change: str, person: str) -> None:
    """Draft the next revision with the words that stand: to write on, or to have them signed anew."""
    drafted = workflow().revise(mitigation_id, by=person, change=change)
    click.echo(
        f"{drafted} is a draft with the words of {drafted.source}: import a file to write on, or submit it"
    )
