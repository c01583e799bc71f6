from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedsrv.codec.authoring import read_draft
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.feed import BadFeedError, Feed
from feedsrv.model.mitigation import Mitigation
from feedsrv.stores.words import from_json, to_json
from tests.pki import sample_feed
from tests.publisher import cumulative_update

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
CONTENT = sorted((Path(__file__).parents[3] / "mitigations").glob("[MP]*.xml"))


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_every_kind_of_mitigation_comes_back_as_it_was(path: Path) -> None:
    """All action kinds, conditions and ranges survive."""
    words = read_draft(path.read_bytes(), revision=1, issued=AT, source=path.name).mitigation

    assert from_json(Mitigation, to_json(words)) == words


def test_there_is_content_to_try() -> None:
    """The test above must not pass for want of files."""
    assert len(CONTENT) > 5


def test_feeds_and_updates_come_back_as_they_were() -> None:
    """Moments, spans, builds and states survive."""
    feed = sample_feed(AT)
    update = cumulative_update(needless=("M0001",))

    assert from_json(Feed, to_json(feed)) == feed
    assert from_json(CumulativeUpdate, to_json(update)) == update
    assert from_json(Build, to_json(update.build)) == update.build


def test_what_is_no_word_is_refused() -> None:
    """A type that would come back as another is never written."""

    @dataclass(frozen=True)
    class Holder:
        held: bytes

    with pytest.raises(TypeError, match="no word"):
        to_json(Holder(b"x"))


def test_words_that_contradict_themselves_are_not_read() -> None:
    """Reading goes through the same checks as writing them down the first time."""
    text = to_json(sample_feed(AT)).replace('"exchange-2019"', '"../etc"', 1)

    with pytest.raises(BadFeedError):
        from_json(Feed, text)
