"""The gate runs where it can be stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from feedsrv.errors import OperatorError
from feedsrv.lints.gate import Gate
from feedsrv.lints.gate_process import GateBrokenError, examine
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.model.action import AbortRequest, Condition, InboundRule
from feedsrv.model.mitigation import Draft, RequestSample, Samples
from tests.unit.lints.examples import FINAL_RULE, GOOD, SAMPLES, find, publish

EVIL = r"^(([a-z])+.)+[A-Z]([a-z])+$"


def drafted(condition: Condition, url: str, mitigation_id: str = "M0001") -> Draft:
    """A draft whose rule has that condition, to be tried on that URL as well."""
    rule = replace(FINAL_RULE, rule=InboundRule(".*", AbortRequest(), conditions=(condition,)))
    samples = Samples((RequestSample("probe", url),), SAMPLES.must_pass)
    return Draft(replace(GOOD, id=mitigation_id, actions=(rule,)), samples)


HANGING = drafted(Condition("{QUERY_STRING}", EVIL, ignore_case=False), "/x?" + "a" * 60 + "!", "M0002")
PASSING = drafted(Condition("{URL}", "never"), "/x")


def test_a_child_finds_what_is_found_here() -> None:
    """Word for word, and in order; good content finds nothing."""
    assert examine([PASSING]) == tuple(Gate(PASSING, Matcher()).examine())
    assert len(examine([PASSING])) == 2
    assert examine([Draft(GOOD, SAMPLES)]) == ()


def test_a_pattern_that_never_comes_back_is_named() -> None:
    """Beside what was found before it; nothing hangs with it."""
    *before, hung = examine([PASSING, HANGING], cpu_seconds=1)

    assert [one.subject for one in before] == ["M0001 revision 1"] * 2 + ["M0002 revision 1"]
    assert "backtracks: " in before[-1].sentence
    assert hung.code == "S10"
    assert hung.subject == "M0002 revision 1"
    assert repr(EVIL) in hung.sentence
    assert repr("a" * 60 + "!") in hung.sentence
    assert "within 1 seconds" in hung.sentence


def test_the_rule_runs_one_child_and_names_its_findings() -> None:
    """S10 asks candidates with rules, and nothing that stands or has no rule."""
    assert find("S10", publish(GOOD)) == []
    assert find("S10", publish(standing=(GOOD,))) == []
    assert {
        one.subject for one in find("S10", publish(replace(GOOD, actions=(replace(FINAL_RULE, id="A2"),))))
    } == {"M0001 revision 1"}


def test_a_machine_that_cannot_start_a_child_is_the_operators_business(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is never taken for good samples, nor for a bad pattern."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))

    with pytest.raises(GateBrokenError, match="samples cannot be tried") as refused:
        examine([PASSING])

    assert isinstance(refused.value, OperatorError)


def test_a_child_that_fails_by_itself_is_the_operators_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as when the package cannot be found; the last word of the child is passed on."""
    monkeypatch.setattr(sys, "path", [one for one in sys.path if "site-packages" in one])
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(GateBrokenError, match="failed by itself"):
        examine([PASSING])
