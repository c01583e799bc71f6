"""One sync: from whatever the last one left to a server that does what trusted mitigations say.

1. Recover the journal: what a crash left half done is brought back to what the state says.
2. Poll the publisher, or read the bundle; an unchanged feed ends the asking after one request.
3. Open what is new: signature, chain, usage, issuer, revocation, grammar.
4. Refuse what is older than what is trusted, or expired; what is trusted now is saved.
   A root that the feed announces is adopted where an anchor vouches for it.
5. Decide, from the trusted words, the build, the state, the switches and the time.
6. Apply, one mitigation after the other, each with its undo note first and its saving last.
7. Save how it went, drop documents that nothing refers to any more, and tell what has begun or ended.

A poll that fails ends nothing: steps 5 to 7 go on with what is trusted already, so that a server
without a network still takes a mitigation back once it has the fix.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from feedsrv.agent.adopting import Judge, Judged
from feedsrv.agent.anchors import AnchorShelf
from feedsrv.agent.apply import Hands, Outcome
from feedsrv.agent.changing import Changer
from feedsrv.agent.decide import Facts, Plan, decide
from feedsrv.agent.events import tell_act
from feedsrv.agent.inventory import Inventory, read_build
from feedsrv.agent.journal import Journal, SealedJournal
from feedsrv.agent.library import Library
from feedsrv.agent.lists import Lists
from feedsrv.agent.notices import Notices
from feedsrv.agent.noticing import Seen, look
from feedsrv.agent.ports import Adapter
from feedsrv.agent.receive import Received, Receiver
from feedsrv.agent.recover import recover
from feedsrv.agent.revocations import CrlShelf
from feedsrv.agent.settings import AgentSettings, read_pool_switch
from feedsrv.agent.source import Source
from feedsrv.agent.state import (
    BUILD,
    FEED,
    FILES,
    POOL,
    SERVER,
    SETTINGS,
    AgentState,
    LastSync,
    Problem,
    feed_key,
)
from feedsrv.agent.state_file import StateFile
from feedsrv.agent.tell import log_outcome, standing_of
from feedsrv.agent.trusting import Trust
from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.model.build import Build
from feedsrv.model.feed import Feed, Poll

log = logging.getLogger(__name__)

EXPIRED: Final = "feed.expired"

T = TypeVar("T")


def nothing(_: object) -> None:
    """The crash seam where nobody listens."""


@dataclass(frozen=True, slots=True)
class Synced:
    """How a sync went."""

    state: AgentState
    outcomes: tuple[Outcome, ...]
    problems: tuple[Problem, ...]
    poll: Poll
    """The pace that the trusted feed asks for."""
    retry_after: timedelta | None
    poll_failed: bool
    """True where the feed, or something it names, could not be had or was refused."""
    adopted: tuple[str, ...] = ()
    """Fingerprints of the roots that were adopted just now."""


@dataclass
class Sync:
    """One sync of one agent; used once, by whoever holds the agent's lock."""

    home: Path
    settings: AgentSettings
    open_host: Callable[[], Adapter]
    at: datetime
    may_change: bool = True
    """False for a rehearsal: all is judged and told, and the server and the journal stay as they are."""
    remembers: bool = True
    """False where this one does not count as a sync: only what is trusted is remembered."""
    after: Callable[[int], None] = nothing
    """Called after each numbered step: the seam where tests crash."""
    midway: Callable[[str], None] = nothing
    """Called in the middle of each change."""
    _problems: list[Problem] = field(default_factory=list)
    _trust: Trust | None = None
    _lists: Lists | None = None
    _is_on: bool = True

    def run(self, source: Source | None) -> Synced:
        """Go through the numbered steps; without a source, with what is trusted already.

        Raises:
            AgentStateError: the state cannot be read or saved; nothing is guessed.
            AgentSettingsError: a setting that is needed is missing.
            JournalError: the journal is damaged; nothing is changed before a person has looked.
        """
        state, hands = self.begin()  # 1
        self.after(1)
        received = self.receive(state, source)  # 2 and 3
        file = StateFile(self.home)
        if received.state != state or not file.path.exists():
            file.save(received.state)  # 4
        announced = self._announced(received.feed)
        adopted = self._adopt(announced)
        self.after(4)
        facts = self.facts(received)
        plan = decide(facts)  # 5
        self.after(5)
        state = received.state
        outcomes: tuple[Outcome, ...] = ()
        if hands is not None:
            hands.state = state
            outcomes = self.carry_out(hands, plan)  # 6
            state = hands.state
        self.after(6)
        state = self._conclude(state, facts, outcomes)
        if self.remembers:
            file.save(state)  # 7
        sweep(Library(self.home), state, feed_key(self.settings.need_product(), self.settings.channel))
        if self.remembers:
            polled, has_looked = source is not None, hands is not None
            self._notice(
                received, state, outcomes, facts, announced=announced, polled=polled, has_looked=has_looked
            )
        self.after(7)
        if self.remembers:
            version = None if facts.feed is None else facts.feed.version
            tell_act(log, "sync.done", feed=version, problems=len(self._problems))
        poll = Poll() if facts.feed is None else facts.feed.poll
        problems = tuple(self._problems)
        return Synced(state, outcomes, problems, poll, received.retry_after, bool(received.problems), adopted)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What went wrong so far."""
        return tuple(self._problems)

    def begin(self) -> tuple[AgentState, Hands | None]:
        """Load the state and recover the journal; no hands where there is no server to change.

        Raises:
            AgentStateError, AgentSettingsError, JournalError: as `run`.
        """
        self.settings.need_product()
        file = StateFile(self.home)
        state = file.load()
        host = self._try(self.open_host, SERVER)
        if host is None:
            return state, None
        if not self.may_change:
            changer = Changer(host, SealedJournal(self.home), self.midway)
            return state, Hands(state, changer, nothing, self.settings.publisher, self.at)
        changer = Changer(host, Journal(self.home), self.midway)
        unrecovered, problems = recover(state, changer.journal, host)
        self._problems.extend(problems)
        return state, Hands(state, changer, file.save, self.settings.publisher, self.at, unrecovered)

    def receive(self, state: AgentState, source: Source | None) -> Received:
        """Everything that is trusted, with what the source brings."""
        trust = self._try(lambda: Trust.of(self.settings, self.home, self.at), SETTINGS)
        self._trust = trust
        self._problems.extend(Problem.of(one, FILES) for one in AnchorShelf(self.home).damaged())
        if trust is None:  # nobody to trust: what is applied stays, and nothing is opened
            self.after(2)
            self.after(3)
            return Received(state, None, {})
        product, channel = self.settings.need_product(), self.settings.channel
        self._lists = Lists(CrlShelf(self.home), trust.base.crls, trust.base.anchors)
        library = Library(self.home)
        receiver = Receiver(state, trust, library, self._lists, product, channel, self.at, self.after)
        received = receiver.receive(source)
        self._problems.extend(received.problems)
        return received

    def _announced(self, feed: Feed | None) -> tuple[Judged, ...]:
        """What the trusted feed announces; nothing once it has expired, for then it speaks for nobody."""
        trust, lists = self._trust, self._lists
        if feed is None or trust is None or lists is None or self.at >= feed.expires:
            return ()
        forgotten = AnchorShelf(self.home).forgotten()
        policy = trust.policy(lists.at_hand)
        judge = Judge(trust, policy, forgotten, self.settings.adopt_anchors, self.at)
        return tuple(judge.judge(one) for one in feed.announced)

    def _adopt(self, announced: tuple[Judged, ...]) -> tuple[str, ...]:
        """Adopt every root that an anchor vouches for; returns their fingerprints."""
        done: list[str] = []
        for one in (judged.adoption for judged in announced):
            if one is None or not self.remembers:
                continue
            if self._try(partial(AnchorShelf(self.home).adopt, one), FILES):
                subject = one.certificate.subject.rfc4514_string()
                tell_act(log, "anchor.adopted", fingerprint=one.fingerprint, subject=subject, by=one.by)
                done.append(one.fingerprint)
        return tuple(done)

    def _notice(  # noqa: PLR0913 - all that one sync has seen
        self,
        received: Received,
        state: AgentState,
        outcomes: tuple[Outcome, ...],
        facts: Facts,
        *,
        announced: tuple[Judged, ...],
        polled: bool,
        has_looked: bool,
    ) -> None:
        """Tell which conditions have begun or ended with this sync."""
        notices = Notices(self.home)
        seen = Seen(
            at=self.at,
            problems=tuple(self._problems),
            polled=polled,
            has_answered=received.has_answered,
            feed=facts.feed,
            state=state,
            outcomes=outcomes,
            has_looked=has_looked,
            is_switched_on=self._is_on,
            is_build_known=facts.inventory.build is not None,
            trust=self._trust,
            announced=announced,
            already=frozenset(one.name for one in notices.open()),
        )
        found, judged = look(seen)
        notices.tell(found, judged=judged, at=self.at)

    def facts(self, received: Received, *, by_hand: bool = False) -> Facts:
        """Everything that a decision depends on; what a person does by hand asks no switch."""
        state = received.state
        inventory = Inventory(self.settings.need_product(), self._build(), state.device_id)
        may_change = self.may_change
        if not by_hand:
            self._is_on = self._is_switched_on()
            may_change = may_change and self._is_on
        return Facts(
            received.feed,
            received.mitigations,
            inventory,
            state.applied,
            state.blocked,
            may_change,
            self.at,
            self.settings.channel,
        )

    def _build(self) -> Build | None:
        """What this server runs now: a cumulative update is noticed here."""
        source, said = self.settings.build_source, self.settings.build
        if source is not None:
            return self._try(lambda: read_build(self.home / source), BUILD)
        return None if said is None else Build.parse(said)

    def _is_switched_on(self) -> bool:
        """True where this server and its pool both let mitigations be applied."""
        pool_file = self.settings.pool_file
        if pool_file is None:
            return self.settings.auto_apply
        is_on = self._try(lambda: read_pool_switch(self.home / pool_file), POOL)
        return is_on is True and self.settings.auto_apply

    def carry_out(self, hands: Hands, plan: Plan) -> tuple[Outcome, ...]:
        """Carry out a plan, and log what changed or failed."""
        before = {one.id: one for one in hands.state.standings}
        outcomes = self._try(lambda: hands.carry_out(plan), FILES) or ()
        for outcome in outcomes:
            id_ = outcome.decision.id
            if self.remembers:
                log_outcome(outcome, hands.state.applied.get(id_), before.get(id_))
            self._problems.extend(replace(one, about=id_) for one in outcome.problems)
        return outcomes

    def _conclude(self, state: AgentState, facts: Facts, outcomes: tuple[Outcome, ...]) -> AgentState:
        """Remember how it went."""
        is_stale = facts.is_stale or any(one.code == EXPIRED for one in self._problems)
        if facts.feed is not None and is_stale and not any(one.code == EXPIRED for one in self._problems):
            self._problems.append(stale(facts.feed))
        before = state.last_sync
        succeeded = self.at if not self._problems else (before.succeeded if before is not None else None)
        last = LastSync(
            self.at,
            tuple(self._problems),
            None if facts.feed is None else facts.feed.version,
            is_stale,
            succeeded,
        )
        standings = state.standings
        if outcomes:
            standings = tuple(
                standing_of(one, state.applied.get(one.decision.id))
                for one in sorted(outcomes, key=lambda one: one.decision.id)
            )
        return replace(state, last_sync=last, standings=standings, build=facts.inventory.build)

    def _try(self, act: Callable[[], T], about: str) -> T | None:
        """Do something that may fail without ending the sync."""
        try:
            return act()
        except FeedsrvError as refusal:
            self._problems.append(Problem.of(refusal, about))
            return None


def sweep(library: Library, state: AgentState, key: str) -> None:
    """Drop the documents that nothing refers to any more."""
    feed = state.feeds.get(key)
    wanted = {known.digest for known in state.known.values()}
    library.sweep(wanted if feed is None else wanted | {feed.digest})


def stale(feed: Feed) -> Problem:
    """What is told while the newest trusted feed has expired."""
    return Problem(
        EXPIRED,
        f"feed version {feed.version} expired at {to_text(feed.expires)}, and no newer one came: what is "
        "applied stays, nothing new is applied; ask the publisher why the feed is not refreshed",
        FEED,
        "freshness",
    )
