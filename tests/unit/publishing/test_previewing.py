"""What people are told that an agent would change, held to what agents really write and run."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.agent.adapters.app_pool import AppPools
from feedsrv.agent.adapters.host import open_host
from feedsrv.agent.adapters.pretended_machine import PretendedMachine, PretendedService
from feedsrv.agent.adapters.rehearsal import RehearsalHost
from feedsrv.agent.adapters.runner import Answer
from feedsrv.agent.adapters.service import Services
from feedsrv.agent.ports import Target
from feedsrv.agent.sandbox import Sandbox, lay_out
from feedsrv.model.action import (
    Action,
    AppPool,
    DoNothing,
    InboundRule,
    OutboundRule,
    Place,
    Scope,
    Service,
    UrlRewrite,
)
from feedsrv.model.mitigation import Status, rule_name
from feedsrv.publishing.previewing import ServerChange, preview
from tests.desk import AT
from tests.pki import sample_mitigation
from tests.unit.agent.adapters.iis_tree import OWA, SERVER, SITE, Tree, inbound, outbound
from tests.words import QUICK, rules

ECP = Place(Scope.APPLICATION, "Default Web Site", "/ecp")
_HOLDER = re.compile(
    r"</?(location|system\.webServer|rewrite|globalRules|rules|outboundRules|preConditions)\b[^>]*>"
)


def previewed(action: Action, status: Status = Status.ACTIVE) -> ServerChange:
    """What people are told of one action."""
    (change,) = preview(sample_mitigation(AT, actions=(action,), status=status), "Contoso")
    return change


def aimed(action: Action) -> Target:
    """The same action as an agent hands it to its adapters."""
    name = action.name if isinstance(action, UrlRewrite) else "-"
    return Target("M0001", 1, action, rule_name("Contoso", "M0001", action.id, name))


@dataclass
class Recorder:
    """A machine that keeps what it was asked to run."""

    machine: PretendedMachine
    ran: list[str] = field(default_factory=list)

    def run(self, program: str, *arguments: str) -> Answer:
        """Run it, and keep it."""
        self.ran.append(" ".join([f"{program}.exe", *arguments]))
        return self.machine.run(program, *arguments)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A pretended Exchange server that nothing changes."""
    return lay_out(tmp_path_factory.mktemp("previewing") / "sandbox")


class TestRules:
    """URL rewrite rules, as IIS keeps them."""

    @pytest.mark.parametrize("action", [inbound(SITE), inbound(OWA), inbound(SERVER), outbound(OWA)])
    def test_a_rule_stands_on_the_server_line_by_line_as_people_were_shown(
        self, tmp_path: Path, action: UrlRewrite
    ) -> None:
        """With the location and everything else around it that was not there before."""
        tree = Tree(tmp_path / "machine")
        tree.write("")

        tree.rewrite.apply(aimed(action))

        after = tree.host.read_text().partition("</system.applicationHost>\n")[2]
        assert dedent(after.removesuffix("</configuration>\n")).strip() == previewed(action).change

    @given(rule=rules(), place=st.sampled_from([SERVER, SITE, OWA, ECP]))
    @QUICK
    def test_a_rehearsal_on_a_server_tells_the_same_lines(
        self, sandbox: Sandbox, rule: InboundRule | OutboundRule, place: Place
    ) -> None:
        """Whatever the words; only the elements around a rule may be there already."""
        action = UrlRewrite("A1", 'He said "no" & left', place, rule)
        host = open_host(kind="rehearsal", config_root=sandbox.config_root)
        assert isinstance(host, RehearsalHost)

        host.apply(aimed(action))

        told = Counter(
            line[1:].strip()
            for line in host.told[0].split("\n")
            if line.startswith("+") and not line.startswith("+++")
        )
        shown = Counter(line.strip() for line in previewed(action).change.split("\n"))
        assert not told - shown
        assert all(_HOLDER.fullmatch(line) for line in shown - told)

    def test_where_and_undo_are_named(self) -> None:
        """The very rule, by the name under which an administrator finds it."""
        change = previewed(outbound(OWA))

        assert change.where == "applicationHost.config, location Default Web Site/owa"
        assert change.undo.split("\n")[:2] == [
            "remove that rule: Contoso M0001.A2 OWA CSP - outbound",
            "remove its precondition: Contoso M0001.A2 OWA CSP - outbound - precondition",
        ]

    def test_a_withdrawn_mitigation_shows_what_is_taken_back(self) -> None:
        """The undo is what an agent does now."""
        done, change = previewed(inbound(SITE)), previewed(inbound(SITE), Status.WITHDRAWN)

        assert change == replace(
            done,
            title=f"take back: {done.title}",
            before=done.change,
            change=done.undo,
            undo="nothing to take back: a server is as it was before the mitigation",
        )


class TestPoolsAndServices:
    """What is stopped."""

    def test_a_pool_is_stopped_by_what_people_were_shown(self, tmp_path: Path) -> None:
        """Both attributes, then appcmd; and started again in the same way."""
        tree = Tree(tmp_path / "machine")
        recorder = Recorder(PretendedMachine(pools={"Always": "Started"}))
        pools, action = AppPools(tree.server, recorder), AppPool("A1", "Always")
        note = pools.capture(aimed(action))

        pools.apply(aimed(action))
        written = tree.host.read_text()
        pools.undo(aimed(action), note)

        change = previewed(action)
        auto_start, start_mode, stop = change.change.split("\n")
        (pool,) = re.findall(r'<add\s+name="Always"[^>]*>', written)
        assert auto_start in pool
        assert start_mode in pool
        start = change.undo.split("\n")[1].partition(" (")[0]
        assert [one for one in recorder.ran if " list " not in one] == [stop, start]

    def test_a_service_is_stopped_by_what_people_were_shown(self) -> None:
        """Disabled first, so that nothing starts it again; and given back as it was."""
        recorder = Recorder(PretendedMachine(services={"MSExchangeUM": PretendedService(start="demand")}))
        services, action = Services(recorder), Service("A1", "MSExchangeUM")
        note = services.capture(aimed(action))

        services.apply(aimed(action))
        services.undo(aimed(action), note)

        change = previewed(action)
        back, start = change.undo.split("\n")
        ran = [one for one in recorder.ran if " query " not in one and " qc " not in one]
        assert ran == [
            *change.change.split("\n"),
            back.replace("(the start mode it had before)", "demand"),
            start.partition(" (")[0],
        ]

    def test_a_heartbeat_changes_nothing(self) -> None:
        """And says so."""
        change = previewed(DoNothing("A1"))

        assert (change.change, change.undo) == ("nothing is changed", "nothing to take back")
