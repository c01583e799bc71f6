"""Patterns that one request could keep busy are refused, and honest ones are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regress import Regex

from feedsrv.lints.backtracking import Clock, Slow, slowest
from feedsrv.lints.gate_process import examine
from feedsrv.lints.probes import MOST_REPEATS, TooManyRepeatsError, probes
from feedsrv.lints.variants import MOST_CHARACTERS
from feedsrv.model.action import (
    AbortRequest,
    Condition,
    InboundRule,
    OutboundRule,
    Preconditions,
    Rewrite,
    Syntax,
)
from tests.unit.lints.examples import FINAL_RULE, drafted, request, ruled, through_the_gate
from tests.words import QUICK

# What was meant is harmless; that no other part can match the same text makes it so in fact.
HONEST = [
    "(?=.*autodiscover)(?=.*powershell)",
    "^feedsrv-exercise/",
    ".*",
    "(.*)X-AnonResource-Backend(.*)",
    "X-BEResource=[^;/]*/[^;~]*~",
    r"(^|&)template=[^&]*\.\.",
    r"^/owa/?($|default\.aspx|projection\.aspx)",
    r"^(\w+)=(\d+)$",
    "^(a|b)+$",
    r"^(?:[^/]+/)*x$",
    "(a{1,3}){1,3}$",
]
EVIL = [
    # Nested, so that each character doubles the time.
    "(a+)+$",
    "^(a*)*b",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\w+\s?)*$",
    "(x+x+)+y",
    "([a-z0-9]+)*@",
    r"([\s\S]*)*z",
    "(a{1,100}){1,100}$",
    # Alternatives that match the same.
    "(a|aa)+$",
    "(a|a)*b",
    "^(ab|a|b)*c",
    r"^(\d+|\d+\.\d*)*$",
    r"(?:[^\\]|\\.|\\)*'x",
    # One after the other: the time grows with a power of the length.
    r"(.*?,){11}P",
    r"\s*\s*\s*\s*x",
    "a.*b.*c.*d.*e",
    # Within a look ahead, and before what never comes.
    "^(?=(a+)+b)a",
]


def clock(pattern: str) -> Clock:
    """Measures how long that pattern computes."""
    return Clock(Regex(pattern, "i").find)


@pytest.mark.parametrize("pattern", HONEST)
def test_an_honest_pattern_is_not_slow(pattern: str) -> None:
    """On none of its worst cases, however long."""
    assert slowest(pattern, clock(pattern)) is None


@pytest.mark.parametrize("pattern", EVIL)
def test_a_pattern_that_runs_wild_is_found(pattern: str) -> None:
    """Before it has run for long, and with a request that fits into what IIS takes."""
    found = slowest(pattern, clock(pattern))

    assert isinstance(found, Slow)
    assert len(found.probe.text(found.probe.most_times)) <= MOST_CHARACTERS
    assert str(found.probe.most_times) in str(found)


@pytest.mark.parametrize("where", ["match", "condition", "second condition", "precondition"])
def test_it_is_found_wherever_it_stands(where: str) -> None:
    """With rule and pattern, beside all else that is wrong."""
    evil = Condition("{QUERY_STRING}", "(a+)+$")
    rules = {
        "match": replace(FINAL_RULE, rule=InboundRule("(a+)+$", AbortRequest())),
        "condition": ruled(evil),
        "second condition": ruled(Condition("{URL}", "x"), evil),
        "precondition": replace(
            FINAL_RULE,
            rule=OutboundRule("RESPONSE_X", "(.*)", Rewrite("y"), preconditions=Preconditions((evil,))),
        ),
    }

    lines = through_the_gate(drafted(rules[where]))

    assert any("rule A1, pattern '(a+)+$' backtracks: 'a' 16382 times, then" in line for line in lines)


@pytest.mark.parametrize("syntax", [Syntax.WILDCARD, Syntax.EXACT])
def test_other_syntaxes_do_not_backtrack(syntax: Syntax) -> None:
    """There, the same characters stand for themselves."""
    rule = replace(
        FINAL_RULE, rule=InboundRule("*", AbortRequest(), syntax, conditions=(Condition("{URL}", "(a+)+$"),))
    )

    assert not any("backtracks" in line for line in through_the_gate(drafted(rule)))


def test_too_many_repetitions_are_refused_untried() -> None:
    """Somebody who hides one among fifty would have nobody look at it."""
    pattern = "".join(f"{letter}*" for letter in "abcdefghijklmnopq") + "(z+)+$"
    with pytest.raises(TooManyRepeatsError, match=f"no more than {MOST_REPEATS}"):
        probes(pattern)

    lines = through_the_gate(drafted(ruled(Condition("{URL}", pattern))))

    assert any("cannot be tried for its worst case: it repeats 19 parts" in line for line in lines)


def test_groups_too_deep_are_refused_untried() -> None:
    """The engine reads sixty; nobody else can."""
    lines = through_the_gate(drafted(ruled(Condition("{URL}", "(" * 60 + "a+" + ")" * 60))))

    assert any("lie more than 50 deep in each other" in line for line in lines)


@pytest.mark.parametrize("pattern", EVIL)
def test_nothing_hangs_on_it(pattern: str) -> None:
    """The whole gate, in the child that it runs in, comes back with a refusal for every one of them."""
    sample = request("/x?" + "a" * 40)

    findings = examine(
        [drafted(ruled(Condition("{QUERY_STRING}", pattern)), must_block=(sample,))], cpu_seconds=2
    )

    assert any(
        repr(pattern) in one.sentence and ("backtracks" in one.sentence or "come back" in one.sentence)
        for one in findings
    )


@QUICK
@given(st.from_regex(r"\^?((a|b|\(a\|b\)|[ab]|\(ab?\))[*+]?){1,5}\$?", fullmatch=True))
def test_probes_can_be_made_of_any_pattern(pattern: str) -> None:
    """Each fits into a request, and none is made twice."""
    found = probes(pattern)

    assert len(set(found)) == len(found)
    assert all(one.pump and len(one.text(one.most_times)) <= MOST_CHARACTERS for one in found)
