"""Feeds and files: fresh, complete, as they were published, and believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from feedsrv.publishing.watching.results import NEITHER, Grade, Result
from feedsrv.publishing.watching.seen import CurrentSeen, RefusedDocument, Seen, ShelfSeen
from feedsrv.publishing.watching.words import moment, span
from feedsrv.trust.profile import Kind

OVERDUE: Final = "feed.overdue"
UNFINISHED: Final = "publication.unfinished"
ASTRAY: Final = "shelf.astray"
REFUSED: Final = "document.refused"
MOST_NAMED: Final = 20
"""Files that are named one by one; a disk that lost thousands is one trouble."""
_MITIGATIONS: Final = frozenset({Kind.MITIGATION})
_UNDER_WAY: Final = timedelta(minutes=10)
_GRACE: Final = timedelta(minutes=1)
_REFRESH: Final = (
    "See why the keeper does not run or is refused; `feedsrv feed refresh` signs it anew at once"
)


def feeds_are_overdue(seen: Seen) -> Iterator[Result]:
    """One result a feed; the value is the seconds until it expires, negative afterwards."""
    heads = seen.shelf.heads if seen.shelf is not None else ()
    if seen.shelf is not None and not heads:
        yield Result(
            OVERDUE,
            "",
            Grade.WARNING,
            "no feed has been published yet",
            "Approve a mitigation, then `feedsrv feed publish`",
        )
    for head in heads:
        feed = head.feed
        left = feed.expires - seen.at
        refresh = feed.issued + (feed.expires - feed.issued) / 3
        grade, remedy = Grade.OK, ""
        sentence = f"feed {head.name} version {feed.version} is fresh until {moment(feed.expires)}"
        if left <= timedelta(0):
            grade, remedy = Grade.CRITICAL, _REFRESH
            sentence = (
                f"feed {head.name} version {feed.version} expired on {moment(feed.expires)}, {span(left)} "
                "ago: agents keep what they have applied and take nothing new"
            )
        elif seen.at > refresh + seen.spans.keeper_interval + _GRACE:
            grade, remedy = Grade.WARNING, _REFRESH
            sentence = (
                f"feed {head.name} version {feed.version} was to be signed anew on {moment(refresh)}, and "
                f"was not; it expires in {span(left)}"
            )
        yield Result(OVERDUE, head.name, grade, sentence, remedy, left.total_seconds())


def publications_are_unfinished(seen: Seen) -> Iterator[Result]:
    """A publication that was begun and is not done."""
    begun = None if seen.store is None else seen.store.begun
    if begun is not None and not _is_under_way(seen):
        yield Result(
            UNFINISHED,
            "",
            Grade.WARNING,
            f"publication {begun.number} by {begun.by}, begun on {moment(begun.begun)}, was cut short",
            "The next `feedsrv feed publish` or the keeper finishes or clears it, and says which",
        )
    else:
        yield Result(UNFINISHED, "", Grade.OK, "no publication was cut short")


def _is_under_way(seen: Seen) -> bool:
    begun = None if seen.store is None else seen.store.begun
    return begun is not None and seen.at - begun.begun <= _UNDER_WAY


def shelf_is_astray(seen: Seen) -> Iterator[Result]:
    """Files that are not there as they were published, each by its path."""
    shelf = seen.shelf
    if shelf is None:
        return
    found = [*_currents(shelf, seen), *_mitigations(shelf), *_trust_files(shelf)]
    yield from found[:MOST_NAMED]
    if len(found) > MOST_NAMED:
        yield Result(
            ASTRAY,
            "others",
            max(one.grade for one in found[MOST_NAMED:]),
            f"{len(found) - MOST_NAMED} further files are not on the shelf as they were published",
            "Restore the shelf from a backup",
        )
    if not found:
        yield Result(
            ASTRAY,
            "",
            Grade.OK,
            f"{len(shelf.currents)} current feeds and {shelf.mitigations} listed mitigations lie on the "
            "shelf as they were published",
        )


def _currents(shelf: ShelfSeen, seen: Seen) -> Iterator[Result]:
    for one in shelf.currents:
        if one.current.is_right and one.kept.is_right:
            continue
        if _is_under_way(seen):
            yield Result(ASTRAY, one.name, Grade.WARNING, f"feed {one.name} is being published", "Look again")
        elif not one.current.is_right:
            yield _current(one)
        else:
            yield Result(
                ASTRAY,
                one.name,
                Grade.CRITICAL,
                f"{one.kept.path} {_is(one.kept.found)}, and never changes; the current feed is as it was "
                "published",
                "Restore that file from a backup, and find out what changed it",
            )


def _current(one: CurrentSeen) -> Result:
    return Result(
        ASTRAY,
        one.name,
        Grade.CRITICAL,
        f"{one.current.path} {_is(one.current.found)}, and should be version {one.version}",
        "The next `feedsrv feed publish` or the keeper puts it right; find out what changed it",
    )


def _mitigations(shelf: ShelfSeen) -> Iterator[Result]:
    for file in shelf.astray:
        yield Result(
            ASTRAY,
            file.path,
            Grade.CRITICAL,
            f"{file.path} {_is(file.found)}: agents that do not hold it yet go without it",
            "Restore that file from a backup",
        )


def _trust_files(shelf: ShelfSeen) -> Iterator[Result]:
    for path in shelf.other_files:
        yield Result(
            ASTRAY,
            path,
            Grade.WARNING,
            f"{path} on the shelf is not what is in force",
            "The next `feedsrv feed publish` or the keeper puts it there",
        )


def _is(found: str | None) -> str:
    return "is not on the shelf" if found is None else "is on the shelf with other bytes"


def _remedy(one: RefusedDocument) -> str:
    if one.is_about_trust:
        return (
            "Put back the anchor, the organisation or the usage that it was signed under, and drop it only "
            "once nothing that is listed needs it"
        )
    if one.code.startswith("trust.crl"):
        return "Put the revocation list right, as `crl.ends` says"
    if one.is_feed:
        return "Sign it anew with `feedsrv feed refresh --force`, by a key that agents believe"
    return "Publish a new revision, which is signed by the key of today"


def documents_are_refused(seen: Seen) -> Iterator[Result]:
    """Documents that an agent would refuse under the policy in force, each by its path."""
    shelf = seen.shelf
    if shelf is None or seen.trust is None:
        return
    for one in shelf.refused[:MOST_NAMED]:
        grade = Grade.CRITICAL if one.is_active else Grade.WARNING
        yield Result(
            REFUSED,
            one.path,
            grade,
            f"an agent would refuse {one.path} [{one.code}]: {one.sentence.rstrip('.')}",
            _remedy(one),
            stops=_MITIGATIONS if grade is Grade.CRITICAL and one.is_about_trust else NEITHER,
        )
    if len(shelf.refused) > MOST_NAMED:
        left = shelf.refused[MOST_NAMED:]
        grade = Grade.CRITICAL if any(one.is_active for one in left) else Grade.WARNING
        yield Result(
            REFUSED,
            "others",
            grade,
            f"an agent would refuse {len(left)} further documents",
            "As for those named",
        )
    if not shelf.refused:
        yield Result(
            REFUSED, "", Grade.OK, f"{shelf.opened} documents were opened as an agent would, and believed"
        )
