"""Five years of months: whoever does what the plan says, when it says so, strands no agent.

At the start the issuing CAs are three years old and the root is seven, so that all of them end on the way:
leaf, CA and root. Each month the keeper comes by, the operator does whatever the plan wants done before the
next month, and every agent that was ever set up polls. One of them polls four times a year only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from feedsrv.publishing.planning import Switch, Task
from feedsrv.signing.issuing import Authority
from feedsrv.signing.signer import chain_ends
from feedsrv.trust.profile import ISSUERS, SIGNERS, Kind, Role, fingerprint
from tests.publisher import heartbeat, written
from tests.rotation import Line, make_ca, make_root, make_signer, make_voucher
from tests.years import Agent, Service, codes

DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)
MONTH: Final = timedelta(days=30)
BEGIN: Final = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
MONTHS: Final = 61
REVIEW: Final = 100
"""Days from one look at a mitigation to the next."""


@dataclass
class Operator:
    """Does what the plan says, and nothing else; keeps the keys of the CAs."""

    service: Service
    cas: dict[Kind, Authority]
    known: dict[str, Authority] = field(default_factory=dict)
    """Roots and CAs that were made, by the beginning of their fingerprints."""
    revisions: int = 1
    renewals: list[Kind] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """Every task, with its month."""

    def month(self) -> None:
        """Everything that is to be done before the next month, and what follows from that."""
        for _ in range(10):
            due = [one for one in self.service.plan().tasks if one.by < self.service.at + MONTH + DAY]
            if not due:
                return
            self.carry_out(due[0])
        raise AssertionError("the plan never comes to an end")

    def carry_out(self, task: Task) -> None:
        """One task, by its words."""
        self.done.append(f"{self.service.at:%Y-%m} {task.act}")
        assert task.by >= self.service.at, f"too late: {task}"
        words = task.act
        if words.startswith("renew the "):
            self.renew(next(kind for kind, role in SIGNERS.items() if role.value in words))
        elif words.startswith("make the next root CA"):
            self.next_root()
        elif words.startswith("make the next issuing CA"):
            self.next_ca(next(kind for kind, role in ISSUERS.items() if role.value in words))
        elif words.startswith("look at "):
            self.review()
        else:
            assert words.startswith("put "), words
            self.use(words.rpartition(" ")[2])

    def renew(self, kind: Kind) -> None:
        """A new signer under the CA in use."""
        signer = make_signer(kind, self.cas[kind], self.service.at)
        foreseen = self.service.plan(Switch(self.service.at, signer.chain, kind)).switch
        assert foreseen is not None
        assert foreseen.refusals == ()
        self.service.use(kind, signer)
        self.renewals.append(kind)

    def next_root(self) -> None:
        """Made, certified by the root of today, announced; it waits to be pinned."""
        at, today = self.service.at, self.service.anchors[-1]
        root = make_root(f"Example Root of {at:%Y-%m}", at)
        self.known[fingerprint(root.certificate)[:16]] = root
        told = self.service.announce(root, at + 2 * MONTH, make_voucher(root, today, at)).told
        assert told[0].startswith("vouched for by")
        self.service.keep(Role.ROOT, root.certificate)

    def next_ca(self, kind: Kind) -> None:
        """Made under the newest root that agents are told to pin, and announced."""
        at, root = self.service.at, self.service.anchors[-1]
        ca = make_ca(kind, root, at)
        self.known[fingerprint(ca.certificate)[:16]] = ca
        self.service.announce(ca, at + 2 * MONTH)
        self.service.keep(ISSUERS[kind], ca.certificate)

    def use(self, digits: str) -> None:
        """A root: have agents pin it. A CA: sign by a new signer under it."""
        found = self.known[digits]
        [waiting] = [one for one in self.service.ready if one.chain[0] == found.certificate]
        self.service.ready.remove(waiting)
        if waiting.role is Role.ROOT:
            self.service.anchors.append(found)
            return
        kind = next(kind for kind, role in ISSUERS.items() if role is waiting.role)
        self.cas[kind] = found
        self.renew(kind)

    def review(self) -> None:
        """Look at both mitigations again; the signer must last beyond the next look."""
        at = self.service.at
        if chain_ends(self.service.signers[Kind.MITIGATION].chain) <= at + (REVIEW + 1) * DAY:
            self.renew(Kind.MITIGATION)
        self.revisions += 1
        change = f"<Change>Looked at in {at:%B %Y}.</Change><ReviewWithin"
        self.service.bring(
            for_long(heartbeat()).replace(b"<ReviewWithin", change.encode()),
            for_long(written(change=f"Looked at in {at:%B %Y}.")),
        )

    def drop_ended_roots(self) -> None:
        """A root that has ended is told to nobody any more."""
        at = self.service.at
        lasting = [one for one in self.service.anchors if one.certificate.not_valid_after_utc > at]
        self.service.anchors = lasting


def for_long(document: bytes) -> bytes:
    """The document, to be looked at again after some months."""
    return document.replace(b'days="30"', f'days="{REVIEW}"'.encode())


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """A root of seven years, CAs of three, and signers of today."""
    root = make_root("Example Root 1", BEGIN - 7 * YEAR)
    cas = {kind: make_ca(kind, root, BEGIN - 3 * YEAR) for kind in Kind}
    line = Line(root, cas, {kind: make_signer(kind, cas[kind], BEGIN) for kind in Kind})
    service = Service.begun(tmp_path / "service", BEGIN, line)
    service.bring(for_long(heartbeat()), for_long(written()))
    yield Operator(service, dict(cas))
    service.close()


def test_five_years_by_the_plan_strand_nobody(operator: Operator, tmp_path: Path) -> None:
    """Every generation of agents accepts every feed, and has every mitigation that it lists."""
    service = operator.service
    first = service.anchors[0]
    first_cas = {kind: signer.chain[1] for kind, signer in service.signers.items()}
    agents = {"seldom": Agent(tmp_path / "seldom", service.anchors_pem())}

    for month in range(MONTHS):
        service.at = BEGIN + month * MONTH
        operator.drop_ended_roots()
        operator.month()
        service.refresh()
        if month % 10 == 0:
            agents[f"of month {month}"] = Agent(tmp_path / f"agent-{month}", service.anchors_pem())

        polling = {name: one for name, one in agents.items() if name != "seldom" or month % 3 == 0}
        with service.serving() as address:
            for name, agent in polling.items():
                done = agent.sync(address, service.at)
                assert codes(done) == [], f"month {month}, agent {name}: {done.problems}"
                assert agent.version == service.version, f"month {month}, agent {name}"
                known = {one: known.revision for one, known in agent.state.known.items()}
                assert known == {"M0001": operator.revisions, "PING1": operator.revisions}, name

    changes = [act.partition(" ")[2] for act in operator.done]
    assert operator.renewals.count(Kind.FEED) >= 18
    assert operator.renewals.count(Kind.MITIGATION) >= 4
    assert sum(act.startswith("make the next root CA") for act in changes) == 1
    assert sum(act.startswith("make the next issuing CA") for act in changes) >= 4
    assert sum(act.startswith("put issuing CA") for act in changes) >= 4
    assert first.certificate not in {one.certificate for one in service.anchors}
    assert all(signer.chain[1] != first_cas[kind] for kind, signer in service.signers.items())
    service.house.workflow.verify_audit()
