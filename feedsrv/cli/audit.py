"""`feedsrv audit`: who did what, and proof that nobody rewrote it."""

from __future__ import annotations

from textwrap import shorten
from typing import Final

import click

from feedsrv.cli.common import as_json, print_json, print_table, workflow
from feedsrv.clock import to_text
from feedsrv.settings import read_settings
from feedsrv.wiring.desk import read_stamps

_ALARMS: Final = frozenset({"break-glass", "withdraw-unsigned"})
"""Verbs that nobody should overlook."""


@click.group()
def audit() -> None:
    """Read and prove the audit log."""


@audit.command("list")
@click.option("--newest", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@as_json
def list_(*, newest: int, wants_json: bool) -> None:
    """List the newest entries, oldest of them first; --json shows their details whole."""
    entries = workflow().list_audit(newest=newest)
    if wants_json:
        print_json(
            [
                {
                    "seq": entry.seq,
                    "at": to_text(entry.at),
                    "actor": entry.actor,
                    "verb": entry.verb,
                    "subject": entry.subject,
                    "detail": dict(entry.detail),
                    "previous": entry.previous,
                    "hash": entry.hash,
                }
                for entry in entries
            ]
        )
        return
    print_table(
        ("seq", "at", "who", "did", "to", "detail"),
        [
            (
                entry.seq,
                to_text(entry.at),
                entry.actor,
                entry.verb,
                entry.subject,
                shorten(", ".join(f"{name} {value}" for name, value in entry.detail.items()), 100),
            )
            for entry in entries
        ],
        empty="the audit log is empty",
        is_alarm=lambda row: row[3] in _ALARMS,
    )


@audit.command("verify")
def verify() -> None:
    """Prove that no entry was changed, removed or put in between."""
    chain = workflow().verify_audit()
    click.echo(f"the audit log is whole: {chain.entries} entries, the last one's hash is {chain.hash}")


@audit.command("stamps")
@as_json
@click.pass_context
def stamps(context: click.Context, *, wants_json: bool) -> None:
    """Verify the time-stamp of every mitigation, without asking the authority that made it.

    Ends with 1 where one does not hold.
    """
    settings = read_settings()
    proofs = read_stamps(settings)
    rows = [
        (
            one.subject,
            to_text(one.at),
            one.authority,
            "holds" if one.refusal is None else f"[{one.refusal.code}] {one.refusal}",
        )
        for one in proofs
    ]
    titles = ("mitigation", "stamped", "by", "result")
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="nothing is stamped: set FEEDSRV_TIMESTAMP_URL and _ANCHORS")
    if any(one.refusal is not None for one in proofs):
        context.exit(1)
