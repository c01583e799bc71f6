"""Feeds and rollouts: what agents poll, and which of them go first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.model.feed import (
    DIGEST,
    BadFeedError,
    Entry,
    EntryState,
    Feed,
    digest_of,
    feed_path,
    mitigation_path,
)
from feedsrv.model.rollout import in_rollout
from tests import words
from tests.words import QUICK

AT: Final = datetime(2026, 5, 14, tzinfo=UTC)
ENTRIES: Final = tuple(
    Entry(identity, 1, EntryState.ACTIVE, digest_of(b""), 5000) for identity in ("M0001", "M0002", "PING1")
)
GOOD: Final = Feed("exchange-2019", "production", 1, AT, AT + timedelta(days=2), None, ENTRIES)

BAD: Final[tuple[dict[str, object], ...]] = (
    {"product": "Exchange"},
    {"product": "../exchange"},
    {"channel": "a/b"},
    {"version": 0},
    {"expires": AT},
    {"entries": ENTRIES[::-1]},
    {"entries": (ENTRIES[0], ENTRIES[0])},
)


@pytest.mark.parametrize("changes", BAD)
def test_a_contradiction_cannot_be_made(changes: dict[str, object]) -> None:
    """Nor a feed whose name would lead out of its folder."""
    with pytest.raises(BadFeedError) as refused:
        replace(GOOD, **changes)  # type: ignore[arg-type]  # any field

    assert refused.value.code == "feed.contradiction"


def test_an_entry_is_found_by_its_id() -> None:
    """Or it is not there."""
    assert GOOD.entry("M0002") is ENTRIES[1]
    assert GOOD.entry("M0003") is None


def test_documents_lie_where_their_names_say() -> None:
    """Paths are made from checked names alone."""
    assert ENTRIES[2].href == mitigation_path("PING1", 1) == "mitigations/PING1/1.xml"
    assert feed_path("sfb-2019", "preview", 3) == "feeds/sfb-2019/preview/3.xml"
    with pytest.raises(BadFeedError):
        mitigation_path("../../etc", 1)


@QUICK
@given(st.binary(max_size=50))
def test_a_digest_has_its_form_whatever_the_bytes(document: bytes) -> None:
    """Always 50 characters that need no escaping anywhere."""
    assert DIGEST.fullmatch(digest_of(document))


@QUICK
@given(words.mitigation_ids(), st.text(), st.integers(0, 100), st.integers(0, 100))
def test_whoever_is_reached_early_stays_reached(mitigation: str, device: str, one: int, other: int) -> None:
    """A rollout only ever grows; nobody is in at 0 percent, everybody at 100."""
    low, high = sorted((one, other))

    assert in_rollout(mitigation, device, high) >= in_rollout(mitigation, device, low)
    assert not in_rollout(mitigation, device, 0)
    assert in_rollout(mitigation, device, 100)


def test_a_rollout_reaches_about_its_share_of_a_fleet() -> None:
    """And another share for another mitigation, so that no server is always the first."""
    fleet = [f"device-{number}" for number in range(5000)]

    first = {device for device in fleet if in_rollout("M0001", device, 10)}
    second = {device for device in fleet if in_rollout("M0002", device, 10)}

    assert 400 < len(first) < 600
    assert 400 < len(second) < 600
    assert len(first & second) < 100
