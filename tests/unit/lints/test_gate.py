"""S10: samples that prove nothing, and known slips."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.model.action import (
    AbortRequest,
    AppPool,
    Condition,
    InboundRule,
    Place,
    Rewrite,
    Scope,
    Syntax,
)
from tests.unit.lints.examples import FINAL_RULE, SAMPLES, drafted, request, through_the_gate


class TestSamples:
    """Samples that prove nothing are named."""

    def test_a_rule_without_samples_is_refused(self) -> None:
        """Both kinds are asked for."""
        lines = through_the_gate(drafted(FINAL_RULE, must_block=(), must_pass=()))

        assert "no must-block sample shows that rule A1 acts" in lines[0]
        assert "no must-pass sample comes by rule A1 at Default Web Site" in lines[1]

    def test_a_must_pass_sample_elsewhere_proves_nothing(self) -> None:
        """It would pass whatever the rule did."""
        owa = replace(FINAL_RULE, place=Place(Scope.APPLICATION, "Default Web Site", "/owa"))
        attack = request("/owa/autodiscover/powershell")

        line, _ = through_the_gate(drafted(owa, must_block=(attack,), must_pass=(request("/ecp/"),)))

        assert "no must-pass sample comes by rule A1 at Default Web Site/owa" in line

    def test_a_rule_that_never_acts_is_found_behind_one_that_does(self) -> None:
        """Any rule may block an unnamed sample, yet each rule must be seen to act."""
        dead = replace(FINAL_RULE, id="A2", rule=InboundRule("^never$", AbortRequest()))

        (line,) = through_the_gate(drafted(FINAL_RULE, dead))

        assert "no must-block sample shows that rule A2 acts" in line

    @pytest.mark.parametrize("action", ["A2", "B1", "a1"])
    def test_a_sample_for_no_rule_is_named(self, action: str) -> None:
        """A pool is no rule, and ids are compared as written."""
        lost = replace(SAMPLES.must_block[0], action=action)

        lines = through_the_gate(
            drafted(FINAL_RULE, AppPool("A2", "pool"), must_block=(*SAMPLES.must_block, lost))
        )

        assert f"sample 'attack' names action {action}, which is no URL rule" in lines[0]

    def test_samples_without_any_rule_are_named(self) -> None:
        """They were meant for something that is not there."""
        lines = through_the_gate(drafted(AppPool("A1", "pool")))

        assert len(lines) == 2
        assert all("has no URL rule to be tried on" in line for line in lines)

    def test_an_inbound_rule_changes_no_header(self) -> None:
        """What its sample expects can never come out."""
        hopeful = replace(SAMPLES.must_block[0], expect=(("X", "y"),))

        assert any(
            "take Expect out" in line for line in through_the_gate(drafted(FINAL_RULE, must_block=(hopeful,)))
        )

    def test_both_readings_of_request_uri_count(self) -> None:
        """Servers differ in whether its path is decoded, so neither may open a hole, or lock anybody out."""
        encoded = replace(
            FINAL_RULE,
            rule=InboundRule(".*", AbortRequest(), conditions=(Condition("{REQUEST_URI}", "%2e|evil"),)),
        )
        attack, everyday = request("/a%2ejson"), request("/a.json?x=%2f")

        lines = through_the_gate(drafted(encoded, must_block=(attack,), must_pass=(everyday,)))

        assert "(REQUEST_URI decoded)" in lines[1]
        assert (
            "(REQUEST_URI as sent)"
            in through_the_gate(drafted(encoded, must_block=(request("/evil"),), must_pass=(attack,)))[0]
        )

    def test_what_can_be_tried_is_tried_beside_a_slip(self) -> None:
        """An author sees as much as possible at once."""
        twice = drafted(
            replace(FINAL_RULE, rule=InboundRule("(", AbortRequest())),
            replace(FINAL_RULE, id="A2", rule=replace(FINAL_RULE.rule, pattern="[")),
        )

        assert len(through_the_gate(twice)) == 2


class TestSlips:
    """Known slips of a rule are named without any sample."""

    @pytest.mark.parametrize(
        ("rule", "slip"),
        [
            (InboundRule("(", AbortRequest()), "is no ECMAScript pattern"),
            (InboundRule(".*", AbortRequest(), conditions=(Condition("{URL}", "a**"),)), "is no ECMAScript"),
            (
                InboundRule(".*", AbortRequest(), conditions=(Condition("REQUEST_URI", "a"),)),
                "the same for every",
            ),
            (
                InboundRule(".*", AbortRequest(), conditions=(Condition("{RESPONSE_X}", "a"),)),
                "not known yet",
            ),
            (InboundRule(".*", AbortRequest(), conditions=(Condition("{C:0}", "a"),)), "names a group"),
            (InboundRule(".*", AbortRequest(), conditions=(Condition("{R:1}", "a"),)), "names a group"),
            (InboundRule("a", Rewrite("{R:1}"), negate=True), "names a group"),
            (InboundRule("a", Rewrite("/x/{URLL}")), "no server variable"),
            (InboundRule(r"a\.b", AbortRequest(), syntax=Syntax.WILDCARD), "looks like a regular expression"),
        ],
    )
    def test_each_is_named(self, rule: InboundRule, slip: str) -> None:
        """With rule, input and pattern."""
        lines = through_the_gate(drafted(replace(FINAL_RULE, rule=rule)))

        assert any(slip in line and "M0001 revision 1: rule A1" in line for line in lines)

    def test_a_back_reference_past_a_negated_condition_is_named(self) -> None:
        """What is negated captures nothing."""
        conditions = Condition("{URL}", "(a)", negate=True), Condition("{C:1}", "a")

        lines = through_the_gate(
            drafted(replace(FINAL_RULE, rule=InboundRule(".*", AbortRequest(), conditions=conditions)))
        )

        assert any("{C:1} names a group" in line for line in lines)

    def test_a_good_rewrite_has_none(self) -> None:
        """Back-references to what is captured, and a fixed value."""
        rule = InboundRule("^evil/(.*)", Rewrite("/blocked/{R:1}"))

        assert (
            through_the_gate(
                drafted(
                    replace(FINAL_RULE, rule=rule),
                    must_block=(request("/evil/x"),),
                    must_pass=(request("/x"),),
                )
            )
            == []
        )
