"""Proofs of time: an RFC 3161 token over the signature of each mitigation, kept in the audit log.

Years later one can prove by it when a mitigation was signed, though its certificates have ended by then.
No publication waits for it: a mitigation goes out first and is stamped afterwards, and where the
authority is away, the next look tries again.
"""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from cryptography import x509

from feedsrv.clock import from_text, to_text
from feedsrv.errors import FeedsrvError, UnavailableError
from feedsrv.model.feed import digest_of, mitigation_path
from feedsrv.publishing.audit import record
from feedsrv.publishing.ports import Shelf, Store, Work
from feedsrv.publishing.records import AuditEntry, Standing
from feedsrv.publishing.refusals import ShelfDamagedError
from feedsrv.publishing.trust_records import Stamp
from feedsrv.trust.timestamps import Token, signature_value, verify_token

VERB: Final = "time-stamp"
"""What the audit log calls it."""

log: Final = logging.getLogger(__name__)


class TimeStamper(Protocol):
    """A time-stamping authority."""

    def stamp(self, data: bytes) -> Token:
        """Have data stamped, and check the answer.

        Raises:
            FeedsrvError: the authority is away, or its answer proves nothing.
        """


def stamp_missing(
    store: Store, shelf: Shelf, stamper: TimeStamper, *, by: str, at: datetime
) -> tuple[str, ...]:
    """Stamp every standing mitigation that has no stamp yet; returns sentences on those that still have none.

    A refusal is told and logged, and changes nothing else.
    """
    with store.look() as work:
        missing = [one for one in work.revisions.standing() if work.stamps.get(one.published.digest) is None]
    told: list[str] = []
    for position, one in enumerate(missing):
        path = f"v1/{mitigation_path(one.mitigation.id, one.mitigation.revision)}"
        document = shelf.get(path)
        if document is None or digest_of(document) != one.published.digest:
            told.append(f"{one.mitigation} has no time-stamp: {path} is not on the shelf as it was published")
            continue
        try:
            token = stamper.stamp(signature_value(document))
        except FeedsrvError as refusal:
            fields = {"mitigation": str(one.mitigation), "code": refusal.code, "why": str(refusal)}
            log.warning("mitigation.not_stamped", extra=fields)
            if isinstance(refusal, UnavailableError):
                waiting = ", ".join(str(one.mitigation) for one in missing[position:])
                told.append(f"no time-stamp yet for {waiting} ({refusal}); the keeper tries again")
                break
            told.append(f"{one.mitigation} has no time-stamp: {refusal}")
        else:
            with store.begin() as work:
                _keep(work, one, token, by, at)
    return tuple(told)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a time-stamp in the audit log proves today."""

    subject: str
    """Such as `M0001 revision 2`."""
    at: datetime
    """When the authority saw the signature, by its own word."""
    authority: str
    refusal: FeedsrvError | None = None
    """Why it proves nothing; None where it holds."""


def prove_stamps(store: Store, shelf: Shelf, anchors: Sequence[x509.Certificate]) -> tuple[Proof, ...]:
    """Verify every time-stamp of the audit log over the document on the shelf; no network is asked."""
    with store.look() as work:
        entries = [one for one in work.audit.entries() if one.verb == VERB]
    return tuple(_prove(entry, shelf, anchors) for entry in entries)


def _prove(entry: AuditEntry, shelf: Shelf, anchors: Sequence[x509.Certificate]) -> Proof:
    said = Proof(entry.subject, from_text(entry.detail["stamped"]), entry.detail["authority"])
    mitigation_id, _, number = entry.subject.partition(" revision ")
    path = f"v1/{mitigation_path(mitigation_id, int(number))}"
    document = shelf.get(path)
    if document is None or digest_of(document) != entry.detail["document"]:
        return replace(said, refusal=ShelfDamagedError(f"{path} is not on the shelf as it was stamped"))
    try:
        token = verify_token(
            b64decode(entry.detail["token"]), signature_value(document), anchors, source=entry.subject
        )
    except FeedsrvError as refusal:
        return replace(said, refusal=refusal)
    # What the log says beside the token, whoever can write to the database could have written.
    return replace(said, at=token.at, authority=token.authority)


def _keep(work: Work, standing: Standing, token: Token, by: str, at: datetime) -> None:
    subject, digest = str(standing.mitigation), standing.published.digest
    if work.stamps.get(digest) is not None:
        return  # somebody else, at the same time
    work.stamps.save(Stamp(digest, subject, token.der, token.at, token.authority))
    record(
        work.audit,
        at,
        actor=by,
        verb=VERB,
        subject=subject,
        detail={
            "document": digest,
            "stamped": to_text(token.at),
            "authority": token.authority,
            # Whole, so that the log alone proves it to whoever has the document.
            "token": b64encode(token.der).decode("ascii"),
        },
    )
