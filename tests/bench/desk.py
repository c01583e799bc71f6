"""What people and programs wait for at a desk with 2,000 mitigations of 20 revisions each.

`python -m tests.bench.desk` prints a table: the server's time for each page, through the whole private
application on SQLite, beside the same with a tenth of the history. Then the lists of the API, at their end
beside their beginning; the rules for one revision among all of them beside the same revision alone; and the
differences of two documents of a hundred kilobytes: usual ones, and such as make a diff slow.

Pages and differences are counted in time of the processor, so that other work on this machine does not count.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from werkzeug.test import TestResponse

from feedsrv.model.action import AbortRequest, Condition, InboundRule, Place, Scope, UrlRewrite
from feedsrv.model.lifecycle import Role
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.comparing import compare
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.records import Revision
from feedsrv.stores.sql import SqlStore
from tests.bench.rounds import medians
from tests.desk import AT
from tests.full_desk import document, fill
from tests.pki import sample_mitigation
from tests.programs import Program, Programs, said

MITIGATIONS: Final = 2_000
REVISIONS: Final = 20
FEW_REVISIONS: Final = 2
ROUNDS: Final = 11

PAGES: Final = (
    "/",
    "/mitigations",
    "/mitigations?after=M1900",
    "/mitigations?stage=in+review",
    "/mitigations?search=nothing+of+that",
    "/mitigations/M0500",
    "/mitigations/M0500/2",
    "/mitigations/M0500/diff",
    "/mitigations/M0500/edit",
    "/mitigations/new",
    "/publish",
    "/feeds",
    "/catalogue",
    "/rollout",
    "/audit",
    "/audit?actor=nobody",
    "/notices",
    "/people",
    "/tokens",
    "/keys",
)
LISTS: Final = ("/mitigations?limit=50", "/mitigations?limit=50&search=way", "/audit?limit=50")


@dataclass(frozen=True)
class Goal:
    """What a measurement may be at most; None where that is shown for its own sake."""

    seconds: float | None
    ratio: float | None

    def is_missed(self, seconds: float, ratio: float) -> bool:
        """True where it takes too long, or grows too much."""
        takes_too_long = self.seconds is not None and seconds > self.seconds
        return takes_too_long or (self.ratio is not None and ratio > self.ratio)

    def __str__(self) -> str:
        said = [] if self.seconds is None else [f"{self.seconds * 1000:.0f} ms"]
        said += [] if self.ratio is None else [f"{self.ratio:.1f} x"]
        return f"at most {' and '.join(said)}"


PAGE: Final = Goal(0.150, 3.0)
API_LIST: Final = Goal(0.150, 2.0)
RULES: Final = Goal(None, 3.0)
DIFFERENCE: Final = Goal(0.050, None)


@dataclass(frozen=True)
class Line:
    """One measurement beside what it is held against."""

    name: str
    seconds: float
    baseline_seconds: float
    goal: Goal

    @property
    def is_missed(self) -> bool:
        """True where the goal was missed."""
        return self.goal.is_missed(self.seconds, self.seconds / self.baseline_seconds)

    def __str__(self) -> str:
        return (
            f"{self.name:<52} {self.seconds * 1000:>7.1f} ms  {self.seconds / self.baseline_seconds:>5.2f} x "
            f"{self.baseline_seconds * 1000:.1f} ms, {self.goal}: {'MISSED' if self.is_missed else 'ok'}"
        )


def desk_of(folder: Path, *, mitigations: int = MITIGATIONS, revisions: int) -> Programs:
    """A desk with that many mitigations of so many revisions, and one more in review."""
    folder.mkdir()
    made = Programs.on_disk(folder)
    house = made.surface.house
    assert isinstance(house.store, SqlStore)
    fill(house.store, mitigations=mitigations, revisions=revisions, at=AT - timedelta(days=1))
    house.workflow.import_mitigation(document("M0500", 99), source="bench.xml", by="anna")
    house.workflow.submit("M0500", by="anna")
    return made


def pages(few: Programs, many: Programs) -> Iterator[Line]:
    """The console's pages, as somebody sees them who may do everything, beside a tenth of the history."""
    old, new = (one.surface.client("ben", *Role) for one in (few, many))
    for path in PAGES:
        yield _line(
            path,
            partial(_answered, partial(new.get, path)),
            partial(_answered, partial(old.get, path)),
            PAGE,
        )


def lists(many: Programs) -> Iterator[Line]:
    """The API's lists, at their end beside their beginning."""
    program = many.client("ben", *Role)
    for path in LISTS:
        deep = f"{path}&cursor={_cursor_near_the_end(program, path)}"
        yield _line(
            f"API: the end of {path}",
            partial(_answered, partial(program.get, deep)),
            partial(_answered, partial(program.get, path)),
            API_LIST,
        )


def judging(alone: Programs, many: Programs) -> Iterator[Line]:
    """The rules for one revision in review; alone, it is the process that tries its samples."""
    one, among = (made.surface.house.workflow for made in (alone, many))
    yield _line(
        "the rules for one revision",
        partial(among.lint, "M0500"),
        partial(one.lint, "M0500"),
        RULES,
        perf_counter,
    )


def differences() -> Iterator[Line]:
    """Two large documents beside two small ones."""
    small = large(2, 0), large(2, 1)
    old, new = large(70, 0), large(70, 1)
    same = b"<Condition/>\n" * 8_000, b"<Rule/>\n" + b"<Condition/>\n</Rule>\n" * 5_000
    hostile = replace(old, unsigned=same[0]), replace(new, unsigned=same[1])
    for name, pair in (("as people write them", (old, new)), ("one line over and over", hostile)):
        yield _line(
            f"difference of {len(pair[1].unsigned) // 1000} kB, {name}",
            partial(compare, *pair),
            partial(compare, *small),
            DIFFERENCE,
        )


def large(rules: int, wording: int) -> Revision:
    """A mitigation of that many rules with eight conditions each; a wording changes every third rule."""
    actions = tuple(
        UrlRewrite(
            f"A{number}",
            f"rule {number}",
            Place(Scope.SITE, "Default Web Site"),
            InboundRule(
                ".*",
                AbortRequest(),
                conditions=tuple(
                    Condition(
                        "{UrlDecode:{REQUEST_URI}}",
                        f"/way-in-{number}-{test}/" + "(?:changed|)" * (wording if number % 3 == 0 else 0),
                    )
                    for test in range(8)
                ),
            ),
        )
        for number in range(rules)
    )
    words = sample_mitigation(AT, revision=2 + wording, actions=actions)
    return begin_revision(Draft(words), source="bench.xml", source_digest="", by="anna")


def _line(
    name: str,
    run: Callable[[], object],
    baseline: Callable[[], object],
    goal: Goal,
    watch: Callable[[], float] = process_time,
) -> Line:
    taken = medians({"run": run, "baseline": baseline}, rounds=ROUNDS, watch=watch)
    return Line(name, taken["run"], taken["baseline"], goal)


def _answered(ask: Callable[[], TestResponse]) -> None:
    answer = ask()
    if answer.status_code != 200:
        raise SystemExit(f"{answer.request.path} answered {answer.status}")


def _cursor_near_the_end(program: Program, path: str) -> str:
    """The last cursor with a whole page behind it, as far as nine long pages lead."""
    asked = path.replace("limit=50", "limit=200")
    cursor = ""
    for _ in range(9):
        cursor = said(program.get(f"{asked}&cursor={cursor}" if cursor else asked))["next"]
    return cursor


def main() -> int:
    """Print the table; fail where a goal was missed."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="feedsrv-bench-") as folder:
        alone = desk_of(Path(folder) / "alone", mitigations=1, revisions=1)
        few = desk_of(Path(folder) / "few", revisions=FEW_REVISIONS)
        many = desk_of(Path(folder) / "many", revisions=REVISIONS)
        for measured in (pages(few, many), lists(many), judging(alone, many), differences()):
            for line in measured:
                lines.append(line)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        for made in (alone, few, many):
            store = made.surface.house.store
            assert isinstance(store, SqlStore)
            store.close()
    return int(any(line.is_missed for line in lines))


if __name__ == "__main__":
    sys.exit(main())
