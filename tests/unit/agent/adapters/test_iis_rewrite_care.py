"""What could go wrong while a rule is written or taken back, and does no harm."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsrv.agent.adapters import iis_rewrite
from feedsrv.agent.adapters.config_text import ConfigText, Element, parse_config
from feedsrv.agent.adapters.splices import Spot, put
from feedsrv.agent.ports import AdapterError, Presence, Target
from feedsrv.model.action import (
    Condition,
    CustomResponse,
    Grouping,
    InboundRule,
    Place,
    Rewrite,
    Syntax,
    UrlRewrite,
)
from feedsrv.model.iis_rule import Piece
from tests.unit.agent.adapters.iis_tree import (
    FOREIGN,
    OWA,
    SERVER,
    SITE,
    Tree,
    inbound,
    location,
    outbound,
    rules,
    target,
)

ASKED = (Condition("{HTTP_COOKIE}", "(a)", negate=True), Condition("{QUERY_STRING}", "b", ignore_case=False))


@pytest.mark.parametrize(
    "rule",
    [
        InboundRule("*", CustomResponse(404, 7, "Gone <away>", "No & no"), syntax=Syntax.WILDCARD),
        InboundRule(
            "owa", Rewrite("/sorry?{C:1}"), syntax=Syntax.EXACT, conditions=ASKED, stop_processing=False
        ),
        InboundRule(
            "x", CustomResponse(403), negate=True, ignore_case=False, grouping=Grouping.ANY, conditions=ASKED
        ),
    ],
)
def test_every_kind_of_rule_reads_back_as_it_was_written(tree: Tree, rule: InboundRule) -> None:
    """Each is recognised by what it does, and taken back to the byte."""
    before = tree.host.read_bytes()
    one = target(UrlRewrite("A1", "some", SITE, rule))
    note = tree.rewrite.capture(one)

    tree.rewrite.apply(one)

    assert tree.rewrite.look(one).presence is Presence.PRESENT
    changed = replace(rule, pattern="other"), replace(rule, negate=not rule.negate)
    for other in changed:
        sight = tree.rewrite.look(replace(one, action=UrlRewrite("A1", "some", SITE, other), ours=True))
        assert sight.presence is Presence.CHANGED
    tree.rewrite.undo(one, note)
    assert tree.host.read_bytes() == before


def test_the_order_of_conditions_counts_where_the_action_refers_to_one(tree: Tree) -> None:
    """`{C:1}` is taken from the last condition that matched, so turning them round changes the rule."""
    rule = InboundRule("x", Rewrite("/{C:1}"), conditions=ASKED)
    turned = replace(rule, conditions=ASKED[::-1])
    tree.rewrite.apply(target(UrlRewrite("A1", "some", SITE, rule)))

    seen = [
        tree.rewrite.look(target(UrlRewrite("A1", "some", SITE, one), ours=True)).presence
        for one in (rule, turned)
    ]

    assert seen == [Presence.PRESENT, Presence.CHANGED]


def test_a_precondition_that_somebody_removed_is_put_back(tree: Tree) -> None:
    """A rule that names a precondition which is not there is not what we wrote."""
    before = tree.host.read_bytes()
    one = target(outbound())
    note = tree.rewrite.capture(one)
    tree.rewrite.apply(one)
    right = tree.host.read_bytes()
    start, end = right.index(b"<preConditions>"), right.index(b"</preConditions>") + len(b"</preConditions>")
    tree.host.write_bytes(right[:start].rstrip() + right[end:])

    sight = tree.rewrite.look(replace(one, ours=True))
    tree.rewrite.apply(replace(one, ours=True))

    assert sight.presence is Presence.CHANGED
    assert tree.host.read_bytes() == right
    tree.rewrite.undo(one, note)
    assert tree.host.read_bytes() == before


def test_a_double_of_our_rule_is_a_conflict_even_where_ours_is_right(tree: Tree) -> None:
    """Somebody copied it to an application: IIS would refuse that application."""
    tree.rewrite.apply(target(inbound()))
    path = tree.web_config(
        "C/Exchange/owa", rules('<rule name="feedsrv M0001.A1 rule"><match url="x" /></rule>')
    )

    sight = tree.rewrite.look(target(inbound(), ours=True))

    assert sight.presence is Presence.CONFLICT
    assert f"{path}, line 3: the name 'feedsrv M0001.A1 rule' is used a second time" in sight.detail


@pytest.mark.parametrize("harm", ["a foreign rule lost", "a comment lost", "our rule written wrongly"])
def test_an_edit_that_came_out_wrong_is_never_written(
    tree: Tree, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is read with other eyes before it replaces the file."""
    before = tree.write(location("Default Web Site", FOREIGN))

    def clumsy(text: ConfigText, spot: Spot, piece: Piece) -> bytes:
        after = put(text, spot, piece)
        match harm:
            case "a foreign rule lost":
                return after.replace(b'url="(.*)"', b'url="(.+)"')
            case "a comment lost":
                return after.replace(b"<!-- > everything -->", b"")
            case _:
                return after.replace(b"AbortRequest", b"Abortrequests")

    monkeypatch.setattr(iis_rewrite, "put", clumsy)

    with pytest.raises(AdapterError, match="would not have come out as it should"):
        tree.rewrite.apply(target(inbound()))

    assert tree.host.read_bytes() == before
    assert tree.server.application_host.read_backup() is None


def test_a_damaged_backup_does_not_hold_up_an_undo(tree: Tree) -> None:
    """The note alone is enough to take our rule out."""
    before = tree.host.read_bytes()
    one = target(inbound())
    note = tree.rewrite.capture(one)
    tree.rewrite.apply(one)
    tree.server.application_host.backup.write_bytes(b"<")

    tree.rewrite.undo(one, note)

    assert tree.host.read_bytes() == before


@pytest.mark.parametrize(
    "note", [{}, {"before": "absent", "shapes": None}, {"shapes": ["?", {"missing": 3}]}]
)
def test_a_note_that_says_too_little_still_takes_the_rule_out(tree: Tree, note: dict[str, object]) -> None:
    """Then the backup tells what the place looked like."""
    before = tree.host.read_bytes()
    one = target(outbound(OWA))
    tree.rewrite.apply(one)

    tree.rewrite.undo(one, note)

    assert tree.host.read_bytes() == before


def test_a_new_revision_takes_the_place_of_the_old_rule(tree: Tree) -> None:
    """With the record, a rule of the earlier revision is replaced where it stands."""
    before = tree.host.read_bytes()
    old, new = inbound(), inbound(pattern="better")
    one_name = target(old).rule_name
    note = tree.rewrite.capture(target(old))
    tree.rewrite.apply(target(old))

    tree.rewrite.apply(target(new, ours=True))

    assert tree.rewrite.look(target(new, ours=True)).presence is Presence.PRESENT
    assert tree.host.read_bytes().count(one_name.encode()) == 1
    tree.rewrite.undo(target(new, ours=True), note)
    assert tree.host.read_bytes() == before


def test_values_are_written_so_that_they_read_back(tree: Tree) -> None:
    """Quotation marks, angle brackets, tabs and letters of any script survive the file."""
    odd = Condition("{HTTP_COOKIE}", "\"'<&>\t\u00fc\u4e2d]]>")
    action = UrlRewrite("A1", "odd", SITE, replace(inbound().rule, conditions=(odd,)))

    tree.rewrite.apply(target(action))

    assert tree.rewrite.look(target(action, ours=True)).presence is Presence.PRESENT


# Whatever XML can hold: quotation marks, brackets, line ends, text that runs backwards, `%WINDIR%`.
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\"'<>&%{}\t\n\r\x85\x9b\u2028\u202e/\\]"),
    min_size=1,
    max_size=60,
)


@given(name=WORDS, pattern=WORDS, wanted=WORDS, place=st.sampled_from([SITE, OWA, SERVER]))
@settings(max_examples=100, deadline=None)
def test_no_words_of_a_mitigation_leave_their_attribute(
    name: str, pattern: str, wanted: str, place: Place
) -> None:
    """Signed is not harmless: what comes in is one rule with these words, and it goes without a trace."""
    condition = Condition(wanted, pattern)
    rule = InboundRule(pattern, CustomResponse(403, 0, name, wanted), conditions=(condition,))
    one = Target("M0001", 1, UrlRewrite("A1", name, place, rule), f"feedsrv M0001.A1 {name}")
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "machine")
        before = tree.host.read_bytes()
        note = tree.rewrite.capture(one)

        tree.rewrite.apply(one)

        text = parse_config(tree.host.read_bytes(), source="test")
        assert tree.rewrite.look(replace(one, ours=True)).presence is Presence.PRESENT
        assert _rules_in(text.root) == 1
        tree.rewrite.undo(one, note)
        assert tree.host.read_bytes() == before


def _rules_in(element: Element) -> int:
    return (element.tag == "rule") + sum(_rules_in(child) for child in element.children)
