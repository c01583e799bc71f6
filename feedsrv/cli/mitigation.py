"""`feedsrv mitigation`: from a file to an approved revision, and back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from feedsrv.cli.common import as_json, as_person, print_json, print_table, workflow
from feedsrv.clock import now, to_text
from feedsrv.model.action import title, undo_title
from feedsrv.publishing.records import Revision

_id = click.argument("mitigation_id", metavar="ID")
_reason = click.option("--reason", required=True, help="Why, for those who come after.")


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
    """Import mitigations as drafts; a file that has not changed changes nothing."""
    desk = workflow(judging=True)
    for file in files:
        done = desk.import_mitigation(file.read_bytes(), source=str(file), by=person)
        click.echo(f"{file}: {done.revision} {done.outcome}")
        if submits and done.outcome != "unchanged":
            click.echo(f"{file}: {desk.submit(done.revision.id, by=person)} is in review")


@mitigation.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List the newest revision of each mitigation."""
    titles = ("id", "revision", "stage", "status", "severity", "channel", "review by", "title")
    today = now().date()
    rows = []
    for one in workflow().list_mitigations():
        words = one.mitigation
        left = f"{words.review_by} ({(words.review_by - today).days} days)"
        rows.append(
            (one.id, one.number, one.stage, words.status, words.severity, words.channel, left, words.title)
        )
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(
            titles, rows, empty="there is no mitigation yet; import one with `feedsrv mitigation import`"
        )


@mitigation.command("show")
@_id
@click.option("--revision", type=click.IntRange(min=1), help="Which; else the newest.")
@click.option("--xml", "wants_xml", is_flag=True, help="Print the very bytes that are signed.")
def show(*, mitigation_id: str, revision: int | None, wants_xml: bool) -> None:
    """Show one revision: what it does, how far it has come, what the rules say."""
    desk = workflow(judging=True)
    found = desk.show_mitigation(mitigation_id, revision)
    if wants_xml:
        sys.stdout.buffer.write(found.unsigned)
        return
    _print_revision(found)
    if found.is_open:
        findings = desk.lint(mitigation_id)
        click.echo("rules:            " + ("; ".join(map(str, findings)) or "nothing objects"))


def _print_revision(revision: Revision) -> None:
    words = revision.mitigation
    lines: list[tuple[str, object]] = [
        ("revision", f"{revision}: {words.title}"),
        ("stage", revision.stage),
        ("status", f"{words.status}, {words.severity}, channel {words.channel}"),
        ("written", f"{to_text(words.issued)} by {revision.author}, from {revision.source}"),
        ("approved by", revision.approved_by or "nobody"),
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


@mitigation.command("diff")
@_id
def diff(*, mitigation_id: str) -> None:
    """Show what the newest revision changes against the one before: in words, then in bytes."""
    difference = workflow().diff(mitigation_id)
    click.echo(difference.subject)
    for sentence in difference.summary:
        click.echo(f"  {sentence}")
    click.echo(difference.text)


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
    """Ask for a review."""
    click.echo(f"{workflow(judging=True).submit(mitigation_id, by=person)} is in review")


@mitigation.command("approve")
@_id
@click.option("--digest", help="Digest of the words you read, as `show` prints it; else those in review now.")
@as_person
def approve(*, mitigation_id: str, digest: str | None, person: str) -> None:
    """Approve the very bytes that are in review; not by anybody who wrote, edited or submitted them."""
    desk = workflow(judging=True)
    named = digest or desk.show_mitigation(mitigation_id).digest
    click.echo(f"{desk.approve(mitigation_id, by=person, digest=named)} is approved: {named}")


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
    drafted = workflow(judging=True).withdraw(mitigation_id, by=person, reason=reason)
    click.echo(f"{drafted} withdraws it and is {drafted.stage}: approve it, then `feedsrv feed publish`")
