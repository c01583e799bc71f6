"""`feedsrv feed`: publish what is approved, look at what is published, keep it fresh."""

from __future__ import annotations

import click

from feedsrv.cli.common import as_json, as_person, cycle, print_json, print_table, workflow
from feedsrv.clock import now, to_text
from feedsrv.publishing.cycle import Outcome
from feedsrv.trust.profile import Kind


@click.group()
def feed() -> None:
    """Publish and look at feeds."""


@feed.command("publish")
@as_person
def publish(*, person: str) -> None:
    """Sign and publish everything that is approved, in one version of each feed that it touches."""
    _print_outcome(cycle().run(by=person, at=now()))


@feed.command("refresh")
@click.option("--force", is_flag=True, help="Every feed, however fresh.")
@as_person
def refresh(*, force: bool, person: str) -> None:
    """Sign feeds anew that are past a third of their lifetime; for cron, where no keeper runs."""
    _print_outcome(cycle(signing=frozenset({Kind.FEED})).refresh(by=person, at=now(), force=force))


def _print_outcome(outcome: Outcome) -> None:
    for sentence in outcome.sentences:
        click.echo(sentence)


@feed.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List the current feeds."""
    titles = ("product", "channel", "version", "issued", "expires", "mitigations", "digest")
    rows = [
        (
            head.feed.product,
            head.feed.channel,
            head.feed.version,
            to_text(head.feed.issued),
            to_text(head.feed.expires),
            len(head.feed.entries),
            head.digest,
        )
        for head in workflow().list_feeds()
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="nothing is published yet; `feedsrv feed publish` does it")


@feed.command("show")
@click.argument("product")
@click.argument("channel", default="production")
def show(*, product: str, channel: str) -> None:
    """Show what a feed holds now, and its history."""
    desk = workflow()
    head = desk.show_feed(product, channel)
    click.echo(f"{head.name} version {head.feed.version}, {head.size} bytes, {head.digest}")
    click.echo(f"issued {to_text(head.feed.issued)}, expires {to_text(head.feed.expires)}\n")
    print_table(
        ("id", "revision", "state", "rollout", "size", "digest"),
        [
            (one.id, one.revision, one.state, f"{one.rollout} %", one.size, one.digest)
            for one in head.feed.entries
        ],
        empty="it holds nothing",
    )
    click.echo()
    print_table(
        ("version", "what became of it", "at", "digest"),
        [
            (one.number, one.state, to_text(one.at), one.digest or "")
            for one in desk.feed_versions(product, channel)
        ],
        empty="it has no history",
    )
