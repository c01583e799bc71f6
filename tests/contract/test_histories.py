"""What was published and done, page by page, and updates that come to nothing: what every store promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.model.build import Build
from feedsrv.publishing.audit import record
from feedsrv.publishing.ports import Store
from feedsrv.publishing.records import Update, VersionState
from tests.contract.test_lists import AT, keep, out
from tests.contract.test_stores import head
from tests.publisher import PRODUCT, cumulative_update


class TestAbsurdNumbers:
    """Addresses that somebody typed."""

    @pytest.mark.parametrize("number", [0, -1, 2**63, 10**40, -(10**40)])
    def test_numbers_that_no_database_counts_find_nothing(self, store: Store, number: int) -> None:
        """Neither a revision nor a version, and no trouble."""
        keep(store, out("M0001"))
        with store.begin() as work:
            work.feeds.move(head(1), at=AT)
            record(work.audit, AT, actor="anna", verb="import", subject="M0001")

        with store.look() as work:
            assert work.revisions.get("M0001", number) is None
            assert work.feeds.version("exchange-2019", "production", number) is None
            found = work.feeds.page("exchange-2019", "production", before=number, limit=9)
            assert len(found) == len(work.audit.page(before=number, limit=9)) == (number > 1)


class TestUpdates:
    """Updates that come to nothing."""

    def test_an_update_can_be_forgotten(self, store: Store) -> None:
        """That one alone; forgetting it twice changes nothing."""
        first, second = (Update(cumulative_update(build)) for build in ("15.2.1900.1", "15.2.1900.2"))
        with store.begin() as work:
            work.updates.save(first)
            work.updates.save(second)

        with store.begin() as work:
            work.updates.remove(PRODUCT, Build.parse("15.2.1900.1"))
            work.updates.remove(PRODUCT, Build.parse("15.2.1900.1"))

        with store.look() as work:
            assert work.updates.all() == (second,)


class TestFeedVersions:
    """The history of one feed."""

    def test_versions_come_page_by_page_newest_first(self, store: Store) -> None:
        """Burnt numbers, too; other feeds do not mix in."""
        with store.begin() as work:
            work.feeds.move(head(1), at=AT)
            work.feeds.burn("exchange-2019", "production", 2, at=AT)
            work.feeds.move(head(3), at=AT)
            work.feeds.move(head(9, "preview"), at=AT)

        with store.look() as work:
            first = work.feeds.page("exchange-2019", "production", before=None, limit=2)
            second = work.feeds.page("exchange-2019", "production", before=2, limit=2)
            assert [(one.number, one.state) for one in (*first, *second)] == [
                (3, VersionState.PUBLISHED),
                (2, VersionState.BURNT),
                (1, VersionState.PUBLISHED),
            ]
            assert work.feeds.version("exchange-2019", "production", 3) == first[0]
            assert work.feeds.version("exchange-2019", "production", 9) is None
            assert work.feeds.page("exchange-2019", "other", before=None, limit=2) == ()


class TestAudit:
    """The audit log, page by page."""

    @pytest.fixture
    def told(self, store: Store) -> Store:
        """A store with six entries."""
        acts = [
            ("anna", "import", "M0001 revision 1"),
            ("ben", "approve", "M0001 revision 1"),
            ("anna", "import", "M00010"),
            ("anna", "register", "exchange-2019 15.2.1900.1"),
            ("carl", "publish", "publication 1"),
            ("anna", "import", "M0001"),
        ]
        with store.begin() as work:
            for number, (actor, verb, subject) in enumerate(acts):
                record(work.audit, AT + timedelta(hours=number // 2), actor=actor, verb=verb, subject=subject)
        return store

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, [6, 5, 4, 3, 2, 1]),
            ({"before": 3}, [2, 1]),
            ({"limit": 2}, [6, 5]),
            ({"actor": "anna"}, [6, 4, 3, 1]),
            ({"verb": "import", "before": 6, "limit": 1}, [3]),
            ({"subject": "M0001"}, [6, 2, 1]),
            ({"subject": "M0001 revision 1", "actor": "ben"}, [2]),
            ({"subject": "exchange-2019"}, [4]),
            ({"subject": "M000"}, []),
            ({"subject": "%"}, []),
            ({"actor": "dora"}, []),
        ],
    )
    def test_entries_are_found(self, told: Store, asked: dict[str, object], found: list[int]) -> None:
        """Newest first, by who, what and about what; a subject by its first whole words."""
        with told.look() as work:
            entries = work.audit.page(**{"before": None, "limit": 9} | asked)  # type: ignore[arg-type]

            assert [one.seq for one in entries] == found
            assert all(one in work.audit.entries() for one in entries)

    def test_what_was_done_at_a_moment_is_found(self, told: Store) -> None:
        """At any of several; in order."""
        with told.look() as work:
            found = work.audit.at({AT, AT + timedelta(hours=2)})
            assert [one.seq for one in found] == [1, 2, 5, 6]
            assert work.audit.at(set()) == ()
            assert found[0] == work.audit.entries()[0]
