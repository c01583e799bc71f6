from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from feedsrv.web.api import audit, notices
from feedsrv.web.api.paging import Paged
from tests.programs import Program, Programs, said
from tests.publisher import written


class TestPages:
    """Lists come a page at a time, and each page names the next."""

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 200])
    def test_every_mitigation_comes_once(self, programs: Programs, limit: int) -> None:
        """In order of id, however large the pages are."""
        anna = self.with_five(programs)

        found = walked(anna, f"/mitigations?limit={limit}")

        assert [one["id"] for one in found] == ["M0001", "M0002", "M0003", "M0004", "M0005"]

    def test_filters_hold_on_every_page(self, programs: Programs) -> None:
        """By stage, by channel, by severity and by a part of the title."""
        anna = self.with_five(programs)
        said(anna.act("M0002/submit"))
        said(anna.act("M0005/submit"))

        assert [one["id"] for one in walked(anna, "/mitigations?limit=1&stage=in%20review")] == [
            "M0002",
            "M0005",
        ]
        assert walked(anna, "/mitigations?channel=test") == []
        assert len(walked(anna, "/mitigations?severity=high&search=no%20way")) == 5

    def test_the_audit_log_comes_newest_first(self, programs: Programs) -> None:
        """Every entry once, and by who did what."""
        anna = self.with_five(programs)
        olga = programs.client("olga", "auditor")

        found = walked(olga, "/audit?limit=2")

        assert [one["seq"] for one in found] == list(range(len(found), 0, -1))
        assert len(walked(olga, "/audit?verb=import&actor=anna&subject=M0001")) == 1
        assert said(olga.get("/audit/verify"))["entries"] == len(found)
        assert said(anna.get("/audit"), 403)["code"] == "access.missing_role"

    def test_notices_come_newest_first(self, programs: Programs) -> None:
        """As people see them."""
        anna = self.with_five(programs)
        for mitigation_id in ("M0001", "M0002", "M0003"):
            said(anna.act(f"{mitigation_id}/submit"))

        found = walked(anna, "/notices?limit=1")

        numbers = [one["number"] for one in found]
        assert numbers == sorted(numbers, reverse=True)
        assert [one["kind"] for one in found].count("mitigation.submitted") == 3

    def test_a_page_costs_the_same_however_deep_it_lies(self, tmp_path: Path) -> None:
        """As many questions to the database for the last page as for the first, on every list."""
        programs = Programs.on_disk(tmp_path)
        self.with_five(programs)
        otto = programs.client("otto", "author", "auditor")
        said(otto.get("/me"))

        for path in ("/mitigations?limit=1", "/audit?limit=1", "/notices?limit=1"):
            costs = [self.cost(otto, path)]
            page = said(otto.get(path))
            while page["next"] is not None:
                following = f"{path}&cursor={page['next']}"
                costs.append(self.cost(otto, following))
                page = said(otto.get(following))

            assert len(costs) >= 2, path
            assert len(set(costs)) == 1, (path, costs)

    @pytest.mark.parametrize("turned", ["cut", "grown", "changed", "made", "other list", "other filter"])
    def test_a_cursor_that_was_tampered_with_is_refused(self, programs: Programs, turned: str) -> None:
        """400: no page is made of what somebody else made up."""
        anna = self.with_five(programs)
        cursor = said(anna.get("/mitigations?limit=2"))["next"]
        other = said(anna.get("/notices?limit=1"))["next"]
        path = {
            "cut": f"/mitigations?cursor={cursor[:-1]}",
            "grown": f"/mitigations?cursor={cursor}A",
            "changed": f"/mitigations?cursor={'B' if cursor[0] == 'A' else 'A'}{cursor[1:]}",
            "made": f"/mitigations?cursor={base64.urlsafe_b64encode(b'M0002').decode()}",
            "other list": f"/mitigations?cursor={other}",
            "other filter": f"/mitigations?severity=high&cursor={cursor}",
        }[turned]

        assert said(anna.get(path), 400)["code"] == "api.bad_cursor"

    @pytest.mark.parametrize("after", ["", "x", "-1", "1e5", " 1", "\u0663", "9" * 30])
    @pytest.mark.parametrize(
        ("path", "listed", "filters"),
        [
            ("/notices", notices.TAG, Paged()),
            ("/audit", audit.TAG, audit.AuditFilters()),
            ("/feeds/exchange-2019/production/versions", "feeds exchange-2019 production", Paged()),
        ],
        ids=["notices", "audit", "versions"],
    )
    def test_a_cursor_of_somebodys_own_making_says_a_number_or_nothing(
        self, programs: Programs, path: str, listed: str, filters: Paged, after: str
    ) -> None:
        """Whoever reads the source can make one; nothing breaks by it."""
        olga = programs.client("olga", "auditor")
        cursor = filters.cursor_after(listed, after)

        answer = olga.get(f"{path}?cursor={cursor}")

        assert said(answer, 400)["code"] == "api.bad_cursor"

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=1_0",
            "limit=%201",
            "limit=x",
            "limt=5",
            "stage=gone",
            "cursor=",
        ],
    )
    def test_a_query_that_is_no_such_is_refused(self, programs: Programs, query: str) -> None:
        """422, a mistyped name included."""
        anna = programs.client("anna", "author")

        assert said(anna.get(f"/mitigations?{query}"), 422)["code"] == "api.bad_shape"

    def cost(self, program: Program, path: str) -> int:
        """How many questions to the database a page takes."""
        with counted() as asked:
            said(program.get(path))
        return len(asked)

    def with_five(self, programs: Programs) -> Program:
        """Five mitigations, and who wrote them."""
        anna = programs.client("anna", "author")
        for number in range(1, 6):
            said(anna.send("/documents", written(f"M000{number}")), 201)
        return anna


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every question to a database while the block lasts."""
    asked: list[str] = []

    def ask(*told: Any) -> None:  # noqa: ANN401 -- as SQLAlchemy calls it
        asked.append(str(told[2]))

    event.listen(Engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", ask)


def walked(program: Program, path: str) -> list[dict[str, Any]]:
    """Everything that a list holds, page after page."""
    found: list[dict[str, Any]] = []
    page = said(program.get(path))
    found += page["items"]
    while page["next"] is not None:
        joint = "&" if "?" in path else "?"
        page = said(program.get(f"{path}{joint}cursor={page['next']}"))
        found += page["items"]
    return found
