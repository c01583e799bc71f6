"""What the key commands tell people, and programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click

from feedsrv.cli.common import warn
from feedsrv.clock import to_text
from feedsrv.publishing.key_register.keyring import HeldKey
from feedsrv.publishing.key_register.listing import Listed
from feedsrv.publishing.key_register.revoking import Revoked
from feedsrv.publishing.key_register.using import Used
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.trust.looking import Deviation
from feedsrv.trust.profile import Role
from feedsrv.wiring.keyring import DEVELOPMENT_PKI

TITLES: Final = (
    "fingerprint",
    "role",
    "stage",
    "subject",
    "issuer",
    "days left",
    "key lives in",
    "kept by",
)


def as_row(one: Listed) -> tuple[object, ...]:
    """A key in the columns of `TITLES`."""
    return (
        one.fingerprint[:16],
        one.role.slug,
        f"{one.stage.value}, revoked ({one.revoked})" if one.revoked else one.stage.value,
        one.subject,
        "itself" if one.issuer == one.subject else one.issuer,
        "" if one.days_left is None else one.days_left,
        one.place or "not here",
        one.source,
    )


def as_plain(one: Listed) -> dict[str, object]:
    """A key for programs."""
    return {
        "fingerprint": one.fingerprint,
        "role": one.role.slug,
        "stage": one.stage.value,
        "subject": one.subject,
        "issuer": one.issuer,
        "serial": one.serial,
        "algorithm": one.algorithm,
        "begins": to_text(one.begins) if one.begins else None,
        "ends": to_text(one.ends) if one.ends else None,
        "days_left": one.days_left,
        "place": one.place,
        "exportable": one.exportable,
        "source": one.source,
        "revoked": one.revoked or None,
    }


def tell_ready(record: KeyRecord) -> None:
    """What became of a request or an import."""
    click.echo(f"{record.role} {record.id} is {record.stage.value}")
    if record.stage is KeyStage.READY:
        click.echo(f"next: feedsrv key use {record.id[:16]}")


def tell_used(used: Used) -> None:
    """What a switch changed, and what it did not."""
    record = used.record
    click.echo(f"{record.role} {record.id} {'was in use already' if used.is_unchanged else 'is in use now'}")
    for one in used.before:
        now = "revoked" if one.id in used.revoked else "ready to be used again"
        click.echo(f"  before it: {one.id}, which is {now}")
    for sentence in used.stranded:
        warn(f"  stranded, as you insisted: {sentence}")
    if used.overruled_by is not None:
        warn(
            f"  {used.overruled_by} names another key for that role, which goes before this one: take it out "
            "of the service's settings"
        )


def tell_revoked(done: Revoked, *, is_published: bool) -> None:
    """What is revoked, how agents hear of it, and what has to be done."""
    click.echo(
        f"{done.name} {'was revoked before' if done.is_known else 'is revoked'}: "
        f"{done.revocation.reason.replace('_', ' ')}"
    )
    if done.made is None:
        warn(
            f"  agents do not know yet: no list could be made ({done.why_not}). Where the CA's key is, run "
            "`feedsrv key crl`; where the CA is somebody else's, revoke it there and put its list into the "
            "folder of FEEDSRV_CRLS"
        )
    elif is_published:
        click.echo(f"  agents learn of it from {done.made.name}.crl, which is published")
    else:
        click.echo(f"  agents learn of it from {done.made.name}.crl, which the next publication brings")
    for bridge in done.beside:
        heard = f"agents learn of it from {bridge.made.name}.crl" if bridge.made else f"{bridge.why_not}"
        click.echo(f"  {bridge.name}, another certificate of that CA's key, is revoked as well: {heard}")
    for other in done.others:
        warn(f"  the same key has another certificate, {other.id}: revoke that one, too")
    for signer in done.in_use:
        warn(f"  {signer} is in use and cannot sign any more. {_what_now(signer)}")


def _what_now(signer: HeldKey) -> str:
    again = (
        "Every mitigation that it signed needs a new revision"
        if signer.role is Role.MITIGATION_SIGNER
        else "Then run `feedsrv feed refresh --force`"
    )
    if signer.source == DEVELOPMENT_PKI:
        return f"The development PKI makes another one by itself. {again}"
    return (
        f"Nothing is published until another {signer.role} is put to use (`feedsrv key request`, `issue` or "
        f"`import`, then `use`). {again}"
    )


def tell_deviations(found: Iterable[Deviation]) -> None:
    """In what a certificate differs from its profile."""
    for one in found:
        grade = (f"refused by {one.refused_by}" if one.refused_by else "refused") if one.refused else "advice"
        click.echo(f"{grade} [{one.code}]: {one.sentence}. {one.remedy}.")
