"""What people at work on a rule are told of its samples, and of one pattern."""

from __future__ import annotations

import pytest

from feedsrv.lints.iis_patterns import BadPatternError
from feedsrv.lints.verdicts import judge_samples, try_pattern
from feedsrv.model.action import Condition, Syntax
from tests.unit.lints.examples import FINAL_RULE, drafted, request, ruled

EVIL = r"^(([a-z])+.)+[A-Z]([a-z])+$"


class TestSamples:
    """Each sample is judged, good or bad."""

    def test_a_good_rule_has_good_verdicts(self) -> None:
        """Both samples are as they must be, and the rule that blocks is named."""
        verdicts = judge_samples(drafted(FINAL_RULE))

        assert all(one.good for one in verdicts)
        assert (verdicts[0].sample.name, verdicts[0].blocked, verdicts[0].by) == ("attack", True, "A1")
        assert any(one.expected == "pass" and not one.blocked for one in verdicts)

    def test_a_hole_is_explained(self) -> None:
        """With the input that the pattern did not match."""
        first = judge_samples(drafted(ruled(Condition("{QUERY_STRING}", "never"))))[0]

        assert not first.good
        assert not first.blocked
        assert first.by is None
        assert "'never' does not match {QUERY_STRING}" in first.why

    def test_a_pattern_that_does_not_compile_is_told_with_every_sample(self) -> None:
        """While somebody types, most patterns are half done."""
        verdicts = judge_samples(drafted(ruled(Condition("{URL}", "("))))

        assert verdicts
        assert all("is no ECMAScript pattern" in one.why for one in verdicts if not one.good)
        assert not verdicts[0].good

    def test_a_pattern_that_never_comes_back_ends_the_list(self) -> None:
        """What was judged before stays, and the request that shows it is named."""
        hanging = request("/x?" + "a" * 60 + "!")
        rule = ruled(Condition("{QUERY_STRING}", EVIL, ignore_case=False))

        verdicts = judge_samples(drafted(rule, must_block=(hanging,)), cpu_seconds=1)

        assert verdicts[-1].request == hanging
        assert not verdicts[-1].good
        assert "does not come back" in verdicts[-1].why


class TestPatterns:
    """One pattern is tried on inputs."""

    def test_each_input_is_answered_in_order(self) -> None:
        """With what was captured."""
        one, other = try_pattern("(b)c", Syntax.ECMASCRIPT, ignore_case=False, inputs=["abcd", "ABCD"])

        assert (one.matched, one.captures) == (True, ("bc", "b"))
        assert (other.matched, other.captures, other.why) == (False, (), "does not match")

    def test_case_is_ignored_where_asked(self) -> None:
        """As IIS does unless told otherwise."""
        (one,) = try_pattern("bc", Syntax.ECMASCRIPT, ignore_case=True, inputs=["ABCD"])

        assert one.matched

    def test_a_bad_pattern_is_refused_even_without_inputs(self) -> None:
        """In the words of the engine."""
        with pytest.raises(BadPatternError, match=r"is no ECMAScript pattern"):
            try_pattern("(", Syntax.ECMASCRIPT, ignore_case=True, inputs=[])

    def test_a_pattern_that_never_comes_back_is_stopped(self) -> None:
        """What came before it is kept, what comes after it was not tried."""
        tried = try_pattern(
            EVIL, Syntax.ECMASCRIPT, ignore_case=False, inputs=["ok", "a" * 60 + "!", "later"]
        )

        assert [one.came_back for one in tried] == [True, False, False]
        assert "does not come back" in tried[1].why

    @pytest.mark.parametrize("text", ["\0", "\u202e", "\U0001f600", "a\nb", "\ud800"])
    def test_no_character_breaks_the_answer(self, text: str) -> None:
        """Not even half a character, which is no text at all."""
        (one,) = try_pattern("z", Syntax.ECMASCRIPT, ignore_case=True, inputs=[text])

        assert not one.matched
