"""`feedsrv webhook`: the addresses of programs that notices are sent to."""

from __future__ import annotations

import click

from feedsrv.cli.common import as_json, as_person, by_way, print_json, print_table
from feedsrv.clock import to_text
from feedsrv.publishing.notice_records import Delivery
from feedsrv.publishing.notices.desk import NoticeDesk
from feedsrv.publishing.notices.kinds import CHOICES
from feedsrv.publishing.people_records import Principal
from feedsrv.settings import read_settings
from feedsrv.wiring.people import open_notices, open_people
from feedsrv.wiring.webhooks import open_sending

_number = click.argument("number", type=int)


@click.group()
def webhook() -> None:
    """Send notices to programs."""


@webhook.command("add", epilog=f"Kinds: {', '.join(CHOICES)}.")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Which notices; may be given again, else all of them.")
@as_person
def add(*, url: str, kinds: tuple[str, ...], person: str) -> None:
    """Send notices to a further address, from the next one on.

    Standard output is the key by which the receiver checks signatures (webhook-id, webhook-timestamp and
    webhook-signature, as Standard Webhooks has them).
    """
    desk, by = _desk(person)
    added = desk.add_webhook(url, kinds, by=by)
    click.echo(f"webhook {added.number} is sent {_kinds(added.kinds)}; its key, for the receiver:", err=True)
    click.echo(desk.secret_of(added.number, by=by))


@webhook.command("list")
@as_json
@as_person
def list_(*, wants_json: bool, person: str) -> None:
    """List the addresses in use, and what became of the newest notice to each."""
    desk, by = _desk(person)
    titles = ("number", "url", "kinds", "since", "by", "newest")
    rows = [
        (one.number, one.url, _kinds(one.kinds), to_text(one.made_at), one.by, _newest(desk, one.number))
        for one in desk.webhooks(by)
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="notices are sent nowhere: feedsrv webhook add URL")


@webhook.command("log")
@_number
@as_json
@as_person
def log(*, number: int, wants_json: bool, person: str) -> None:
    """List the newest notices for an address, and what became of each."""
    desk, by = _desk(person)
    titles = ("notice", "attempts", "state", "outcome")
    rows = [(one.notice, one.attempts, _state(one), one.outcome) for one in desk.deliveries(number, by=by)]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="nothing was to be sent there yet")


@webhook.command("remove")
@_number
@as_person
def remove(*, number: int, person: str) -> None:
    """Send nothing more to an address."""
    desk, by = _desk(person)
    desk.remove_webhook(number, by=by)
    click.echo(f"webhook {number} is removed")


@webhook.command("key")
@_number
@as_person
def key(*, number: int, person: str) -> None:
    """Print the key by which a receiver checks signatures."""
    desk, by = _desk(person)
    click.echo(desk.secret_of(number, by=by))


@webhook.command("test")
@_number
@as_person
def test(*, number: int, person: str) -> None:
    """Send a notice that says nothing, now; ends with 1 where it was not taken."""
    desk, by = _desk(person)
    notice = desk.try_webhook(number, by=by)
    if not open_sending(read_settings()).send_one(number, notice.number):
        click.echo(f"the keeper is sending it at this moment: feedsrv webhook log {number}")
        return
    made = next(one for one in desk.deliveries(number, by=by) if one.notice == notice.number)
    click.echo(f"webhook {number}: {made.outcome}")
    raise SystemExit(0 if made.done_at else 1)


def _desk(person: str) -> tuple[NoticeDesk, Principal]:
    settings = read_settings()
    by = open_people(settings).at_command_line(person, via=by_way())
    return open_notices(settings), by


def _kinds(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds)) or "every notice"


def _newest(desk: NoticeDesk, number: int) -> str:
    newest = desk.deliveries(number, 1)
    return newest[0].outcome if newest else "nothing yet"


def _state(delivery: Delivery) -> str:
    if delivery.done_at is not None:
        return f"sent {to_text(delivery.done_at)}"
    return f"again {to_text(delivery.next_at)}" if delivery.next_at else "given up"
