"""The numbers of events are promises: each stands for one thing, on the agent and on the server."""

from __future__ import annotations

from collections import Counter

import pytest

from feedsrv.agent import events as agent_events
from feedsrv.observability.events import Condition
from feedsrv.publishing.watching import events as server_events

CONDITIONS = [*agent_events.TABLE, *server_events.TABLE]


def test_no_number_stands_for_two_things() -> None:
    """Begins, ends and single acts share one row of numbers."""
    numbers = [number for one in CONDITIONS for number in (one.begins, one.ends)] + [
        act.number for act in agent_events.ACTS
    ]

    assert [number for number, count in Counter(numbers).items() if count > 1] == []


@pytest.mark.parametrize(
    ("table", "numbers"),
    [(agent_events.TABLE, range(1000, 2000)), (server_events.TABLE, range(2000, 3000))],
    ids=["agent", "server"],
)
def test_each_house_has_a_thousand_of_its_own(table: tuple[Condition, ...], numbers: range) -> None:
    """Whoever sees a number knows which house told it."""
    assert {one.name for one in table if one.begins not in numbers or one.ends not in numbers} == set()


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: one.name)
def test_every_condition_says_why_and_what_to_do(condition: Condition) -> None:
    """Whole sentences for whoever is woken by it; the summary is the rest of one."""
    for sentence in (condition.cause, condition.resolution):
        assert sentence.endswith("."), sentence
        assert sentence[0].isupper() or sentence[0] == "`", sentence
    assert not condition.summary.endswith(".")
