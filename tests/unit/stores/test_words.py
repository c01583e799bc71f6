from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedsrv.codec.authoring import read_draft
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.feed import BadFeedError, Feed, Poll
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
        held: complex

    with pytest.raises(TypeError, match="no word"):
        to_json(Holder(1j))


def test_what_an_older_version_kept_is_read_with_the_defaults_of_what_was_added_since() -> None:
    """A feed that was kept before feeds had announcements has none; one that lacks more is damaged."""
    feed = sample_feed(AT)
    kept = json.loads(to_json(feed))
    old = kept[: [one.name for one in fields(Feed)].index("poll")]

    assert from_json(Feed, json.dumps(old)) == replace(feed, poll=Poll())
    for damaged in (old[:-1], [*kept, 1]):
        with pytest.raises(ValueError, match="fields"):
            from_json(Feed, json.dumps(damaged))


def test_bytes_survive() -> None:
    """Any of them, as base64."""

    @dataclass(frozen=True)
    class Holder:
        held: tuple[bytes, ...]

    word = Holder((bytes(range(256)), b""))

    assert from_json(Holder, to_json(word)) == word


def test_words_that_contradict_themselves_are_not_read() -> None:
    """Reading goes through the same checks as writing them down the first time."""
    text = to_json(sample_feed(AT)).replace('"exchange-2019"', '"../etc"', 1)

    with pytest.raises(BadFeedError):
        from_json(Feed, text)
