"""`feedsrv trust`: what certificates will do, what is announced of them, and what agents are known to pin."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.cli.common import as_administrator, print_json, print_table
from feedsrv.cli.common import as_json as json_option
from feedsrv.cli.key_files import NewFile, keep_file
from feedsrv.cli.trust_plan import as_json, as_text
from feedsrv.clock import now
from feedsrv.errors import BadInputError
from feedsrv.publishing.generations import short_name, trust_of
from feedsrv.publishing.planning import plan as drawn_up
from feedsrv.settings import read_settings
from feedsrv.trust.policy import load_anchors
from feedsrv.trust.profile import EKU, Kind
from feedsrv.wiring.trust import (
    announcing,
    certificates,
    generations,
    read_facts,
    switch_to,
    vouching,
)

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


class NoSwitchError(BadInputError):
    """A date without a switch, or a switch without a date."""

    code = "trust.no_switch"


@click.group()
def trust() -> None:
    """Plan changes of certificates, and announce them to agents."""


@trust.command("plan")
@click.option("--use", help="Fingerprint of a signer to switch to, or its first digits.")
@click.option("--drop", help="Fingerprint of an anchor that agents are no longer to be told to pin.")
@click.option("--on", "day", type=_DAY, help="When that is to happen, such as 2027-03-01.")
@json_option
def plan(*, use: str | None, drop: str | None, day: datetime | None, wants_json: bool) -> None:
    """Show every certificate's end on one line of time, what must happen by when, and who would be stranded.

    Ends with 1 where a task is overdue, or the switch would strand somebody.
    """
    if (day is None) != (use is None and drop is None):
        raise NoSwitchError("a switch needs both: --use or --drop with a fingerprint, and --on with a date")
    facts = read_facts(read_settings())
    switch = None if day is None else switch_to(facts, use=use, drop=drop, on=day.replace(tzinfo=UTC))
    drawn = drawn_up(facts, at=now(), switch=switch)
    if wants_json:
        print_json(as_json(drawn))
    else:
        click.echo(as_text(drawn))
    raise SystemExit(0 if drawn.is_safe else 1)


@trust.command("vouch")
@click.argument("fingerprint")
@click.option("--by", "issuer", required=True, help="Fingerprint of the root that is to vouch.")
@click.option(
    "--out",
    required=True,
    type=NewFile(),
    help="Write the certificate into this new file.",
)
@as_administrator
def vouch(*, fingerprint: str, issuer: str, out: Path, person: str) -> None:
    """Certify a root or an issuing CA under another root: agents that pin that one believe it, too."""
    done = vouching(read_settings(), now=now).vouch(fingerprint, issuer=issuer, by=person)
    keep_file(out, done.certificate.public_bytes(Encoding.PEM))
    click.echo(
        f"{out}: {short_name(done.certificate)}, until {done.certificate.not_valid_after_utc:%Y-%m-%d}"
    )
    click.echo(f"  {done.told}")


@trust.command("announce")
@click.argument("fingerprint")
@click.option("--begins", required=True, type=_DAY, help="When it is planned to be used, such as 2027-03-01.")
@click.option(
    "--certificates",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with it, or with certificates that vouch for it, beside those of the register.",
)
@as_administrator
def announce(*, fingerprint: str, begins: datetime, files: tuple[Path, ...], person: str) -> None:
    """Announce the next root or issuing CA in every feed, long before anything is signed under it."""
    settings = read_settings()
    among = certificates(settings, files)
    desk = announcing(settings, now=now)
    done = desk.announce(fingerprint, among, begins=begins.replace(tzinfo=UTC), by=person)
    one = done.certificate
    click.echo(f"announced: {one.role} {one.fingerprint}, planned to be used from {one.begins:%Y-%m-%d} on")
    for sentence in done.told:
        click.echo(f"  {sentence}")


@trust.command("unannounce")
@click.argument("fingerprint")
@as_administrator
def unannounce(*, fingerprint: str, person: str) -> None:
    """Announce it no longer; agents that have adopted a root keep it."""
    one = announcing(read_settings(), now=now).unannounce(fingerprint, by=person)
    click.echo(f"announced no longer: {one.role} {one.fingerprint}")
    click.echo("  what was adopted by it is not counted any more: see `feedsrv trust plan`")


@trust.group("policy")
def policy() -> None:
    """What generations of agents are known to pin: as published, and as customers told."""


@policy.command("add")
@click.argument("name")
@click.option(
    "--anchors",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file with the roots that these agents pin.",
)
@click.option("--organisation", help="What they ask of issuing CAs, where they do.")
@click.option("--policy-oid", help="The certificate policy that they ask of issuing CAs, where they do.")
@click.option("--mitigation-eku", help="Where they ask for another than ours.")
@click.option("--feed-eku", help="Where they ask for another than ours.")
@click.option("--note", default="a customer's word", show_default=True, help="Where it is known from.")
@as_administrator
def add(  # noqa: PLR0913 -- one argument for each option
    *,
    name: str,
    anchors: Path,
    organisation: str | None,
    policy_oid: str | None,
    mitigation_eku: str | None,
    feed_eku: str | None,
    note: str,
    person: str,
) -> None:
    """Remember what a customer's agents trust, so that no later change of certificates strands them."""
    own = {Kind.MITIGATION: _oid(mitigation_eku), Kind.FEED: _oid(feed_eku)}
    known = generations(read_settings(), now=now).add(
        name,
        load_anchors(anchors.read_bytes(), source=str(anchors)),
        organisation=organisation,
        policy_oid=_oid(policy_oid),
        eku={kind: oid or EKU[kind] for kind, oid in own.items()},
        note=note,
        by=person,
    )
    click.echo(f"known: {known.name}, with {len(known.anchors)} anchors; see `feedsrv trust plan`")


@policy.command("list")
@json_option
def list_(*, wants_json: bool) -> None:
    """List what is known, the oldest first."""
    rows = [
        (
            one.name,
            f"{one.since:%Y-%m-%d}",
            ", ".join(short_name(anchor) for anchor in trust_of(one).anchors),
            one.organisation or "",
            one.note,
        )
        for one in generations(read_settings(), now=now).list()
    ]
    titles = ("name", "since", "anchors", "organisation", "known from")
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(
            titles, rows, empty="nothing is known yet; the next publication remembers what it publishes"
        )


@policy.command("remove")
@click.argument("name")
@as_administrator
def remove(*, name: str, person: str) -> None:
    """Forget a policy, because nobody has such agents any more."""
    known = generations(read_settings(), now=now).remove(name, by=person)
    click.echo(f"forgotten: {known.name}")


def _oid(text: str | None) -> x509.ObjectIdentifier | None:
    try:
        return None if text is None else x509.ObjectIdentifier(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no OID; write it dotted, such as 1.2.840.1") from None
