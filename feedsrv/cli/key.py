"""`feedsrv key`: a key's life, from its request to its revocation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate, load_der_x509_csr

from feedsrv.cli.common import as_administrator, as_json, by_way, print_json, print_table, source_of, warn
from feedsrv.cli.key_files import NewFile, keep_file, read_passphrase
from feedsrv.cli.key_telling import (
    TITLES,
    as_plain,
    as_row,
    tell_deviations,
    tell_ready,
    tell_revoked,
    tell_used,
)
from feedsrv.clock import now
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.settings import Settings, read_settings
from feedsrv.signing.backends import describe_place
from feedsrv.signing.issuing import REASONS
from feedsrv.signing.receiving import read_certificates
from feedsrv.signing.requesting import differences, read_request
from feedsrv.trust.certificates import name_of
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.profile import KeyKind, Role, role_of
from feedsrv.wiring.desk import require_current
from feedsrv.wiring.keyring import open_desk
from feedsrv.wiring.lists import publish_lists, sentences, tell_development_pki

_ROLES: Final = click.Choice([role.slug for role in Role])
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_fingerprint = click.argument("fingerprint")
_passphrase = click.option(
    "--passphrase", type=_FILE, help="File with the passphrase, alone in its first line; yours alone to read."
)
_out = click.option("--out", type=NewFile(), help="Write it into this new file; else it is printed.")


@click.group()
def key() -> None:
    """Make keys, get certificates for them, use them, and take them back.

    A key is named by the SHA-256 fingerprint of its certificate, or of the key itself while it is only
    requested; eight digits are enough where they are unique. It lives at a place: file:/absolute/key.pem
    [?passphrase=/absolute/file], pkcs11:token=...;object=...?module-path=..., or aws-kms:alias/...?region=...
    """


def _desk() -> tuple[Settings, KeyDesk]:
    settings = read_settings()
    require_current(settings.database)
    return settings, open_desk(settings, via=by_way())


@key.command("request")
@click.option("--role", "slug", required=True, type=_ROLES, help="What the certificate is for.")
@click.option("--place", required=True, help="URI of where the key is to live.")
@click.option("--organisation", help="The O of the subject; else FEEDSRV_ORGANISATION.")
@click.option("--common-name", help="The CN of the subject; else made of organisation and role.")
@click.option("--dns", "names", multiple=True, help="A name of a TLS end; may be given again.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in KeyKind]),
    default=KeyKind.RSA_3072.value,
    show_default=True,
    help="The kind of key.",
)
@click.option("--exportable", is_flag=True, help="The private key may leave its place, encrypted.")
@click.option(
    "--existing", is_flag=True, help="Take the key that lies there, for a renewal or after a ceremony."
)
@_out
@as_administrator
def request(  # noqa: PLR0913 -- one argument for each option
    *,
    slug: str,
    place: str,
    organisation: str | None,
    common_name: str | None,
    names: tuple[str, ...],
    kind: str,
    exportable: bool,
    existing: bool,
    out: Path | None,
    person: str,
) -> None:
    """Make a key, and a request for exactly the certificate that its role needs."""
    settings, desk = _desk()
    said = organisation or settings.organisation
    if said is None:
        raise click.UsageError("say whose key it is with --organisation, or FEEDSRV_ORGANISATION")
    done = desk.request(
        role_of(slug),
        place,
        organisation=said,
        by=person,
        kind=KeyKind(kind),
        exportable=exportable,
        common_name=common_name,
        names=names,
        existing=existing,
    )
    record = done.record
    if done.is_finished:
        warn("an earlier request was cut short after its key was made; that key was taken up")
    click.echo(f"key {record.key}", err=True)
    click.echo(f"  for the role {record.role.slug}, in {describe_place(place)}", err=True)
    if record.role is Role.ROOT:
        click.echo(f"next: feedsrv key issue {record.key[:16]} --self", err=True)
    else:
        click.echo(
            f"next: feedsrv key issue {record.key[:16]}, or have the request answered elsewhere and "
            "`feedsrv key import` what comes back",
            err=True,
        )
    assert record.request is not None, "it was just made"
    pem = load_der_x509_csr(record.request).public_bytes(Encoding.PEM)
    _give(pem, out, quiet=record.role is Role.ROOT)


@key.command("import")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--role", "slug", type=_ROLES, help="What it is for, where its key is new here.")
@click.option("--place", help="URI of where the private key is to live, or lives already.")
@click.option("--exportable", is_flag=True, help="The private key may leave its place, encrypted.")
@_passphrase
@as_administrator
def import_(  # noqa: PLR0913 -- one argument for each option
    *,
    files: tuple[Path, ...],
    slug: str | None,
    place: str | None,
    exportable: bool,
    passphrase: Path | None,
    person: str,
) -> None:
    """Take over a certificate and its chain, in any order: PEM, DER, PKCS#7 or PKCS#12.

    It is matched by its key with a request; a private key in the files is put at --place. A root that
    only anchors needs --role root.
    """
    _, desk = _desk()
    brought = desk.import_(
        [(source_of(file), file.read_bytes()) for file in files],
        by=person,
        role=role_of(slug) if slug else None,
        place=place,
        passphrase=read_passphrase(passphrase),
        exportable=exportable,
    )
    if brought.is_known:
        click.echo(f"{brought.record.role} {brought.record.id} was here already; nothing was changed")
    else:
        tell_ready(brought.record)
    tell_deviations(brought.advice)


@key.command("issue")
@click.argument("requested", required=False)
@click.option("--request", "file", type=_FILE, help="A request of somebody else, PEM or DER; with --role.")
@click.option("--role", "slug", type=_ROLES, help="What the certificate is for; with --request.")
@click.option("--issuer", help="Fingerprint of the CA, where several could issue it.")
@click.option("--self", "itself", is_flag=True, help="The key certifies itself: for a root.")
@click.option("--days", type=click.IntRange(1, 36500), help="How long it lives; else as its role says.")
@_out
@as_administrator
def issue(  # noqa: PLR0913 -- one argument for each option
    *,
    requested: str | None,
    file: Path | None,
    slug: str | None,
    issuer: str | None,
    itself: bool,
    days: int | None,
    out: Path | None,
    person: str,
) -> None:
    """Certify a request by a CA of ours: one of the register, which keeps the answer, or one in a file."""
    if (requested is None) is (file is None) or (file is None) is not (slug is None):
        raise click.UsageError("name a requested key, or a file with --request and its --role")
    _, desk = _desk()
    lifetime = timedelta(days=days) if days else None
    if requested is not None:
        record = desk.issue(requested, by=person, issuer=issuer, itself=itself, lifetime=lifetime)
        tell_ready(record)
        if out is not None:
            certificates = [load_der_x509_certificate(one) for one in record.chain]
            _give(b"".join(one.public_bytes(Encoding.PEM) for one in certificates), out)
        return
    assert file is not None
    assert slug is not None
    data, role = file.read_bytes(), role_of(slug)
    chain = desk.certify(data, role, source=source_of(file), by=person, issuer=issuer, lifetime=lifetime)
    for sentence in differences(read_request(data, source=source_of(file)), role):
        click.echo(f"not granted as asked: the request {sentence}", err=True)
    _give(b"".join(one.public_bytes(Encoding.PEM) for one in chain), out)


@key.command("use")
@_fingerprint
@click.option("--strand", is_flag=True, help="Even where known agents would believe nothing more.")
@as_administrator
def use(*, fingerprint: str, strand: bool, person: str) -> None:
    """Sign with this key from now on, or have agents pin this root. The one before stays ready."""
    _, desk = _desk()
    tell_used(desk.use(fingerprint, by=person, strand=strand))


@key.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List every key: the register's, those that settings name, and a development PKI's."""
    _, desk = _desk()
    if wants_json:
        print_json([as_plain(one) for one in desk.list()])
    else:
        print_table(
            TITLES, map(as_row, desk.list()), empty="there are no keys; `feedsrv key request` makes one"
        )


@key.command("export")
@_fingerprint
@click.option(
    "--private", is_flag=True, help="The private key, too, encrypted; needs --passphrase and --out."
)
@_passphrase
@_out
@as_administrator
def export(
    *, fingerprint: str, private: bool, passphrase: Path | None, out: Path | None, person: str
) -> None:
    """Hand out a certificate with its chain as PEM."""
    if private and (passphrase is None or out is None):
        raise click.UsageError("a private key leaves encrypted and into a file: give --passphrase and --out")
    _, desk = _desk()
    _give(desk.export(fingerprint, by=person, private=private, passphrase=read_passphrase(passphrase)), out)


@key.command("retire")
@_fingerprint
@as_administrator
def retire(*, fingerprint: str, person: str) -> None:
    """Never use a key again. It stays where it lives, and listed."""
    _, desk = _desk()
    record = desk.retire(fingerprint, by=person)
    click.echo(f"{record.role} {record.id} is retired")
    if record.place is not None:
        click.echo(f"  its private key still lies in {describe_place(record.place)}: destroy it there")


@key.command("revoke")
@click.argument("fingerprint", required=False)
@click.option("--serial", help="Serial number, hexadecimal, of a certificate that is not listed here.")
@click.option("--issuer", help="Fingerprint of its CA; with --serial.")
@click.option("--reason", required=True, type=click.Choice(sorted(REASONS)), help="Why (RFC 5280).")
@as_administrator
def revoke(
    *, fingerprint: str | None, serial: str | None, issuer: str | None, reason: str, person: str
) -> None:
    """Take a certificate back, for good: agents refuse whatever was signed under it."""
    if (fingerprint is None) is (serial is None) or (serial is None) is not (issuer is None):
        raise click.UsageError("name a certificate by its fingerprint, or by --serial and --issuer")
    settings, desk = _desk()
    if fingerprint is not None:
        done = desk.revoke(fingerprint, reason=reason, by=person)
    else:
        assert serial is not None
        assert issuer is not None
        done = desk.revoke_serial(serial, issuer=issuer, reason=reason, by=person)
    tell_revoked(done, is_published=done.made is not None and publish_lists(settings, at=now()))
    tell_development_pki(settings, now=now())


@key.command("crl")
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="The clock was ahead when this machine last wrote something down, and is right now.",
)
@as_administrator
def crl(*, person: str, clock_is_right: bool) -> None:
    """Make the revocation list of every CA of ours anew whose key is here, and publish them.

    After a time with the clock ahead, keys and publications are refused until that time has come: say
    --clock-is-right once, and the lists begin now.
    """
    settings, desk = _desk()
    done = desk.make_lists(by=person, clock_is_right=clock_is_right)
    for sentence in sentences(done):
        click.echo(sentence)
    for name, refusal in done.failed:
        warn(f"no list of {name}: {refusal}")
    if not (done.made or done.failed):
        click.echo("there is no CA here; `feedsrv key request` makes one")
        return
    if not publish_lists(settings, at=now()):
        click.echo("the next publication brings them to agents")
    if done.failed:
        raise SystemExit(1)


@key.command("lint")
@click.argument("certificate", type=_FILE)
@click.option("--role", "slugs", multiple=True, required=True, type=_ROLES, help="May be given again.")
def lint(*, certificate: Path, slugs: tuple[str, ...]) -> None:
    """Explain every deviation of a certificate from the profile of its role; needs no service.

    Ends with 1 where a verifier would refuse it. A certificate at both ends of mutual TLS has two roles.
    """
    held = read_certificates(certificate.read_bytes(), source=source_of(certificate))
    issuers = {one.issuer for one in held if one.issuer != one.subject}
    lowest = next((one for one in held if one.subject not in issuers), held[0])
    found = lint_certificate(lowest, [role_of(slug) for slug in slugs], at=now(), issuers=held)
    tell_deviations(found)
    if any(one.refused for one in found):
        raise SystemExit(1)
    click.echo(f"{name_of(lowest)}: no verifier would refuse it as {' and '.join(slugs)}")


def _give(content: bytes, out: Path | None, *, quiet: bool = False) -> None:
    if out is not None:
        keep_file(out, content)
        click.echo(f"written: {out}", err=True)
    elif not quiet:
        click.echo(content.decode("ascii"), nl=False)
