"""The structure of patterns, as far as texts can be made from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regress import Regex, RegressError

from feedsrv.lints.ecmascript import (
    ALPHABET,
    MOST_NESTED,
    NOTHING,
    WITHOUT_END,
    Chars,
    Choice,
    Look,
    Node,
    Repeat,
    Sequence,
    TooNestedError,
    read,
)
from tests.words import QUICK


def chars(text: str) -> Chars:
    """One of these characters."""
    return Chars(frozenset(text))


@pytest.mark.parametrize(
    ("pattern", "structure"),
    [
        ("a", chars("a")),
        ("", NOTHING),
        ("ab", Sequence((chars("a"), chars("b")))),
        ("a|b|", Choice((chars("a"), chars("b"), NOTHING))),
        ("a*?", Repeat(chars("a"), 0, WITHOUT_END)),
        ("a+", Repeat(chars("a"), 1, WITHOUT_END)),
        ("a{2}", Repeat(chars("a"), 2, 2)),
        ("a{2,}", Repeat(chars("a"), 2, WITHOUT_END)),
        ("a{2,5}?", Repeat(chars("a"), 2, 5)),
        ("a{x", Sequence((chars("a"), chars("{"), chars("x")))),
        ("(?:a)(b)(?<name>c)", Sequence((chars("a"), chars("b"), chars("c")))),
        ("(?=a)(?!b)(?<=c)(?<!d)", Sequence(tuple(Look(chars(one)) for one in "abcd"))),
        (r"^\b\B$\1", Sequence((NOTHING,) * 5)),
        (r"\d", chars("0123456789")),
        (r"\.\x41\u0042\n\cJ", Sequence(tuple(map(chars, (".", "A", "B", "\n", "\n"))))),
        (r"\k<a", Sequence((NOTHING, chars("a")))),
        ("[a-c]", chars("abc")),
        (r"[\]\-x-]", chars("]-x")),
        ("[^a]", Chars(ALPHABET - {"a"})),
        (r"[\s\S]", Chars(ALPHABET)),
        (".", Chars(ALPHABET - {"\n", "\r"})),
    ],
)
def test_each_part_is_read(pattern: str, structure: Node) -> None:
    """As the engine reads it, for what texts can be made of."""
    assert read(pattern) == structure


def test_groups_too_deep_in_each_other_are_refused() -> None:
    """Nothing is made from what nobody can follow, and nothing runs out of stack."""
    read("(" * MOST_NESTED + ")" * MOST_NESTED)

    with pytest.raises(TooNestedError, match="more than 50 deep"):
        read("(" * 500 + ")" * 500)


@QUICK
@given(st.text(st.sampled_from(r"ab.*+?|()[]^$\{}1,2-dwskx=!:<>" + "\u00e9"), max_size=12))
def test_whatever_compiles_can_be_read(pattern: str) -> None:
    """The engine decides what a pattern is; reading it never fails after that."""
    try:
        Regex(pattern)
    except RegressError:
        return

    read(pattern)


@QUICK
@given(
    st.from_regex(r"(\[\^?[a-z0-9.\-]{1,6}\]|\\[dDwWsS]|[a-z.])", fullmatch=True),
    st.sampled_from(sorted(ALPHABET)),
)
def test_a_set_holds_what_the_engine_matches(pattern: str, one: str) -> None:
    """Character by character, for every way to write a set."""
    try:
        matches = Regex(f"^{pattern}$").find(one) is not None
    except RegressError:
        return
    found = read(pattern)

    assert isinstance(found, Chars)
    assert (one in found.members) is matches
