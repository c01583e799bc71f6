"""All rules over one publication."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.run import RULES, lint
from feedsrv.model.action import AppPool
from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.mitigation import Mitigation, Status
from tests.unit.lints.examples import (
    AT,
    CATALOGUE,
    FIRST_DIGEST,
    GOOD,
    HEARTBEAT,
    NO_UPDATES,
    STILL_OPEN,
    UPDATES_2019,
    entry,
    feed,
    next_of,
    publish,
)


@pytest.mark.parametrize(
    "good",
    [
        publish(),
        publish(HEARTBEAT),
        publish(HEARTBEAT, GOOD),
        publish(STILL_OPEN, catalogue=NO_UPDATES),
        publish(next_of(STILL_OPEN, affects=GOOD.affects), standing=(STILL_OPEN,)),
        publish(replace(next_of(GOOD), status=Status.WITHDRAWN), standing=(GOOD, HEARTBEAT)),
        publish(
            GOOD,
            feeds=(
                (
                    feed(2, entry("M0001"), entry("PING1")),
                    feed(1, entry("PING1"), previous=None),
                    FIRST_DIGEST,
                ),
            ),
            feed_key_ends=AT + timedelta(days=30),
            mitigation_key_ends=AT + timedelta(days=365),
        ),
    ],
    ids=["nothing", "heartbeat", "first", "no fix yet", "fixed", "withdrawn", "with a feed"],
)
def test_good_content_passes(good: Publication) -> None:
    """No rule objects to what is as it should be."""
    assert lint(good) == ()


def test_everything_is_said_at_once_in_the_order_of_the_rules() -> None:
    """An author need not come back once for each rule."""
    bad = replace(
        GOOD,
        revision=3,
        change="Other words.",
        affects=tuple(replace(one, product=f"{one.product}-x") for one in STILL_OPEN.affects),
        actions=(AppPool("A1", "pool"), AppPool("A2", "POOL")),
        review_by=AT.date(),
    )

    codes = [finding.code for finding in lint(publish(bad, standing=(GOOD,)))]

    assert list(dict.fromkeys(codes)) == ["S1", "S2", "S5", "S6", "S8", "S9"]


def test_each_rule_names_its_reason() -> None:
    """Ten codes, each with a docstring that begins with it and goes on to say why."""
    assert list(RULES) == [f"S{number}" for number in range(1, 11)]
    for code, rule in RULES.items():
        assert rule.__doc__ is not None
        assert rule.__doc__.startswith(f"{code}: ")
        assert len(rule.__doc__.split()) > 30


def test_a_finding_is_a_line() -> None:
    """Code, subject, what is wrong, what to do."""
    assert str(Finding("S1", "M0001 revision 1", "it is wrong", "put it right")) == (
        "S1 M0001 revision 1: it is wrong; put it right"
    )


class TestPublication:
    """What the rules look at."""

    def test_candidates_are_laid_over_what_stands(self) -> None:
        """In order of id, withdrawn ones among them; agents apply only the active."""
        withdrawn = replace(next_of(GOOD), status=Status.WITHDRAWN)
        publication = publish(withdrawn, HEARTBEAT, standing=(replace(GOOD, id="M0002"), GOOD))

        def ids(mitigations: tuple[Mitigation, ...]) -> list[str]:
            return [str(one) for one in mitigations]

        assert ids(publication.after) == ["M0001 revision 2", "M0002 revision 1", "PING1 revision 1"]
        assert ids(publication.active_after) == ["M0002 revision 1", "PING1 revision 1"]
        assert publication.stood("M0001") == GOOD
        assert publication.stood("PING1") is None

    def test_what_is_being_released_is_released(self) -> None:
        """Once, whatever stage the catalogue still gives it."""
        registered = replace(UPDATES_2019[0], stage=UpdateStage.REGISTERED)
        catalogue = replace(CATALOGUE, updates=(registered, UPDATES_2019[1]))

        assert list(publish(catalogue=catalogue).released_updates()) == [UPDATES_2019[1]]
        assert list(publish(catalogue=catalogue, releasing=(registered,)).released_updates()) == [
            registered,
            UPDATES_2019[1],
        ]
        assert len(list(publish(releasing=UPDATES_2019).released_updates())) == 4

    def test_its_moment_has_a_time_zone(self) -> None:
        """Days are compared, so they must be somebody's."""
        naive = datetime(2022, 10, 7)  # noqa: DTZ001 - this is what is refused

        with pytest.raises(ValueError, match="time zone"):
            Publication(CATALOGUE, (), (), naive)
