"""What is in force, for people, spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

from lxml import etree

from feedsrv.agent.changing import Changer
from feedsrv.agent.journal import Journal
from feedsrv.agent.listing import as_csv, as_json, as_table, as_xml, printable, standings_now
from feedsrv.agent.state import AgentState, Standing, Status
from tests.unit.agent.making import applied, mitigation
from tests.unit.agent.memory_host import MemoryHost

STANDINGS = (
    Standing("M0001", 2, Status.APPLIED, "affected", "Block <it>", in_place=True, places=("line 7\x07",)),
    Standing("M0002", None, Status.BLOCKED, "=blocked", "=HYPERLINK()"),
)


def test_the_table_has_a_line_for_each_and_says_where() -> None:
    """Name, status, title; then why, and each place."""
    lines = as_table(STANDINGS).splitlines()

    assert lines[0].split(maxsplit=4) == ["M0001", "r2", "applied", "*", "Block <it>"]
    assert "line 7" in lines[2]
    assert lines[-1].startswith("*")


def test_an_administrators_terminal_obeys_nobody_elses_words() -> None:
    """Escape sequences, also the eight-bit ones that XML lets through, and turned text are made blanks."""
    hostile = "a\x1b[2Jb\x9b31mc\u202ed\u2028e\rf"

    assert printable(hostile) == "a [2Jb 31mc d e f"


def test_what_would_be_changed_is_shown_below_its_mitigation() -> None:
    """Line by line, with the same indentation, and what was said already is not said twice."""
    places = ("rule: would change: file\n@@ -1 +1 @@\n+  <rule />", "pool: no such pool")
    one = Standing("M0001", 1, Status.PENDING, "no such pool", "Title", places=places)

    lines = as_table((one,)).splitlines()

    assert [line.strip() for line in lines[1:]] == [
        "no such pool",
        "rule: would change: file",
        "@@ -1 +1 @@",
        "+  <rule />",
    ]
    assert all(line.startswith(" " * 20) for line in lines[1:])


def test_an_empty_table_says_what_to_do() -> None:
    """Nothing is known before the first sync."""
    assert "feedsrv-agent sync" in as_table(())


def test_csv_runs_no_formula() -> None:
    """A title that a spreadsheet would calculate is made a text."""
    rows = list(csv.DictReader(io.StringIO(as_csv(STANDINGS))))

    assert [row["id"] for row in rows] == ["M0001", "M0002"]
    assert rows[0]["in place"] == "yes"
    assert rows[1]["title"] == "'=HYPERLINK()"
    assert rows[1]["detail"] == "'=blocked"


def test_xml_is_well_formed_whatever_the_words() -> None:
    """Control characters of foreign files included."""
    root = etree.fromstring(as_xml(STANDINGS))

    assert [one.get("id") for one in root] == ["M0001", "M0002"]
    assert root[0].findtext("{*}Title") == "Block <it>"
    assert root[0].findtext("{*}Place") == "line 7 "


def test_json_has_every_field() -> None:
    """For programs."""
    first = json.loads(as_json(STANDINGS))[0]

    assert first == {
        "id": "M0001",
        "revision": 2,
        "status": "applied",
        "inPlace": True,
        "title": "Block <it>",
        "detail": "affected",
        "places": ["line 7\x07"],
    }


def test_the_list_looks_at_the_server_and_not_at_memory(tmp_path: Path) -> None:
    """What somebody removed a minute ago is not called applied."""
    state = AgentState("device").with_applied(applied(mitigation()))
    state = replace(state, standings=(STANDINGS[0],))
    changer = Changer(MemoryHost(), Journal(tmp_path), lambda _: None)

    (now,) = standings_now(state, changer)
    (remembered,) = standings_now(state, None)

    assert now.status is Status.FAILED
    assert "not in force" in now.detail
    assert remembered.status is Status.APPLIED


def test_what_is_blocked_before_it_is_known_is_listed() -> None:
    """An administrator sees the whole block list."""
    state = replace(AgentState("device"), blocked=frozenset({"M0009"}))

    (only,) = standings_now(state, None)

    assert (only.id, only.status) == ("M0009", Status.BLOCKED)
