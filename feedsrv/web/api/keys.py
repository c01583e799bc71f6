"""Keys and certificates: what is there, what a verifier would object to, using, retiring, revoking.

Making and importing keys is the command line's: a private key never comes through this door.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.key_register.listing import Listed
from feedsrv.publishing.key_register.refusals import NoRequestError
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.issuing import REASONS
from feedsrv.trust.looking import lint_certificate
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import Body, Moment, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal, require

TAG = "keys"
Reason = StrEnum("Reason", {name.upper(): name for name in REASONS})  # type: ignore[misc]


class KeyWords(Words):
    """One key with its certificate, or with the request for it."""

    fingerprint: str
    """SHA-256 of the certificate; of the key while there is no certificate."""
    role: str
    stage: KeyStage
    subject: str
    issuer: str
    """Empty while there is no certificate."""
    serial: str
    """Hexadecimal digits."""
    algorithm: str
    begins: Moment | None
    ends: Moment | None
    days_left: int | None
    """Whole days, below zero once it has ended."""
    place: str
    """Where the private key lives, without secrets; empty where it is not here."""
    exportable: bool
    source: str
    """Who keeps it: the register, or settings."""
    revoked: str
    """Why it was revoked; empty where it was not."""

    @classmethod
    def about(cls, found: Listed) -> KeyWords:
        """Of one line of the register."""
        return cls(
            fingerprint=found.fingerprint,
            role=found.role.slug,
            stage=found.stage,
            subject=found.subject,
            issuer=found.issuer,
            serial=found.serial,
            algorithm=found.algorithm,
            begins=found.begins,
            ends=found.ends,
            days_left=found.days_left,
            place=found.place,
            exportable=found.exportable,
            source=found.source,
            revoked=found.revoked,
        )


class KeysWords(Words):
    """Every key: those of the register, oldest first, then those that others keep."""

    items: list[KeyWords]


class DeviationWords(Words):
    """Where a certificate is not as its role asks."""

    code: str
    """That of the refusal which a verifier gives, or `lint.` and a name of its own."""
    sentence: str
    remedy: str
    refused: bool
    """True where a verifier would refuse it for that; else this is advice."""


class DeviationsWords(Words):
    """What a verifier would object to; nothing where it would not."""

    items: list[DeviationWords]


class UseBody(Body):
    """Whether agents may be left behind."""

    strand: bool = False
    """True to go past a policy of agents that would believe nothing signed with it."""


class UsedWords(Words):
    """What came of putting a key to use."""

    fingerprint: str
    is_unchanged: bool
    before: list[str]
    """Fingerprints of what was in use until now."""
    left_behind: list[str]
    """Agents that will believe nothing signed with it; a sentence each."""
    overruled_by: str | None
    """The setting that names another key, which signs as long as it is there."""


class RetiredWords(Words):
    """A key that is never used again."""

    fingerprint: str
    stage: KeyStage


class RevokeBody(Body):
    """Why."""

    reason: Reason
    """As RFC 5280 names reasons."""


class RevokedWords(Words):
    """What became of a revocation."""

    name: str
    """Of the certificate."""
    at: Moment
    reason: str
    is_known: bool
    """True where it was revoked before."""
    list_number: int | None
    """Of the new revocation list; null where it could not be made."""
    is_published: bool
    """True where that list lies where agents look; else it goes out with the next publication."""
    why_not: str | None
    """What stood against making it."""
    in_use: list[str]
    """Signers in use that are believed no longer."""
    others: list[str]
    """Further certificates of a key in wrong hands, which are not revoked."""


class KeyPath(Words):
    """Which key."""

    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8,64}$", max_length=64)]
    """Of its certificate, or of the key itself; eight digits where they are unique."""


def add(routes: Routes, desk: Desk) -> None:
    """The register of keys."""
    _add_looks(routes, desk)
    _add_acts(routes, desk)


def _add_looks(routes: Routes, desk: Desk) -> None:
    @routes.get("/v1/keys", KeysWords, tag=TAG)
    def list_keys() -> Response:
        """List every key that is known here."""
        return said(KeysWords(items=[KeyWords.about(one) for one in desk.keys(principal()).list()]))

    @routes.get("/v1/keys/<fingerprint>/deviations", DeviationsWords, tag=TAG)
    def lint_key(path: KeyPath) -> Response:
        """Hear what a verifier would object to in a certificate, in its role."""
        held = desk.keys(principal()).keyring().find(path.fingerprint)
        if not held.chain:
            raise NoRequestError(f"{held} has no certificate yet, so there is nothing to look at")
        found = lint_certificate(held.chain[0], [held.role], at=desk.clock(), issuers=held.chain[1:])
        return said(DeviationsWords(items=[DeviationWords.of(one) for one in found]))


def _add_acts(routes: Routes, desk: Desk) -> None:
    @routes.post("/v1/keys/<fingerprint>/use", UsedWords, tag=TAG)
    def use_key(path: KeyPath, body: UseBody) -> Response:
        """Sign with this key from now on."""
        who = require(ACTS["key.change"])
        used = desk.keys(who).use(path.fingerprint, by=who.name, strand=body.strand)
        return said(
            UsedWords(
                fingerprint=used.record.id,
                is_unchanged=used.is_unchanged,
                before=[one.id for one in used.before],
                left_behind=list(used.stranded),
                overruled_by=used.overruled_by,
            )
        )

    @routes.post("/v1/keys/<fingerprint>/retire", RetiredWords, tag=TAG, takes=None)
    def retire_key(path: KeyPath) -> Response:
        """Never use a key again."""
        who = require(ACTS["key.change"])
        retired = desk.keys(who).retire(path.fingerprint, by=who.name)
        return said(RetiredWords(fingerprint=retired.id, stage=retired.stage))

    @routes.post("/v1/keys/<fingerprint>/revoke", RevokedWords, tag=TAG)
    def revoke_key(path: KeyPath, body: RevokeBody) -> Response:
        """Take back a certificate, for good."""
        who = require(ACTS["key.change"])
        found = desk.keys(who).revoke(path.fingerprint, reason=body.reason, by=who.name)
        return said(
            RevokedWords(
                is_published=found.made is not None and desk.publish_lists(),
                name=found.name,
                at=found.revocation.at,
                reason=found.revocation.reason,
                is_known=found.is_known,
                list_number=found.made.number if found.made else None,
                why_not=str(found.why_not) if found.why_not else None,
                in_use=[str(one) for one in found.in_use],
                others=[str(one) for one in found.others],
            )
        )
