from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from feedsrv.publishing.audit import BEGINNING, Chain, hash_of, record, verify_chain
from feedsrv.publishing.records import AuditEntry
from feedsrv.publishing.refusals import BrokenChainError
from feedsrv.stores.memory import MemoryAuditLog

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)


@pytest.fixture
def entries() -> list[AuditEntry]:
    """Three acts in one log."""
    log = MemoryAuditLog()
    for verb in ("import", "submit", "approve"):
        record(log, AT, actor="anna", verb=verb, subject="M0001 revision 1", detail={"digest": "x"})
    return log.kept


def test_a_log_that_nobody_touched_holds_together(entries: list[AuditEntry]) -> None:
    """Its length and newest hash are what to write down elsewhere."""
    assert verify_chain(entries) == Chain(3, entries[-1].hash)
    assert verify_chain([]) == Chain(0, BEGINNING)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "eve"},
        {"verb": "return"},
        {"subject": "M0002 revision 1"},
        {"at": datetime(2026, 5, 14, 12, 31, tzinfo=UTC)},
        {"detail": {"digest": "y"}},
        {"hash": "f" * 64},
        {"previous": "f" * 64},
    ],
)
def test_every_word_of_an_entry_is_bound(entries: list[AuditEntry], change: dict[str, object]) -> None:
    """Whatever is changed, the entry is named."""
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type] # each is a field of its own type

    with pytest.raises(BrokenChainError, match="entry 2 of the audit log"):
        verify_chain(entries)


def test_an_entry_that_is_sealed_anew_breaks_the_one_after_it(entries: list[AuditEntry]) -> None:
    """Whoever changes one entry must change all that follow."""
    forged = replace(entries[1], actor="eve")
    entries[1] = replace(forged, hash=hash_of(forged))

    with pytest.raises(BrokenChainError, match="entry 3 of the audit log"):
        verify_chain(entries)


def test_a_missing_entry_is_noticed(entries: list[AuditEntry]) -> None:
    """Numbers leave no gap."""
    del entries[1]

    with pytest.raises(BrokenChainError, match="entry 2 of the audit log is missing"):
        verify_chain(entries)


def test_entries_that_change_places_are_noticed(entries: list[AuditEntry]) -> None:
    """Order is part of what was written."""
    with pytest.raises(BrokenChainError):
        verify_chain([entries[1], entries[0], entries[2]])


def test_the_hash_is_one_that_others_can_compute() -> None:
    """SHA-256 over JSON with sorted keys and no spaces; this very value, from sha256sum, is a promise."""
    log = MemoryAuditLog()

    entry = record(log, AT, actor="änna", verb="import", subject="M0001", detail={"b": "1", "a": "2"})

    assert entry.hash == "0754f8a025b436c6517ee3f934bd3874cec809d1b4125fffd2579a5c239376bd"
