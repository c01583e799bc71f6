"""Rewrite rules come and go, and nothing else in the file moves by a byte."""

from __future__ import annotations

import itertools
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsrv.agent.adapters.config_text import parse_config
from feedsrv.agent.ports import Presence, Target
from feedsrv.model.action import UrlRewrite
from tests.unit.agent.adapters.iis_tree import (
    DECLARED,
    FOREIGN,
    HEAD,
    OWA,
    PLAIN_SERVER,
    SERVER,
    SITE,
    TAIL,
    Tree,
    inbound,
    location,
    outbound,
    target,
)

OUR_NAME = "feedsrv M0001.A1 rule"
BODIES = {
    "no server section at all": "",
    "no rewrite section": PLAIN_SERVER,
    "self-closed rewrite": "    <system.webServer>\n        <rewrite />\n    </system.webServer>\n",
    "self-closed rewrite, tight": "    <system.webServer>\n        <rewrite/>\n    </system.webServer>\n",
    "self-closed server section": "    <system.webServer />\n",
    "empty rules": location("Default Web Site", "<!-- none yet -->"),
    "rules opened and closed at once": (
        '    <location path="Default Web Site"><system.webServer><rewrite><rules></rules>\n'
        "    </rewrite></system.webServer></location>\n"
    ),
    "rules with nothing but blanks": location("Default Web Site", ""),
    "self-closed rules": (
        '    <location path="Default Web Site">\n        <system.webServer><rewrite><rules /></rewrite>\n'
        "        </system.webServer>\n    </location>\n"
    ),
    "foreign rules": location("Default Web Site", FOREIGN) + location("Default Web Site/owa", FOREIGN),
    "a clear first": location("Default Web Site", f"<clear />\n                    {FOREIGN}"),
    "a location without rewrite": (
        '    <location path="Default Web Site/owa">\n\t<system.webServer>\n\t  <security/>\n'
        "\t</system.webServer>\n    </location>\n"
    ),
    "a self-closed location": '    <location path="Default Web Site/owa" />\n',
    "a location that locks": (
        '    <location path="Default Web Site" overrideMode="Deny">\n        <system.webServer>\n'
        "            <httpErrors />\n        </system.webServer>\n    </location>\n"
    ),
    "a location kept from applications": (
        '    <location path="Default Web Site" inheritInChildApplications="false">\n'
        "        <system.webServer><asp /></system.webServer>\n    </location>\n"
    ),
    "nested quotation and tags in comments": (
        "    <!-- <system.webServer><rewrite><rules> -->\n" + location("Default Web Site", FOREIGN)
    ),
    "outbound rules with preconditions": (
        "    <system.webServer><rewrite><outboundRules>\n"
        '        <preConditions>\n            <preCondition name="theirs"><add input="{X}"/></preCondition>\n'
        "        </preConditions>\n    </outboundRules></rewrite></system.webServer>\n"
    ),
    "everything on one line": (
        '<location path="Default Web Site"><system.webServer><rewrite><rules><rule name="a"><match/></rule>'
        "</rules></rewrite></system.webServer></location>"
    ),
}
STYLES: dict[str, Callable[[str], bytes]] = {
    "LF": lambda text: text.encode(),
    "CRLF and BOM": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "tabs": lambda text: re.sub(r"(?m)^(?: {4})+", lambda found: "\t" * (len(found[0]) // 4), text).encode(),
    "two blanks": lambda text: re.sub(r"(?m)^(?: {4})+", lambda found: found[0][::2], text).encode(),
    "UTF-16": lambda text: text.replace("UTF-8", "utf-16").encode("utf-16"),
    "Windows-1252": lambda text: (
        text.replace("UTF-8", "windows-1252").replace("web team", "Büro").encode("cp1252")
    ),
    "no newline at all": lambda text: re.sub(r"\n\s*", " ", text).encode(),
    "no newline at the end": lambda text: text.rstrip().encode(),
}
ACTIONS = [
    inbound(SERVER, identifier="A1"),
    inbound(SITE, identifier="A2"),
    inbound(OWA, identifier="A3"),
    outbound(SERVER, identifier="A4"),
    outbound(OWA, identifier="A5"),
]


def _round_trip(tree: Tree, actions: list[UrlRewrite], undo_order: list[int]) -> tuple[bytes, bytes]:
    """Apply one after the other, undo in some order; return the bytes before and after."""
    before = tree.host.read_bytes()
    targets = [target(action, mitigation=f"M000{number}") for number, action in enumerate(actions)]
    notes = []
    for one in targets:
        notes.append(json.loads(json.dumps(dict(tree.rewrite.capture(one)))))
        tree.rewrite.apply(one)
        assert tree.rewrite.look(one).presence in {Presence.PRESENT, Presence.DISABLED}
    for number in undo_order:
        tree.rewrite.undo(targets[number], notes[number])
    return before, tree.host.read_bytes()


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_after_undo_the_file_is_as_it_was(tree: Tree, body: str, style: Callable[[str], bytes]) -> None:
    """Five rules of every kind come and go; the file is byte for byte what it was."""
    tree.host.write_bytes(style(HEAD.format(declared=DECLARED) + body + TAIL))

    before, after = _round_trip(tree, ACTIONS, [4, 3, 2, 1, 0])

    assert after == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize(
    "body", ["no rewrite section", "self-closed rules", "foreign rules", "a self-closed location"]
)
def test_rules_may_go_in_any_order(tree: Tree, body: str, order: tuple[int, ...]) -> None:
    """The one that made a section may go before those that moved in later."""
    tree.write(BODIES[body])
    actions = [inbound(SITE), inbound(SITE, pattern="other"), outbound(SITE)]

    before, after = _round_trip(tree, actions, list(order))

    assert after == before


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_a_rule_follows_the_files_own_style(tree: Tree, style: Callable[[str], bytes]) -> None:
    """What is added uses the file's newlines and encoding, and adds no other bytes."""
    tree.host.write_bytes(
        style(HEAD.format(declared=DECLARED) + location("Default Web Site", FOREIGN) + TAIL)
    )
    before = parse_config(tree.host.read_bytes(), source="before")

    tree.rewrite.apply(target(inbound()))

    after = parse_config(tree.host.read_bytes(), source="after")
    assert (after.bom, after.encoding) == (before.bom, before.encoding)
    assert (b"\r\n" in before.data) == (b"\r\n" in after.data)
    assert after.data.count(b"\n") - after.data.count(b"\r\n") <= (before.data.count(b"\n") or 0) + 8
    assert b"\n" in before.data or b"\n" not in after.data


def test_a_rule_stands_before_everybody_elses(tree: Tree) -> None:
    """A foreign rule that stops the processing cannot keep requests from ours."""
    tree.write(location("Default Web Site", FOREIGN))

    tree.rewrite.apply(target(inbound()))

    text = parse_config(tree.host.read_bytes(), source="host")
    found = [
        rule.attributes["name"]
        for rule in text.root.descend("location", "system.webServer", "rewrite", "rules", "rule")
    ]
    assert found == ["feedsrv M0001.A1 rule", "Somebody's rule"]


def test_a_rule_stands_after_a_clear_that_would_take_it_away(tree: Tree) -> None:
    """IIS reads a section in order, so what stands before a `<clear />` is gone."""
    tree.write(location("Default Web Site", f"<clear />\n                    {FOREIGN}"))

    tree.rewrite.apply(target(inbound()))

    text = parse_config(tree.host.read_bytes(), source="host")
    section = next(text.root.descend("location", "system.webServer", "rewrite", "rules"))
    assert [one.attributes.get("name", one.tag) for one in section.children] == [
        "clear",
        "feedsrv M0001.A1 rule",
        "Somebody's rule",
    ]


@pytest.mark.parametrize("taking_away", ["<clear />", f'<remove name="{OUR_NAME}" />'])
def test_a_rule_that_was_cleared_in_its_own_section_moves_behind_it(tree: Tree, taking_away: str) -> None:
    """Repairing puts it where it has effect, and undoing leaves what the administrator wrote."""
    tree.write(location("Default Web Site", FOREIGN))
    one = target(inbound())
    adapter = tree.rewrite
    note = adapter.capture(one)
    adapter.apply(one)
    text = tree.host.read_text(encoding="utf-8")
    tree.host.write_text(text.replace("</rules>", f"{taking_away}</rules>"), encoding="utf-8")
    hidden = adapter.look(replace(one, ours=True)).presence

    adapter.apply(replace(one, ours=True))
    seen = adapter.look(replace(one, ours=True)).presence
    adapter.undo(one, note)

    assert (hidden, seen) == (Presence.DISABLED, Presence.PRESENT)
    left = tree.host.read_text(encoding="utf-8")
    assert OUR_NAME not in left.replace(taking_away, "")
    assert FOREIGN in left
    assert taking_away in left


@pytest.mark.parametrize("body", ["a location that locks", "a location kept from applications"])
def test_a_section_is_not_made_where_it_would_lock_others_out(tree: Tree, body: str) -> None:
    """A location that denies overriding, or hides from applications, is not used for a new section."""
    tree.write(BODIES[body])

    tree.rewrite.apply(target(inbound()))

    text = parse_config(tree.host.read_bytes(), source="host")
    rule = next(text.root.descend("location", "system.webServer", "rewrite", "rules", "rule"))
    assert rule.parent is not None
    place = next(one for one in text.root.named("location") if one.start < rule.start < one.end)
    assert dict(place.attributes) == {"path": "Default Web Site"}


def test_what_somebody_added_meanwhile_stays(tree: Tree) -> None:
    """Undo takes out our rule alone: a comment and a rule that came later stay."""
    one = target(inbound())
    note = tree.rewrite.capture(one)
    tree.rewrite.apply(one)
    raw = tree.host.read_bytes()
    tree.host.write_bytes(
        raw.replace(b"</rules>", b'<rule name="new"><match url="n" /></rule><!-- n --></rules>')
    )

    tree.rewrite.undo(one, note)

    after = tree.host.read_bytes()
    assert b'<rules><rule name="new"><match url="n" /></rule><!-- n --></rules>' in re.sub(
        rb"\n\s*", b"", after
    )
    assert b"feedsrv" not in after


def _names() -> st.SearchStrategy[str]:
    return st.text("ab >/=-.*({}", max_size=8)


@st.composite
def _foreign(draw: st.DrawFn, depth: int = 0) -> str:
    """Some configuration of somebody else, laid out in some odd way."""
    gap = draw(st.sampled_from(["", " ", "\n", "\n    ", "\r\n\t", "\n\n"]))
    kind = draw(st.integers(0, 6 if depth < 4 else 2))
    if kind == 0:
        return f"{gap}<!--{draw(_names()).replace('-', '')}-->"
    if kind == 1:
        return (
            f'{gap}<add key="{draw(_names())}"{draw(st.sampled_from(["/>", " />", "></add>", "> </add >"]))}'
        )
    if kind == 2:
        return f"{gap}<clear/>"
    likely = [["system.webServer"], ["rewrite"], ["rules", "outboundRules", "globalRules"], ["preConditions"]]
    tag = draw(st.sampled_from([*likely[min(depth, 3)] * 3, "rules", "rewrite", "location", "other"]))
    inner = "".join(draw(st.lists(_foreign(depth + 1), max_size=3)))
    return f"{gap}<{tag}>{inner}{draw(st.sampled_from(['', ' ', chr(10)]))}</{tag}>"


@st.composite
def _bodies(draw: st.DrawFn) -> str:
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        inner = "".join(draw(st.lists(_foreign(), max_size=3)))
        place = draw(st.sampled_from(["", "Default Web Site", "default web site/OWA/", "Back End"]))
        mode = draw(st.sampled_from(["", ' overrideMode="Deny"', " overrideMode='Allow'"]))
        parts.append(f"<location path='{place}'{mode} >{inner}</location>" if draw(st.booleans()) else inner)
    return draw(st.sampled_from(["\n", "", "\r\n  "])).join(parts)


@settings(max_examples=120, deadline=None)
@given(body=_bodies(), chosen=st.permutations(range(5)), order=st.permutations(range(3)))
def test_any_foreign_configuration_comes_back(body: str, chosen: list[int], order: list[int]) -> None:
    """Whatever others wrote, and in whatever order ours come and go, the file ends as it began."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "machine")
        tree.write(body)

        before, after = _round_trip(tree, [ACTIONS[number] for number in chosen[:3]], list(order))

        assert after == before


def test_a_rule_of_another_mitigation_is_left_alone(tree: Tree) -> None:
    """Two mitigations with the same action id do not touch each other's rule."""
    first, second = target(inbound()), target(inbound(pattern="other"), mitigation="M0002")
    notes: dict[str, object] = {}
    for one in (first, second):
        notes[one.mitigation_id] = tree.rewrite.capture(one)
        tree.rewrite.apply(one)

    tree.rewrite.undo(first, _note(notes, first))

    assert tree.rewrite.look(first).presence is Presence.ABSENT
    assert tree.rewrite.look(second).presence is Presence.PRESENT


def _note(notes: dict[str, object], one: Target) -> dict[str, object]:
    note = notes[one.mitigation_id]
    assert isinstance(note, dict)
    return note
