"""What one server does about one feed, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from feedsrv.agent.decide import Decision, Facts, Plan, Reason, Verdict, decide
from feedsrv.agent.inventory import Inventory
from feedsrv.agent.state import Applied
from feedsrv.model.build import Build
from feedsrv.model.feed import Entry
from feedsrv.model.mitigation import Mitigation, Status
from feedsrv.model.rollout import share
from tests.unit.agent.making import AFFECTED, AT, DEVICE, FIXED, PRODUCT, applied, entry, feed, mitigation

M1 = mitigation()
M1_R2 = mitigation(revision=2)
WITHDRAWN = mitigation(revision=2, status=Status.WITHDRAWN)
EXERCISE = mitigation(channel="preview")
BETTER = mitigation("M0002", supersedes=("M0001",))
EXPIRY = AT + timedelta(days=7)


@dataclass(frozen=True)
class Case:
    """One row: what is known, and what follows for `M0001`."""

    name: str
    verdict: Verdict
    reason: Reason
    known: tuple[Mitigation, ...] = (M1,)
    offered: tuple[Entry, ...] | None = (entry(),)
    held: tuple[Applied, ...] = ()
    blocked: frozenset[str] = frozenset()
    build: Build | None = AFFECTED
    may_change: bool = True
    at: datetime = AT
    after: tuple[str, ...] = ()
    pending: Verdict | None = None
    stands_in: bool = False
    product: str = PRODUCT
    channel: str = "production"

    def plan(self) -> Plan:
        """What follows."""
        return decide(self.facts())

    def facts(self) -> Facts:
        """What is known."""
        return Facts(
            feed=None if self.offered is None else feed(*sorted(self.offered, key=lambda one: one.id)),
            mitigations={one.id: one for one in self.known},
            inventory=Inventory(self.product, self.build, DEVICE),
            applied={one.id: one for one in self.held},
            blocked=self.blocked,
            may_change=self.may_change,
            at=self.at,
            channel=self.channel,
        )


HELD = (applied(M1),)
BEGUN = (applied(M1, complete=False),)
BOTH = (entry(), entry("M0002"))
REACHED = int(share("M0001", DEVICE) * 100) + 1
APPLY, KEEP, ROLL_BACK = Verdict.APPLY, Verdict.KEEP, Verdict.ROLL_BACK

CASES = [
    Case("affected", APPLY, Reason.AFFECTED),
    Case("affected and in place", KEEP, Reason.IN_PLACE, held=HELD),
    Case("begun and not finished", APPLY, Reason.UNFINISHED, held=BEGUN),
    Case("a new revision", APPLY, Reason.NEW_REVISION, (M1_R2,), (entry(revision=2),), HELD),
    Case("fixed, never applied", KEEP, Reason.FIXED, build=FIXED),
    Case("fixed by an update", ROLL_BACK, Reason.FIXED, held=HELD, build=FIXED),
    Case("fixed by a later update", ROLL_BACK, Reason.FIXED, held=HELD, build=Build(15, 2, 2562, 17)),
    Case("older than the flaw", KEEP, Reason.NOT_AFFECTED, build=Build(15, 2, 196, 0)),
    Case("another product", KEEP, Reason.NOT_AFFECTED, product="exchange-se"),
    Case("withdrawn, never applied", KEEP, Reason.WITHDRAWN, (WITHDRAWN,), (entry(revision=2),)),
    Case("withdrawn", ROLL_BACK, Reason.WITHDRAWN, (WITHDRAWN,), (entry(revision=2),), HELD),
    Case(
        "withdrawn, build unknown",
        ROLL_BACK,
        Reason.WITHDRAWN,
        (WITHDRAWN,),
        (entry(revision=2),),
        HELD,
        build=None,
    ),
    Case("blocked", KEEP, Reason.BLOCKED, blocked=frozenset({"M0001"})),
    Case("blocked in place stays", KEEP, Reason.BLOCKED, held=HELD, blocked=frozenset({"M0001"})),
    Case("blocked and fixed", ROLL_BACK, Reason.FIXED, held=HELD, blocked=frozenset({"M0001"}), build=FIXED),
    Case("switched off", KEEP, Reason.SWITCHED_OFF, may_change=False, pending=APPLY),
    Case("switched off, in place", KEEP, Reason.SWITCHED_OFF, held=HELD, may_change=False),
    Case(
        "switched off, fixed",
        KEEP,
        Reason.SWITCHED_OFF,
        held=HELD,
        build=FIXED,
        may_change=False,
        pending=ROLL_BACK,
    ),
    Case("switched off, blocked", KEEP, Reason.BLOCKED, blocked=frozenset({"M0001"}), may_change=False),
    Case("superseded", ROLL_BACK, Reason.SUPERSEDED, (M1, BETTER), BOTH, HELD, after=("M0002",)),
    Case(
        "superseded before it was applied",
        KEEP,
        Reason.SUPERSEDED,
        (M1, BETTER),
        BOTH,
        after=("M0002",),
        stands_in=True,
    ),
    Case(
        "superseded before it was applied, and blocked",
        KEEP,
        Reason.SUPERSEDED,
        (M1, BETTER),
        BOTH,
        blocked=frozenset({"M0001"}),
        after=("M0002",),
    ),
    Case(
        "superseded before it was applied, switched off",
        KEEP,
        Reason.SUPERSEDED,
        (M1, BETTER),
        BOTH,
        may_change=False,
        after=("M0002",),
    ),
    Case(
        "superseded, and its successor not offered any more, but in place",
        ROLL_BACK,
        Reason.SUPERSEDED,
        (M1, BETTER),
        (entry(),),
        (applied(M1), applied(BETTER, order=2)),
        after=("M0002",),
    ),
    Case(
        "a newer revision of its successor could not be had",
        KEEP,
        Reason.IN_PLACE,
        (M1, BETTER),
        (entry(), entry("M0002", revision=2)),
        HELD,
    ),
    Case(
        "withdrawn, blocked",
        ROLL_BACK,
        Reason.WITHDRAWN,
        (WITHDRAWN,),
        (entry(revision=2),),
        HELD,
        frozenset({"M0001"}),
    ),
    Case(
        "a new revision that does not affect this build",
        ROLL_BACK,
        Reason.FIXED,
        (mitigation(revision=2, fixed=Build(15, 2, 986, 4)),),
        (entry(revision=2),),
        HELD,
    ),
    Case(
        "its successor is blocked, though still in place",
        KEEP,
        Reason.IN_PLACE,
        (M1, BETTER),
        BOTH,
        (applied(M1), applied(BETTER, order=2)),
        frozenset({"M0002"}),
    ),
    Case(
        "its successor belongs to a channel that was left",
        APPLY,
        Reason.AFFECTED,
        (M1, mitigation("M0002", supersedes=("M0001",), channel="preview")),
        held=(applied(BETTER),),
    ),
    Case("an exercise", APPLY, Reason.AFFECTED, (EXERCISE,), channel="preview"),
    Case("a protection in a preview", APPLY, Reason.AFFECTED, channel="preview"),
    Case("an exercise, and its channel was left", ROLL_BACK, Reason.OTHER_CHANNEL, (EXERCISE,), (), HELD),
    Case(
        "an exercise, its channel was left and it is published to all by now",
        KEEP,
        Reason.NOT_TRUSTED,
        (EXERCISE,),
        (entry(revision=2),),
        HELD,
    ),
    Case("an older build again after a fix was taken off", APPLY, Reason.AFFECTED, build=AFFECTED),
    Case(
        "another product than it was applied for",
        ROLL_BACK,
        Reason.NOT_AFFECTED,
        held=HELD,
        product="exchange-se",
    ),
    Case(
        "missing from the feed, switched off",
        KEEP,
        Reason.SWITCHED_OFF,
        offered=(),
        held=HELD,
        may_change=False,
    ),
    Case(
        "its document is lost, switched off", KEEP, Reason.SWITCHED_OFF, known=(), held=HELD, may_change=False
    ),
    Case("never applied, not trusted, switched off", KEEP, Reason.NOT_TRUSTED, known=(), may_change=False),
    Case("never applied, stale, switched off", KEEP, Reason.STALE_FEED, at=EXPIRY, may_change=False),
    Case("its successor is blocked", KEEP, Reason.IN_PLACE, (M1, BETTER), BOTH, HELD, frozenset({"M0002"})),
    Case("its successor is not trusted", KEEP, Reason.IN_PLACE, (M1,), BOTH, HELD),
    Case(
        "its successor is withdrawn",
        APPLY,
        Reason.AFFECTED,
        (M1, mitigation("M0002", 2, status=Status.WITHDRAWN, supersedes=("M0001",))),
        (entry(), entry("M0002", 2)),
    ),
    Case(
        "its successor does not affect this build",
        APPLY,
        Reason.AFFECTED,
        (M1, mitigation("M0002", introduced=Build(15, 2, 986, 9), supersedes=("M0001",))),
        BOTH,
    ),
    Case(
        "its successor is not rolled out to here",
        KEEP,
        Reason.IN_PLACE,
        (M1, BETTER),
        (entry(), entry("M0002", rollout=0)),
        HELD,
    ),
    Case(
        "its successor is superseded itself",
        ROLL_BACK,
        Reason.SUPERSEDED,
        (M1, BETTER, mitigation("M0003", supersedes=("M0002",))),
        (*BOTH, entry("M0003")),
        HELD,
        after=("M0003",),
    ),
    Case(
        "a circle of successors supersedes nothing",
        KEEP,
        Reason.IN_PLACE,
        (mitigation(supersedes=("M0002",)), BETTER),
        BOTH,
        HELD,
    ),
    Case("missing from the feed", KEEP, Reason.NOT_OFFERED, offered=(), held=HELD),
    Case(
        "missing from the feed, and fixed here", ROLL_BACK, Reason.FIXED, offered=(), held=HELD, build=FIXED
    ),
    Case("no feed was ever trusted", KEEP, Reason.NOT_OFFERED, offered=None, held=HELD),
    Case("its document is not trusted", KEEP, Reason.NOT_TRUSTED, known=()),
    Case("applied, and its document is lost", KEEP, Reason.NOT_TRUSTED, known=(), held=HELD),
    Case(
        "a newer revision could not be had", KEEP, Reason.NOT_TRUSTED, offered=(entry(revision=2),), held=HELD
    ),
    Case(
        "a newer revision could not be had, and the older says fixed",
        KEEP,
        Reason.NOT_TRUSTED,
        offered=(entry(revision=2),),
        held=HELD,
        build=FIXED,
    ),
    Case("a lower revision", KEEP, Reason.LOWER_REVISION, (M1_R2,), (entry(),)),
    Case("a lower revision, applied", KEEP, Reason.LOWER_REVISION, (M1_R2,), (entry(),), (applied(M1_R2),)),
    Case("rolled out to others", KEEP, Reason.ROLLOUT, offered=(entry(rollout=REACHED - 1),)),
    Case("rolled out to here", APPLY, Reason.AFFECTED, offered=(entry(rollout=REACHED),)),
    Case("applied before its rollout shrank", KEEP, Reason.IN_PLACE, offered=(entry(rollout=0),), held=HELD),
    Case(
        "a revision not rolled out to here",
        KEEP,
        Reason.ROLLOUT,
        (M1_R2,),
        (entry(revision=2, rollout=0),),
        HELD,
    ),
    Case("build unknown", KEEP, Reason.BUILD_UNKNOWN, build=None),
    Case("build unknown, applied", KEEP, Reason.BUILD_UNKNOWN, held=HELD, build=None),
    Case("the feed has expired", KEEP, Reason.STALE_FEED, at=EXPIRY),
    Case("the feed expires in a moment", APPLY, Reason.AFFECTED, at=EXPIRY - timedelta(seconds=1)),
    Case("the feed has expired, applied", KEEP, Reason.IN_PLACE, held=HELD, at=EXPIRY),
    Case(
        "the feed has expired, new revision",
        KEEP,
        Reason.STALE_FEED,
        (M1_R2,),
        (entry(revision=2),),
        HELD,
        at=EXPIRY,
    ),
    Case("the feed has expired, and fixed here", ROLL_BACK, Reason.FIXED, held=HELD, build=FIXED, at=EXPIRY),
    Case("the successor's feed has expired", KEEP, Reason.IN_PLACE, (M1, BETTER), BOTH, HELD, at=EXPIRY),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_mitigation_is_decided(case: Case) -> None:
    """Each row of the table: verdict, reason, what must be there first, and what would be done."""
    found = case.plan().about("M0001")

    assert found is not None
    assert (found.verdict, found.reason) == (case.verdict, case.reason)
    assert (found.after, found.pending) == (case.after, case.pending)
    assert found.stands_in is case.stands_in


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_mitigation_gets_a_reason(case: Case) -> None:
    """Whatever is offered or in place is in the plan, once."""
    facts = case.facts()

    decided = [one.id for one in decide(facts).decisions]

    offered = {one.id for one in facts.feed.entries} if facts.feed else set()
    assert sorted(decided) == sorted(offered | set(facts.applied))


@dataclass
class Fleet:
    """Several mitigations in place, applied in order."""

    known: tuple[Mitigation, ...]
    held: dict[str, Applied] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.held = {one.id: applied(one, order=n) for n, one in enumerate(self.known, 1)}


def test_rolling_back_goes_backwards_and_comes_last() -> None:
    """What was applied last goes first, and nothing goes before what is new was applied."""
    first, second, fresh = mitigation("M0009"), mitigation("M0003"), mitigation("M0001", fixed=None)
    fleet = Fleet((first, second))
    offered = feed(entry("M0001"), entry("M0003"), entry("M0009"))
    inventory = Inventory(PRODUCT, FIXED, DEVICE)
    known = {one.id: one for one in (first, second, fresh)}

    plan = decide(Facts(offered, known, inventory, fleet.held, frozenset(), may_change=True, at=AT))

    assert [(one.id, one.verdict) for one in plan.decisions] == [
        ("M0001", APPLY),
        ("M0003", ROLL_BACK),
        ("M0009", ROLL_BACK),
    ]


@pytest.mark.parametrize(
    ("reason", "repairs"),
    [
        (Reason.IN_PLACE, True),
        (Reason.STALE_FEED, True),
        (Reason.NOT_OFFERED, True),
        (Reason.BLOCKED, False),
        (Reason.SWITCHED_OFF, False),
        (Reason.BUILD_UNKNOWN, True),
    ],
)
def test_only_what_belongs_here_is_repaired(reason: Reason, *, repairs: bool) -> None:
    """A blocked mitigation that an administrator took away stays away."""
    decision = Decision("M0001", KEEP, reason, M1)

    assert decision.repairs is repairs
