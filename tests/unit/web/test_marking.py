"""What is marked within two lines that differ, so that a reviewer need not search for it."""

from __future__ import annotations

from html import unescape
from re import sub

import pytest
from hypothesis import given

from feedsrv.web.marking import marked
from tests.words import QUICK, exact


@QUICK
@given(before=exact(), after=exact())
def test_marking_takes_away_and_adds_no_letter(before: str, after: str) -> None:
    """Without the marks, both lines read as they were written, whatever they hold."""
    was, now = marked(before, after)

    assert [unescape(sub("</?mark>", "", one)) for one in (was, now)] == [before, after]


@QUICK
@given(line=exact())
def test_nothing_is_marked_in_two_lines_that_are_the_same(line: str) -> None:
    """A mark always means a difference."""
    assert "<mark>" not in "".join(marked(line, line))


@pytest.mark.parametrize(
    ("before", "after", "was", "now"),
    [
        ("(?=.*auto)", "(?=.*auto.*)", "(?=.*auto)", "(?=.*auto<mark>.*</mark>)"),
        ("low", "high", "<mark>low</mark>", "<mark>high</mark>"),
        ("one and two", "two", "<mark>one and </mark>two", "two"),
        ("", "new", "", "<mark>new</mark>"),
    ],
)
def test_just_the_difference_is_marked(before: str, after: str, was: str, now: str) -> None:
    """Two letters more in a pattern stand out; where all is another, all of it does."""
    assert marked(before, after) == (was, now)


def test_markup_in_the_words_stays_words() -> None:
    """What an author writes is never HTML on the reviewer's page."""
    was, now = marked("<b>bold</b> & more", "<i>bold</i> & more")

    assert not {"<b>", "<i>"} & {was[:3], now[:3]}
    assert "&lt;" in was
    assert "&amp;" in now


def test_lines_too_long_to_compare_piece_by_piece_are_marked_as_one() -> None:
    """A document on one line does not keep a page waiting; what both begin and end with stays unmarked."""
    numbers = " ".join(map(str, range(2_000)))

    was, now = marked(f"begin {numbers} end", f"begin {numbers[::-1]} end")

    assert was.count("<mark>") == now.count("<mark>") == 1
    assert was.startswith("begin <mark>")
    assert was.endswith(" end")
