"""Feeds that are late, files that are not what was published, documents that nobody believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from feedsrv.model.feed import digest_of
from feedsrv.publishing.records import Intent, IntentState
from feedsrv.publishing.watching.published import MOST_NAMED
from feedsrv.publishing.watching.results import NEITHER, Grade
from feedsrv.publishing.watching.seen import FileSeen, RefusedDocument, Seen, StoreSeen
from feedsrv.trust.profile import Kind
from tests.unit.publishing.watching.seeing import AT, FEED, act, current, head, of, shelf, well, worst_of

OTHER = digest_of(b"something else")
PATH = "v1/mitigations/M0001/2.xml"


def begun(ago: timedelta) -> StoreSeen:
    """A publication that was begun and is not done."""
    return StoreSeen((head(),), act(AT), Intent(3, AT - ago, "paula", IntentState.OPEN))


def refused(number: int = 1, *, active: bool = True, about_trust: bool = False) -> RefusedDocument:
    """A mitigation that an agent would refuse."""
    path = f"v1/mitigations/M{number:04}/1.xml"
    return RefusedDocument(path, "trust.anchor_unknown", f"{path}: why.", active, about_trust)


@pytest.mark.parametrize(
    ("age", "grade"),
    [
        (timedelta(hours=24, minutes=5), Grade.OK),
        (timedelta(hours=24, minutes=7), Grade.WARNING),
        (timedelta(hours=72), Grade.CRITICAL),
    ],
)
def test_a_feed_is_late_after_a_third_of_its_life_and_a_look_of_the_keeper(
    age: timedelta, grade: Grade
) -> None:
    """Three days of life, five minutes between two looks, one of grace; publishing cures it."""
    issued = AT - age
    seen = well(shelf=shelf(head(issued=issued, expires=issued + timedelta(days=3))))

    found = worst_of("feed.overdue", seen)

    assert found.subject == FEED
    assert found.grade is grade
    assert found.stops == NEITHER
    assert found.value == (timedelta(days=3) - age).total_seconds()


def test_before_the_first_publication_that_is_said() -> None:
    """Agents get nothing, and somebody should know."""
    found = worst_of("feed.overdue", well(shelf=shelf()))

    assert found.grade is Grade.WARNING
    assert found.sentence == "no feed has been published yet"


def test_a_publication_that_was_cut_short_is_told_after_a_while() -> None:
    """One that is under way is nothing to tell."""
    assert worst_of("publication.unfinished", well(store=begun(timedelta(minutes=9)))).grade is Grade.OK
    assert worst_of("publication.unfinished", well(store=begun(timedelta(minutes=11)))).grade is Grade.WARNING


def test_what_lies_there_as_it_was_published_is_counted() -> None:
    """One sentence for all of it."""
    found = worst_of("shelf.astray", well())

    assert found.grade is Grade.OK
    assert (
        found.sentence == "1 current feeds and 2 listed mitigations lie on the shelf as they were published"
    )


@pytest.mark.parametrize(
    ("found", "kept", "said"),
    [
        (None, "the same", f"v1/feeds/{FEED}.xml is not on the shelf, and should be version 7"),
        (OTHER, "the same", f"v1/feeds/{FEED}.xml is on the shelf with other bytes"),
        ("the same", OTHER, f"v1/feeds/{FEED}/7.xml is on the shelf with other bytes, and never changes"),
        ("the same", None, f"v1/feeds/{FEED}/7.xml is not on the shelf"),
    ],
)
def test_a_feed_that_is_not_there_as_published_is_critical_and_stops_nothing(
    found: str | None, kept: str | None, said: str
) -> None:
    """The file is named. Publishing puts a current feed back; a new protection waits for neither."""
    seen = well(shelf=shelf(head(), currents=(current(head(), found=found, kept=kept),)))

    result = worst_of("shelf.astray", seen)

    assert result.subject == FEED
    assert result.grade is Grade.CRITICAL
    assert result.sentence.startswith(said)
    assert result.stops == NEITHER


def test_while_something_is_being_published_a_differing_feed_is_no_alarm() -> None:
    """Files are exchanged a moment before the database knows."""
    differing = shelf(head(), currents=(current(head(), found=OTHER),))

    found = worst_of("shelf.astray", well(shelf=differing, store=begun(timedelta(seconds=2))))

    assert found.grade is Grade.WARNING


def test_a_lost_mitigation_is_named_by_its_path() -> None:
    """A backup alone brings it back."""
    found = worst_of("shelf.astray", well(shelf=shelf(head(), astray=(FileSeen(PATH, OTHER, None),))))

    assert found.subject == PATH
    assert found.grade is Grade.CRITICAL
    assert found.stops == NEITHER
    assert "backup" in found.remedy


def test_a_file_of_trust_that_is_not_in_force_is_warned_of() -> None:
    """The next look of the keeper puts it there."""
    found = worst_of("shelf.astray", well(shelf=shelf(head(), other_files=("v1/trust/anchors.pem",))))

    assert found.grade is Grade.WARNING
    assert found.subject == "v1/trust/anchors.pem"


def test_a_disk_that_lost_thousands_is_told_in_some_lines() -> None:
    """Some are named, the rest are counted."""
    lost = tuple(FileSeen(f"v1/mitigations/M{one:04}/1.xml", OTHER, None) for one in range(1, 1001))

    results = of("shelf.astray", well(shelf=shelf(head(), astray=lost)))

    assert len(results) == MOST_NAMED + 1
    assert results["others"].sentence.startswith(f"{1000 - MOST_NAMED} further files")


def test_a_document_signed_under_a_dropped_anchor_stops_mitigations() -> None:
    """Published on, those agents would lose what they have; feeds go on."""
    seen = well(shelf=shelf(head(), refused=(refused(about_trust=True),)))

    found = worst_of("document.refused", seen)

    assert found.grade is Grade.CRITICAL
    assert found.stops == {Kind.MITIGATION}
    assert found.remedy.startswith("Put back the anchor")
    assert "[trust.anchor_unknown]" in found.sentence


def test_a_document_whose_signer_has_ended_stops_nothing() -> None:
    """A new revision is its cure, and that is a publication."""
    found = worst_of("document.refused", well(shelf=shelf(head(), refused=(refused(),))))

    assert found.grade is Grade.CRITICAL
    assert found.stops == NEITHER
    assert "Publish a new revision" in found.remedy


def test_a_refused_feed_is_signed_anew_and_has_no_revisions() -> None:
    """At three in the morning, the remedy is the command that helps."""
    document = replace(refused(), path=f"v1/feeds/{FEED}.xml", is_feed=True)

    found = worst_of("document.refused", well(shelf=shelf(head(), refused=(document,))))

    assert "feedsrv feed refresh --force" in found.remedy
    assert "revision" not in found.remedy


def test_a_withdrawn_mitigation_that_is_refused_is_a_warning() -> None:
    """Nothing is applied for it any more."""
    seen: Seen = well(shelf=shelf(head(), refused=(refused(active=False, about_trust=True),)))

    found = worst_of("document.refused", seen)

    assert found.grade is Grade.WARNING
    assert found.stops == NEITHER


def test_the_rest_of_many_refused_documents_is_as_bad_as_its_worst() -> None:
    """Counted, not forgotten."""
    many = tuple(refused(one, active=one == 40) for one in range(1, 41))

    results = of("document.refused", well(shelf=shelf(head(), refused=many)))

    assert results["others"].grade is Grade.CRITICAL
    assert results["others"].sentence == f"an agent would refuse {40 - MOST_NAMED} further documents"
