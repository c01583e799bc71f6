"""A rule is recognised by what it does, and whatever keeps it from acting is found and named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.agent.adapters.iis_sheets import Sheets
from feedsrv.agent.ports import NameTakenError, Presence
from feedsrv.model.action import Grouping, InboundRule
from tests.unit.agent.adapters.iis_tree import (
    FOREIGN,
    OWA,
    SERVER,
    Tree,
    inbound,
    location,
    outbound,
    rules,
    target,
)

SAME = """\
<rule name="EEMS M1.1 PowerShell - inbound" stopProcessing="true">
    <match url=".*" />
    <conditions>
        <add input="{urldecode:{request_uri}}" pattern="(?=.*autodiscover)(?=.*powershell)" />
    </conditions>
    <action type="AbortRequest" />
</rule>"""
SAME_OUTBOUND = """\
<system.webServer><rewrite><outboundRules>
<rule name="theirs" preCondition="Pages">
    <match serverVariable="response_content_security_policy" pattern="(.*)" />
    <action type="Rewrite" value="{R:1}; x 'none'" />
</rule>
<preConditions><preCondition name="pages">
    <add input="{REQUEST_URI}" pattern="^/owa/?" />
    <add input="{RESPONSE_CONTENT_TYPE}" pattern="^text/html" />
</preCondition></preConditions>
</outboundRules></rewrite></system.webServer>"""
OUR_NAME = "feedsrv M0001.A1 rule"
OUR_RULE = f'<rule name="{OUR_NAME}"><match url="x" /><action type="None" /></rule>'


class TestTheSameBehaviour:
    """Somebody else already did what we are about to do."""

    def test_in_the_sites_web_config_counts_as_present(self, tree: Tree) -> None:
        """It is found where other tools write it, said under which name, and not added twice."""
        path = tree.web_config("C/inetpub/wwwroot", rules(SAME))
        before = tree.host.read_bytes()

        sight = tree.rewrite.look(target(inbound()))
        tree.rewrite.apply(target(inbound()))

        assert sight.presence is Presence.PRESENT
        assert "EEMS M1.1 PowerShell - inbound" in sight.detail
        assert f"{path}, line 3" in sight.detail
        assert tree.host.read_bytes() == before

    def test_is_never_removed_at_undo(self, tree: Tree) -> None:
        """What is not ours stays when our mitigation goes."""
        before = tree.write(location("Default Web Site", SAME))
        note = tree.rewrite.capture(target(inbound()))
        tree.rewrite.apply(target(inbound()))

        tree.rewrite.undo(target(inbound(), ours=True), note)

        assert note["before"] == "present"
        assert tree.host.read_bytes() == before

    def test_of_an_outbound_rule_includes_its_precondition(self, tree: Tree) -> None:
        """The precondition counts by what it asks, not by its name or the order of its questions."""
        path = tree.web_config("C/Exchange/owa", SAME_OUTBOUND)

        same = tree.rewrite.look(target(outbound()))
        path.write_text(path.read_text().replace("^text/html", "^text/plain"))
        other = tree.rewrite.look(target(outbound()))

        assert same.presence is Presence.PRESENT
        assert other.presence is Presence.ABSENT

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('stopProcessing="true"', 'stopProcessing="false"'),
            ('stopProcessing="true"', 'stopProcessing="true" enabled="false"'),
            ('stopProcessing="true"', 'stopProcessing="true" patternSyntax="Wildcard"'),
            ('url=".*"', 'url=".*" negate="true"'),
            ('url=".*"', 'url=".*" ignoreCase="false"'),
            ("{urldecode:{request_uri}}", "{urldecode: {request_uri}}"),
            ("(?=.*autodiscover)(?=.*powershell)", ".*autodiscover.*powershell"),
            ("AbortRequest", "CustomResponse"),
            ("<add ", '<add negate="true" '),
            ("<add ", '<add matchType="IsFile" '),
            ("</conditions>", '<add input="{HTTP_HOST}" pattern="x" /></conditions>'),
        ],
    )
    def test_is_not_seen_where_anything_differs(self, tree: Tree, old: str, new: str) -> None:
        """Each of these rules protects less, or otherwise, so ours is still needed."""
        assert old in SAME
        tree.web_config("C/inetpub/wwwroot", rules(SAME.replace(old, new)))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.ABSENT

    def test_elsewhere_does_not_count(self, tree: Tree) -> None:
        """The same rule on another site, or only on an application, protects that one alone."""
        tree.web_config("C/backend", rules(SAME))
        tree.web_config("C/Exchange/owa", rules(SAME))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.ABSENT

    def test_that_a_child_takes_away_does_not_count(self, tree: Tree) -> None:
        """A foreign rule that an application removes does not protect the site."""
        tree.web_config("C/inetpub/wwwroot", rules(SAME))
        tree.web_config("C/Exchange/owa", rules('<remove name="EEMS M1.1 PowerShell - inbound" />'))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.ABSENT

    def test_does_not_depend_on_the_grouping_of_a_single_condition(self, tree: Tree) -> None:
        """All of one and any of one are the same."""
        action = inbound()
        assert isinstance(action.rule, InboundRule)
        tree.rewrite.apply(target(action))
        any_of_one = replace(action, rule=replace(action.rule, grouping=Grouping.ANY))

        sight = tree.rewrite.look(target(any_of_one))

        assert sight.presence is Presence.PRESENT


class TestOurName:
    """Our name says that a rule is ours only where our own record says so too."""

    def test_with_a_record_and_other_behaviour_is_a_change(self, tree: Tree) -> None:
        """What differs is named, and applying puts it right."""
        tree.rewrite.apply(target(inbound()))
        changed = tree.host.read_bytes().replace(b"(?=.*powershell)", b"").replace(b"AbortRequest", b"None")
        tree.host.write_bytes(changed)

        sight = tree.rewrite.look(target(inbound(), ours=True))

        assert sight.presence is Presence.CHANGED
        assert sight.detail.endswith("was changed in its conditions, action")
        assert f"line {tree.line_of(OUR_NAME)}" in sight.detail

    def test_without_a_record_and_other_behaviour_is_a_conflict(self, tree: Tree) -> None:
        """It is refused by name and line, and nothing is written."""
        before = tree.write(location("Default Web Site", OUR_RULE))

        with pytest.raises(NameTakenError, match=f"line {tree.line_of(OUR_NAME)}.*taken"):
            tree.rewrite.apply(target(inbound()))

        assert tree.rewrite.capture(target(inbound()))["before"] == "taken"
        assert tree.host.read_bytes() == before

    def test_with_the_same_behaviour_is_adopted(self, tree: Tree) -> None:
        """An agent that lost its record finds its own rule, and can still take it back."""
        before = tree.host.read_bytes()
        tree.rewrite.apply(target(inbound()))

        note = tree.rewrite.capture(target(inbound()))
        tree.rewrite.undo(target(inbound(), ours=True), note)

        assert note["before"] == "absent"
        assert tree.host.read_bytes() == before

    @pytest.mark.parametrize("ours", [False, True])
    def test_used_again_further_down_is_a_conflict(self, tree: Tree, ours: bool) -> None:
        """IIS refuses to serve where a rule inherits another of its own name."""
        path = tree.web_config(
            "C/Exchange/owa", rules(OUR_RULE.upper().replace("RULE", "rule").replace("NAME", "name"))
        )
        path.write_text(
            path.read_text().replace("MATCH URL", "match url").replace("ACTION TYPE", "action type")
        )

        sight = tree.rewrite.look(target(inbound(), ours=ours))

        assert sight.presence is Presence.CONFLICT
        assert str(path) in sight.detail

    def test_of_a_precondition_can_be_taken_too(self, tree: Tree) -> None:
        """A foreign precondition of our name is not overwritten."""
        taken = '<preConditions><preCondition name="feedsrv M0001.A2 rule - precondition" /></preConditions>'
        before = tree.write(location("Default Web Site/owa", taken).replace("rules>", "outboundRules>"))

        with pytest.raises(NameTakenError, match="precondition"):
            tree.rewrite.apply(target(outbound()))

        assert tree.host.read_bytes() == before


class TestSwitchedOff:
    """There, but without effect: who does it is named by file and line."""

    @pytest.mark.parametrize("taking_away", ["<clear />", f'<remove name="{OUR_NAME.upper()}" />'])
    @pytest.mark.parametrize(
        "folder", ["C/inetpub/wwwroot", "C/Exchange/owa", "D/pictures", "C/inetpub/wwwroot/a/b"]
    )
    def test_by_a_web_config_of_the_site_or_below(self, tree: Tree, folder: str, taking_away: str) -> None:
        """An application, a virtual directory and a plain folder can each take the rule away."""
        path = tree.web_config(folder, rules(f"{taking_away}\n{FOREIGN}"))
        tree.rewrite.apply(target(inbound()))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.DISABLED
        assert f"{path}, line 3" in sight.detail

    def test_by_a_location_in_a_web_config_or_in_the_host_file(self, tree: Tree) -> None:
        """A `<location>` takes the rule away for its path."""
        tree.write(location("Default Web Site/owa", "<clear />"))
        path = tree.web_config("C/inetpub/wwwroot", location("pictures", f'<remove name="{OUR_NAME}" />'))
        tree.rewrite.apply(target(inbound()))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.DISABLED
        assert f"{tree.host}, line {tree.line_of('<clear />')}" in sight.detail
        assert f"{path}, line 6" in sight.detail

    def test_by_rules_kept_in_a_file_of_their_own(self, tree: Tree) -> None:
        """`configSource` is followed."""
        path = tree.web_config(
            "C/Exchange/owa",
            "<system.webServer><rewrite><rules configSource='more\\r.config'/></rewrite></system.webServer>",
        )
        other = path.parent / "more" / "r.config"
        other.parent.mkdir()
        other.write_text("<rules>\n<clear/></rules>")
        tree.rewrite.apply(target(inbound()))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.DISABLED
        assert f"{other}, line 2" in sight.detail

    def test_by_taking_the_precondition_away(self, tree: Tree) -> None:
        """An outbound rule whose precondition is cleared below does not act there."""
        path = tree.web_config(
            "C/Exchange/owa",
            "<system.webServer><rewrite><outboundRules><preConditions><clear /></preConditions>"
            "</outboundRules></rewrite></system.webServer>",
        )
        tree.rewrite.apply(target(outbound()))

        sight = tree.rewrite.look(target(outbound()))

        assert sight.presence is Presence.DISABLED
        assert str(path) in sight.detail

    def test_by_removing_the_module(self, tree: Tree) -> None:
        """A web.config that removes the URL Rewrite module disables every rule there."""
        path = tree.web_config(
            "C/inetpub/wwwroot",
            '<system.webServer><modules>\n<remove name="RewriteModule" /></modules></system.webServer>',
        )
        tree.rewrite.apply(target(inbound(OWA)))

        sight = tree.rewrite.look(target(inbound(OWA)))

        assert sight.presence is Presence.DISABLED
        assert f"{path}, line 3" in sight.detail

    def test_in_itself_is_put_right_by_applying(self, tree: Tree) -> None:
        """`enabled="false"` on our own rule is seen, and repaired."""
        tree.rewrite.apply(target(inbound()))
        right = tree.host.read_bytes()
        tree.host.write_bytes(right.replace(b'enabled="true"', b'enabled="false"'))

        sight = tree.rewrite.look(target(inbound(), ours=True))
        tree.rewrite.apply(target(inbound(), ours=True))

        assert sight.presence is Presence.DISABLED
        assert tree.host.read_bytes() == right

    def test_above_or_beside_does_not_matter(self, tree: Tree) -> None:
        """A clear on another site, above our place, or before our own rule takes nothing away."""
        tree.web_config("C/backend", rules("<clear />"))
        tree.web_config("C/inetpub/wwwroot", rules("<clear />"))
        tree.write(location("Default Web Site/owa", "<clear />"))
        tree.rewrite.apply(target(inbound(OWA)))

        sight = tree.rewrite.look(target(inbound(OWA)))

        assert sight.presence is Presence.PRESENT

    def test_never_happens_to_a_rule_of_the_whole_server(self, tree: Tree) -> None:
        """Global rules cannot be cleared from below."""
        tree.web_config("C/inetpub/wwwroot", rules("<clear />"))
        tree.rewrite.apply(target(inbound(SERVER)))

        sight = tree.rewrite.look(target(inbound(SERVER)))

        assert sight.presence is Presence.PRESENT


class TestWhatIsMentioned:
    """Present, and still something an operator should know."""

    def test_a_foreign_rule_before_ours_that_stops_everything(self, tree: Tree) -> None:
        """A site's rule that stops every request comes before one of an application."""
        path = tree.web_config("C/inetpub/wwwroot", rules(FOREIGN))
        tree.rewrite.apply(target(inbound(OWA)))

        sight = tree.rewrite.look(target(inbound(OWA)))

        assert sight.presence is Presence.PRESENT
        assert f'{path}, line 3: rule "Somebody\'s rule" stops every request' in sight.detail

    @pytest.mark.parametrize(
        "harmless",
        [
            FOREIGN.replace("(.*)", "^only/"),
            FOREIGN.replace(' stopProcessing="true"', ""),
            FOREIGN.replace("<rule ", '<rule enabled="false" '),
            FOREIGN.replace('url="(.*)"', 'url="(.*)" negate="true"'),
        ],
    )
    def test_only_where_it_really_stops_everything(self, tree: Tree, harmless: str) -> None:
        """A rule that lets something through is nobody's business."""
        tree.web_config("C/inetpub/wwwroot", rules(harmless))
        tree.rewrite.apply(target(inbound(OWA)))

        sight = tree.rewrite.look(target(inbound(OWA)))

        assert "stops every request" not in sight.detail

    def test_a_damaged_web_config_does_not_keep_the_server_unprotected(self, tree: Tree) -> None:
        """It is mentioned with its line, and the rule is applied all the same."""
        path = tree.web_config("C/Exchange/owa", "<oops>")
        tree.rewrite.apply(target(inbound()))

        sight = tree.rewrite.look(target(inbound()))

        assert sight.presence is Presence.PRESENT
        assert f"{path}, line 3: not well-formed" in sight.detail

    def test_a_folder_that_cannot_be_looked_at(self, tree: Tree) -> None:
        """A physical path on a share or of an unknown variable is said to be unseen."""
        raw = tree.host.read_bytes().replace(b"D:\\pictures", b"\\\\nas\\pictures")
        tree.host.write_bytes(raw)

        sight = tree.rewrite.look(target(inbound()))

        assert r"\\nas\pictures of Default Web Site/pictures could not be looked at" in sight.detail


def test_a_folder_without_end_does_not_hold_up_the_agent(tree: Tree) -> None:
    """After so many folders the search ends, and says so."""
    for number in range(5):
        (tree.root / "C/inetpub/wwwroot" / str(number)).mkdir()

    sheets = Sheets(tree.server, tree.server.read(), "Default Web Site", max_folders=3)

    assert sheets.unread == [f"{tree.root / 'C/inetpub/wwwroot'}: only its first 3 folders were looked at"]


def test_a_folder_that_is_answered_from_elsewhere_has_no_say(tree: Tree) -> None:
    """A left-over folder of the application's name below the site is not what IIS reads."""
    tree.web_config("C/inetpub/wwwroot/OWA", rules("<clear />"))
    tree.rewrite.apply(target(inbound()))

    sight = tree.rewrite.look(target(inbound()))

    assert sight.presence is Presence.PRESENT
