"""`feedsrv-agent verify`: is this document to be trusted? Strangers script against it, so it stays as it is.

Exit codes: 0 trusted, 1 refused, 2 wrong usage or a file that cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from feedsrv.clock import now, to_text
from feedsrv.errors import FeedsrvError
from feedsrv.model.feed import Feed
from feedsrv.trust.certificates import name_of
from feedsrv.trust.eocs import EOCS_EKU, verify_eocs
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import EKU, Kind
from feedsrv.trust.refusals import (
    ExpiredFeedError,
    OlderRevisionError,
    OtherFeedError,
    OtherProductError,
    StaleFeedError,
    UntrustedError,
    WrongKindError,
)
from feedsrv.trust.verifying import Proof

_FILE = click.Path(path_type=Path, allow_dash=True)
_MAX_BYTES: Final = 16 * 1024 * 1024
"""More than any document of ours; what is longer is refused by its limits."""


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime:
    if value is None:
        return now()
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no moment such as 2026-05-14T12:30:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _oid(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> x509.ObjectIdentifier | None:
    try:
        return None if value is None else x509.ObjectIdentifier(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no object identifier such as 1.2.840.1") from None


@click.command()
@click.argument("document", type=_FILE)
@click.option(
    "--anchor",
    "anchors",
    type=_FILE,
    multiple=True,
    required=True,
    help="PEM file of a trusted root; may be repeated.",
)
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in Kind]),
    help="What it must be. [default: what it says it is]",
)
@click.option(
    "--eku", callback=_oid, metavar="OID", help="Key usage to ask for. [default: feedsrv's for that kind]"
)
@click.option(
    "--issuer", metavar="ORGANISATION", help="Organisation that the issuing CA's subject must name."
)
@click.option(
    "--policy-oid", callback=_oid, metavar="OID", help="Certificate policy that the issuing CA must carry."
)
@click.option("--product", help="What the document must be for; a mitigation may name others beside it.")
@click.option("--channel", help="The channel that polls it; production mitigations belong to every channel.")
@click.option(
    "--profile",
    type=click.Choice(["feedsrv", "eocs"]),
    default="feedsrv",
    show_default=True,
    help="eocs: documents of the Office Configuration Service, judged by their own, older rules.",
)
@click.option(
    "--crl", "crls", type=_FILE, multiple=True, help="File of a revocation list, PEM or DER; may be repeated."
)
@click.option(
    "--at",
    callback=_moment,
    metavar="TIME",
    help="Judge for this moment, such as 2026-05-14T12:30:00Z. [default: now]",
)
@click.option(
    "--trusted-version",
    type=click.IntRange(1),
    metavar="N",
    help="Refuse a feed version, or a revision, below N.",
)
@click.option("--json", "json_", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def verify(  # noqa: PLR0913 - one for each option
    context: click.Context,
    *,
    document: Path,
    anchors: tuple[Path, ...],
    kind: str | None,
    eku: x509.ObjectIdentifier | None,
    issuer: str | None,
    policy_oid: x509.ObjectIdentifier | None,
    product: str | None,
    channel: str | None,
    profile: str,
    crls: tuple[Path, ...],
    at: datetime,
    trusted_version: int | None,
    json_: bool,
) -> None:
    """Say whether DOCUMENT (- for standard input) is to be trusted, and by whom it was signed.

    Exit code 0: trusted. 1: refused; standard error says `error [code]: why`, and --json says it on
    standard output. 2: wrong usage, or a file that cannot be read.
    """
    _refuse_beside_eocs(
        profile,
        {
            "--kind": kind,
            "--issuer": issuer,
            "--policy-oid": policy_oid,
            "--product": product,
            "--channel": channel,
            "--trusted-version": trusted_version,
        },
    )
    data = _read(document)
    try:
        pinned = tuple(one for path in anchors for one in load_anchors(_read(path), source=str(path)))
        lists = tuple(load_crl(_read(path), source=str(path)) for path in crls)
        policy = TrustPolicy(pinned, issuer, policy_oid, _ekus(eku, kind), lists)
    except FeedsrvError as trouble:
        _unusable(f"error [{trouble.code}]: {trouble}")
    asked = _Asked(policy, at, trusted_version or 0, product, channel, document.name or "document")
    try:
        if profile == "eocs":
            found, who = asked.open_eocs(data, eku or EOCS_EKU)
        else:
            found, who = asked.open(data, kind)
    except UntrustedError as refusal:
        why = f"{refusal}{_other_profile(refusal, data)}"
        if json_:
            answer = {"trusted": False, "code": refusal.code, "step": refusal.step, "message": why}
            click.echo(json.dumps(answer, ensure_ascii=False))
        click.echo(f"error [{refusal.code}]: {why}", err=True)
        context.exit(1)
    if json_:
        click.echo(json.dumps({"trusted": True, **found, **who}, ensure_ascii=False))
    else:
        click.echo("trusted: " + ", ".join(f"{name} {value}" for name, value in found.items()))
        for name, value in who.items():
            click.echo(f"  {name}: {value}")


def _other_profile(refusal: UntrustedError, data: bytes) -> str:
    """The way to judge a document that is not ours and still known; else nothing."""
    if not isinstance(refusal, WrongKindError) or b"<EOCS" not in data:
        return ""
    return " A document of the Office Configuration Service is judged with --profile eocs."


def _refuse_beside_eocs(profile: str, given: Mapping[str, object]) -> None:
    idle = [name for name, value in given.items() if value is not None]
    if profile == "eocs" and idle:
        raise click.UsageError(f"--profile eocs takes no {', '.join(idle)}: its documents say no such thing")


_Answer = tuple[dict[str, object], dict[str, object]]
"""What was opened, and who says so."""


@dataclass(frozen=True)
class _Asked:
    """What the options say about every kind of document."""

    policy: TrustPolicy
    at: datetime
    lowest: int
    product: str | None
    channel: str | None
    source: str

    def open(self, data: bytes, kind: str | None) -> _Answer:
        """Open a document of that kind, or of the kind that it says it is."""
        if kind is None:
            # Feeds first: their limits are wider, and a long feed must not be refused as a mitigation.
            try:
                return self._open_feed(data)
            except WrongKindError:
                return self._open_mitigation(data)
        return self._open_feed(data) if kind == Kind.FEED else self._open_mitigation(data)

    def _open_mitigation(self, data: bytes) -> _Answer:
        opened = open_mitigation(data, self.policy, at=self.at, channel=self.channel, source=self.source)
        one = opened.mitigation
        if one.revision < self.lowest:
            raise OlderRevisionError(self.source, f"{one} was offered, but revision {self.lowest} is held")
        if self.product is not None and self.product not in one.products:
            raise OtherProductError(
                self.source, f"{one} is for {', '.join(one.products)}, and this is {self.product}"
            )
        return {
            "kind": Kind.MITIGATION,
            "id": one.id,
            "revision": one.revision,
            "status": one.status,
            "channel": one.channel,
            "issued": to_text(one.issued),
            "digest": opened.digest,
        }, _who(opened.proof)

    def _open_feed(self, data: bytes) -> _Answer:
        try:
            opened = open_feed(data, self.policy, at=self.at, source=self.source)
        except ExpiredFeedError as expired:
            self._check_feed(expired.feed)
            raise
        feed = opened.feed
        self._check_feed(feed)
        return {
            "kind": Kind.FEED,
            "product": feed.product,
            "channel": feed.channel,
            "version": feed.version,
            "issued": to_text(feed.issued),
            "expires": to_text(feed.expires),
            "digest": opened.digest,
        }, _who(opened.proof)

    def _check_feed(self, feed: Feed) -> None:
        wanted = (self.product or feed.product, self.channel or feed.channel)
        if (feed.product, feed.channel) != wanted:
            raise OtherFeedError(
                self.source,
                f"this is the feed {feed.product}/{feed.channel}, and wanted is {'/'.join(wanted)}",
            )
        if feed.version < self.lowest:
            raise StaleFeedError(self.source, offered=feed.version, trusted=self.lowest)

    def open_eocs(self, data: bytes, eku: x509.ObjectIdentifier) -> _Answer:
        """Open a document of the Office Configuration Service."""
        policy = self.policy
        opened = verify_eocs(data, policy.anchors, at=self.at, eku=eku, crls=policy.crls, source=self.source)
        who = _who(Proof(Kind.MITIGATION, opened.chain[0], opened.chain, opened.anchor, self.at))
        return {
            "kind": "eocs",
            "version": opened.version,
            "ids": ", ".join(opened.mitigations),
            "stamped": to_text(opened.stamped.at),
            "stamped_by": name_of(opened.stamped.authority),
        }, who


def _ekus(eku: x509.ObjectIdentifier | None, kind: str | None) -> dict[Kind, x509.ObjectIdentifier]:
    if eku is None:
        return dict(EKU)
    kinds: Iterable[Kind] = Kind if kind is None else (Kind(kind),)
    return {**EKU, **dict.fromkeys(kinds, eku)}


def _who(proof: Proof) -> dict[str, object]:
    return {
        "signer": proof.leaf.subject.rfc4514_string(),
        "issuer": proof.issuer.subject.rfc4514_string(),
        "anchor": proof.anchor.subject.rfc4514_string(),
        "anchor_sha256": proof.anchor.fingerprint(hashes.SHA256()).hex(":").upper(),
        "certificates_end": to_text(proof.ends),
        "judged_at": to_text(proof.at),
    }


def _read(path: Path) -> bytes:
    try:
        with click.open_file(str(path), "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        _unusable(f"error [agent.unreadable]: {path} cannot be read ({error.strerror})")
    assert isinstance(content, bytes)
    return content


def _unusable(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    raise click.exceptions.Exit(2)
