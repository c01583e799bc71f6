"""The audit log: who did what, each entry chained to the one before by its hash.

A chain shows that nothing within it was changed, added or removed. That its newest entries were
not cut off shows only beside a hash that somebody wrote down elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from feedsrv.clock import to_text
from feedsrv.publishing.ports import AuditLog
from feedsrv.publishing.records import AuditEntry
from feedsrv.publishing.refusals import BrokenChainError

CLOCK_IS_RIGHT: Final = "clock.right"
"""Verb of the act by which somebody says that the clock was ahead before, and is right now."""
BEGINNING: Final = "0" * 64
"""What the first entry names as the hash before it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A log that holds together: how long it is, and the hash to write down elsewhere."""

    entries: int
    hash: str


def record(  # noqa: PLR0913 -- an act has a time, an actor, a verb, a subject and details
    log: AuditLog,
    at: datetime,
    *,
    actor: str,
    verb: str,
    subject: str,
    detail: Mapping[str, str] | None = None,
) -> AuditEntry:
    """Add an act to the log, chained to the newest entry."""
    last = log.last()
    unsealed = AuditEntry(
        seq=1 if last is None else last.seq + 1,
        at=at,
        actor=actor,
        verb=verb,
        subject=subject,
        previous=BEGINNING if last is None else last.hash,
        hash="",
        detail=detail or {},
    )
    sealed = replace(unsealed, hash=hash_of(unsealed))
    log.append(sealed)
    return sealed


def hash_of(entry: AuditEntry) -> str:
    """SHA-256 over everything an entry says, the hash before it included, as JSON with sorted keys."""
    said = {
        "seq": entry.seq,
        "at": to_text(entry.at),
        "actor": entry.actor,
        "verb": entry.verb,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous": entry.previous,
    }
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def verify_chain(entries: Iterable[AuditEntry]) -> Chain:
    """Follow the whole chain from its beginning.

    Raises:
        BrokenChainError: an entry was changed, added, removed or moved; the message names it.
    """
    count, newest = 0, BEGINNING
    for entry in entries:
        if entry.seq != count + 1:
            raise BrokenChainError(
                f"entry {count + 1} of the audit log is missing: entry {entry.seq} stands in its place. "
                "Restore the database from a backup and look for who changed it"
            )
        if entry.previous != newest or entry.hash != hash_of(entry):
            raise BrokenChainError(
                f"entry {entry.seq} of the audit log ({entry.verb} {entry.subject}, by {entry.actor}) is not "
                "what was written. Restore the database from a backup and look for who changed it"
            )
        count, newest = entry.seq, entry.hash
    return Chain(count, newest)
