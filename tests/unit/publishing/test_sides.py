"""Two texts beside each other: nothing lost, nothing made up, and never the square of the work."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.publishing import sides
from feedsrv.publishing.sides import FOLDED, SidePair, lay_side_by_side, opcodes, unified
from tests.words import QUICK

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "</Rule>", "<Rule>"]), max_size=40)
NAMES = ("old", "new")


def laid(old: list[str], new: list[str]) -> tuple[SidePair, ...]:
    """Both texts beside each other."""
    return lay_side_by_side(old, new, opcodes(old, new))


def patched(old: list[str], diff: str) -> list[str]:
    """What a unified diff makes of a text, applied strictly, as `patch` does."""
    after: list[str] = []
    at = 0
    for line in diff.splitlines()[2:]:
        if line.startswith("@@"):
            start, _, length = line.split()[1].removeprefix("-").partition(",")
            begin = int(start) - (0 if length == "0" else 1)
            after += old[at:begin]
            at = begin
        elif line.startswith("+"):
            after.append(line[1:])
        else:
            assert old[at] == line[1:]
            at += 1
            after += [line[1:]] if line.startswith(" ") else []
    return after + old[at:]


class TestOpcodes:
    """How the old lines become the new ones."""

    @given(old=LINES, new=LINES)
    @QUICK
    def test_every_line_of_both_is_told_once_and_in_order(self, old: list[str], new: list[str]) -> None:
        """What is called equal is; what is not is all there."""
        i = j = 0
        for tag, i1, i2, j1, j2 in opcodes(old, new):
            assert (i1, j1) == (i, j)
            i, j = i2, j2
            assert (tag == "equal") == (old[i1:i2] == new[j1:j2])
        assert (i, j) == (len(old), len(new))

    @given(old=LINES, new=LINES)
    @QUICK
    def test_a_unified_diff_makes_the_one_of_the_other(self, old: list[str], new: list[str]) -> None:
        """As `patch` reads it."""
        text = unified(old, new, opcodes(old, new), NAMES)

        assert patched(old, text) == new
        assert bool(text) == (old != new)

    def test_a_diff_reads_as_people_know_it(self) -> None:
        """Three lines around each change, and where it stands."""
        old = [f"line {number}" for number in range(1, 31)]
        new = [*old[:9], "another", *old[10:24], "one more", *old[24:]]

        assert unified(old, new, opcodes(old, new), NAMES) == "\n".join(
            difflib.unified_diff(old, new, *NAMES, lineterm="")
        )


class TestSides:
    """Both texts beside each other."""

    @given(old=LINES, new=LINES)
    @QUICK
    def test_both_sides_can_be_read_off(self, old: list[str], new: list[str]) -> None:
        """Line numbers are those of the texts, and folded stretches say how long they are."""
        left: list[str | None] = [None] * len(old)
        right: list[str | None] = [None] * len(new)
        folded = 0
        for pair in laid(old, new):
            if pair.kind == FOLDED:
                folded += int(pair.left.split()[0])
                continue
            if pair.left_no is not None:
                left[pair.left_no - 1] = pair.left
            if pair.right_no is not None:
                right[pair.right_no - 1] = pair.right

        assert [line for line in left if line is not None] == [
            line for line, shown in zip(old, left, strict=True) if shown is not None
        ]
        assert left.count(None) == right.count(None) == folded
        assert all(shown in {None, line} for line, shown in zip(old, left, strict=True))
        assert all(shown in {None, line} for line, shown in zip(new, right, strict=True))

    def test_unchanged_stretches_are_folded(self) -> None:
        """A reviewer sees the change, and three lines around it."""
        old = [f"line {number}" for number in range(1, 31)]
        new = [*old[:14], "other", *old[15:]]

        pairs = laid(old, new)

        assert [pair.kind for pair in pairs] == ["folded", *["same"] * 3, "changed", *["same"] * 3, "folded"]
        assert (pairs[0].left, pairs[-1].right) == ("11 lines as before", "12 lines as before")
        assert pairs[4] == SidePair(15, "line 15", 15, "other", "changed")

    def test_the_same_text_is_one_fold(self) -> None:
        """There is nothing to look at."""
        assert laid(["a"], ["a"]) == (SidePair(None, "1 line as before", None, "1 line as before", "folded"),)
        assert laid([], []) == ()


def _hostile() -> Iterator[tuple[str, list[str], list[str]]]:
    chance = random.Random(7)  # noqa: S311 -- the same texts in every run
    noise = [f"    <Condition pattern='{chance.random()}'/>" for _ in range(1500)]
    yield "one line a thousand times", ["x"] * 1500, ["y", *["x"] * 1400, "z"]
    yield "two lines in turn", ["a", "b"] * 800, ["b", "a", "a"] * 500
    yield "three lines at random", chance.choices("abc", k=1500), chance.choices("abc", k=1500)
    yield "all in another order", noise, chance.sample(noise, len(noise))
    yield "backwards", noise, noise[::-1]
    yield "nothing in common", noise, [line.upper() + "!" for line in noise]
    yield "each line once, closed alike", _closed(noise, ""), _closed(noise, "!")


def _closed(lines: list[str], end: str) -> list[str]:
    return [one for number, line in enumerate(lines) for one in (line + end * (number % 2), "</Rule>")]


HOSTILE = tuple(_hostile())


@pytest.mark.parametrize(("name", "old", "new"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_the_work_is_bounded_whatever_the_texts(
    monkeypatch: pytest.MonkeyPatch, name: str, old: list[str], new: list[str]
) -> None:
    """A mitigation that repeats itself cannot hold up whoever reviews it; the diff stays true."""
    looked = 0

    class Counting(difflib.SequenceMatcher[str]):
        """Counts the pairs of equal lines that it looks at."""

        def find_longest_match(
            self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
        ) -> difflib.Match:
            nonlocal looked
            matcher: Any = self
            looked += sum(len(matcher.b2j.get(line, ())) for line in matcher.a[alo:ahi])
            return super().find_longest_match(alo, ahi, blo, bhi)

    monkeypatch.setattr(sides, "SequenceMatcher", Counting)

    codes = opcodes(old, new)

    assert looked <= 300_000, name
    assert patched(old, unified(old, new, codes, NAMES)) == new
