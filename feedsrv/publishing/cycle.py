"""The publish cycle: from what is approved to what agents poll, in ten steps.

 1. Gather what is approved, the updates to be released, and what each feed will list.
 2. Lint the whole, as it would stand.
 3. Assemble the next version of each feed that has something new to say.
 4. Render the mitigations again, and compare with the bytes that were approved. (Feeds name the
    digests of signed mitigations, so their bytes follow in step 6.)
 5. Record the intention.
 6. Sign the mitigations, then the feeds.
 7. Open the result as an agent would, with a second implementation beside the first, and compare; then
    again as of later days, to say until when agents will accept it.
 8. Put the bytes on the shelf, under names that never change.
 9. Move `current`: feeds, bundles, lists and the page, made ready first and then exchanged.
10. Record the outcome.

A crash after any step leaves the old feeds current or the new ones complete. Before anything else,
the next run finishes or clears what was begun (`recovering`), and catches up where the database is older
than the shelf (`catching_up`). One publisher works at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from feedsrv.codec.mitigation import write_mitigation
from feedsrv.lints.publication import Publication
from feedsrv.lints.run import lint
from feedsrv.model.feed import Announcement, Poll, digest_of
from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.announced import announced_at
from feedsrv.publishing.assembling import (
    Pace,
    Plan,
    assemble,
    assemble_refresh,
    publication,
    refresh_publication,
)
from feedsrv.publishing.audit import record
from feedsrv.publishing.catching_up import Sighting, Witness, catch_up, free_number, sight
from feedsrv.publishing.gathering import gather
from feedsrv.publishing.generations import remember_published
from feedsrv.publishing.moving import Moving
from feedsrv.publishing.outcome import Outcome
from feedsrv.publishing.people import checked_name
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.ports import PageMaker, PublishLock, Shelf, Store, Work
from feedsrv.publishing.proving import Made, Signers, prove, refuse_ended_keys, sign
from feedsrv.publishing.reading import catalogue_of
from feedsrv.publishing.recording import keep_outcome
from feedsrv.publishing.records import Head, Intent, IntentState
from feedsrv.publishing.recovering import clear, rebuild
from feedsrv.publishing.refusals import InWorkError, LintRefusedError, NotWhatWasApprovedError
from feedsrv.publishing.rehearsing import Rehearsal, rehearse
from feedsrv.publishing.stamping import TimeStamper, stamp_missing
from feedsrv.signing.signer import ends
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind

__all__ = ["Outcome", "PublishCycle", "Signers"]

log: Final = logging.getLogger(__name__)


Guard = Callable[[datetime, frozenset[Kind]], None]
"""Refuses, before anything is signed by the keys of these kinds, where something critical is wrong."""


def _nothing(step: int) -> None:
    """What happens after a step, as a rule."""


def _all_is_well(at: datetime, kinds: frozenset[Kind]) -> None:
    """Nobody watches."""


class PublishCycle:
    """Publishes, refreshes, and finishes or clears what was cut short."""

    def __init__(  # noqa: PLR0913 -- everything the cycle needs is given to it, by name
        self,
        store: Store,
        shelf: Shelf,
        lock: PublishLock,
        *,
        signers: Signers,
        policy: TrustPolicy,
        page: PageMaker,
        fixed_files: Mapping[str, bytes],
        lifetime: timedelta = timedelta(days=7),
        poll: Poll | None = None,
        max_review: timedelta = timedelta(days=180),
        guard: Guard = _all_is_well,
        stamper: TimeStamper | None = None,
        may: May = anybody,
        via: str = "",
        after: Callable[[int], None] = _nothing,
    ) -> None:
        """Publish from `store` onto `shelf`.

        `may` is asked whether whoever publishes may; `via` is the door by which they came.

        `guard` is asked before anything is signed. With a `stamper`, mitigations are time-stamped once
        they are out.

        `fixed_files` lie on the shelf beside what is published, by path; those below `v1/trust/` go into
        the bundles, too. `after` is called with the number of each step that is done.
        """
        self._store = store
        self._shelf = shelf
        self._lock = lock
        self._signers = signers
        self._policy = policy
        self._pace = Pace(lifetime, poll or Poll())
        self._max_review = max_review
        self._guard = guard
        self._stamper = stamper
        self._may = may
        self._via = via
        self._after = after
        self._moving = Moving(shelf, page, fixed_files)

    def run(self, *, by: str, at: datetime, only: frozenset[tuple[str, int]] | None = None) -> Outcome:
        """Publish everything that is approved and free to go; with `only`, nothing beside these revisions.

        Raises:
            NotAllowedError: `by` may not publish.
            PublishInProgressError: somebody else is publishing.
            LintRefusedError: a rule objects.
            SigningError, SignerEndedError: a key could not be used.
            RefusedProofError, NotWhatWasApprovedError: the result is not what agents should get.
            ShelfFullError: there is no room; nothing half written is visible.
        """
        actor = checked_name(by)
        self._may(actor, ACTS["feed.publish"])
        with self._lock.hold():
            outcome = self._publish(actor, at, only)
        return self._stamped(outcome, actor, at)

    def refresh(self, *, by: str, at: datetime, force: bool = False) -> Outcome:
        """Give feeds that are past a third of their lifetime a new version that lists the same.

        Those, too, that do not carry what is announced now. With `force`, every feed. No mitigation is
        signed, and nothing that is approved goes out.

        Raises:
            As `run` does.
        """
        actor = checked_name(by)
        self._may(actor, ACTS["feed.refresh"])
        with self._lock.hold():
            outcome = self._refresh(actor, at, force=force)
        return self._stamped(outcome, actor, at)

    def _publish(self, by: str, at: datetime, only: frozenset[tuple[str, int]] | None) -> Outcome:
        recovered, seen = self._recover(by, at)
        with self._store.look() as work:
            gathered = gather(work, self._shelf, seen, at=at, only=only)
            announced = announced_at(work, at)
        self._after(1)
        if gathered.is_nothing:
            self._keep_fixed_files(at)
            return Outcome(held=gathered.held, recovered=recovered)

        self._guard(at, frozenset(Kind))
        refuse_ended_keys(self._signers, at)
        # The rules speak of feeds, too, so what step 3 settles is drawn up for step 2 to look at.
        plan = assemble(gathered, self._pace, at=at, key_ends=ends(self._signers.feed), announced=announced)
        self._lint(publication(plan, gathered, at=at))
        self._after(2)
        made, rehearsal = self._carry_out(plan, by, at)
        held = (*gathered.held, *self._moving.waiting_bundles(made))
        return Outcome.of(made, held=held, recovered=recovered, rehearsal=rehearsal)

    def _refresh(self, by: str, at: datetime, *, force: bool) -> Outcome:
        recovered, seen = self._recover(by, at)
        with self._store.look() as work:
            catalogue, standing = catalogue_of(work), work.revisions.standing()
            announced = announced_at(work, at)
            due = [
                (head, free_number(work, self._shelf, head.feed.product, head.feed.channel))
                for head in seen.heads
                if force
                or _is_due(head, announced, at)
                or (head.feed.product, head.feed.channel) in seen.astray
            ]
        self._after(1)
        if not due:
            self._keep_fixed_files(at)
            return Outcome(recovered=recovered)

        self._guard(at, frozenset({Kind.FEED}))
        # No mitigation is signed, so that the end of that key must not starve the feeds.
        refuse_ended_keys(self._signers, at, feeds_only=True)
        plan = assemble_refresh(
            due, standing, self._pace, at=at, key_ends=ends(self._signers.feed), announced=announced
        )
        self._lint(refresh_publication(plan, catalogue, at=at))
        self._after(2)
        made, rehearsal = self._carry_out(plan, by, at)
        return Outcome.of(
            made, held=self._moving.waiting_bundles(made), recovered=recovered, rehearsal=rehearsal
        )

    def _lint(self, whole: Publication) -> None:
        """Step 2."""
        findings = lint(
            replace(
                whole,
                mitigation_key_ends=ends(self._signers.mitigation),
                feed_key_ends=ends(self._signers.feed),
                max_review=self._max_review,
            )
        )
        if findings:
            raise LintRefusedError("nothing was published", findings)

    def _stamped(self, outcome: Outcome, by: str, at: datetime) -> Outcome:
        """Time-stamp what has no stamp yet, and say what still has none; the next look tries again.

        The lock is free by then: a slow authority must not keep the next publication waiting.
        """
        if self._stamper is None:
            return outcome
        waiting = stamp_missing(self._store, self._shelf, self._stamper, by=by, at=at)
        return replace(outcome, held=(*outcome.held, *waiting))

    def _carry_out(self, plan: Plan, by: str, at: datetime) -> tuple[Made, Rehearsal]:
        """Steps 3 to 10."""
        self._after(3)

        for revision in plan.revisions:
            rendered = write_mitigation(revision.mitigation)
            if not (rendered == revision.unsigned and digest_of(rendered) == revision.approved_digest):
                raise NotWhatWasApprovedError(
                    f"{revision} does not render to the bytes that were approved; have it returned and "
                    "reviewed again"
                )
        self._after(4)

        with self._store.begin() as work:
            intent = self._intend(work, plan, by, at)
        self._after(5)

        try:
            made = sign(plan, self._signers, self._shelf, at=at)
            self._after(6)

            prove(made, self._policy, at=at)
            rehearsal = rehearse(made, self._policy, at=at)
            self._after(7)

            for path, document in made.documents():
                self._shelf.put(path, document, at=at)
        except Exception:
            self._give_up(intent, by, at)
            raise
        self._after(8)

        self._finish(made, intent, by, rehearsal)
        return made, rehearsal

    def _finish(self, made: Made, intent: Intent, by: str, rehearsal: Rehearsal) -> None:
        """Steps 9 and 10. If step 9 fails, the old feeds stay current and the next run finishes."""
        at = intent.begun
        with self._store.look() as work:
            files = self._moving.files(work, made, at)
        self._shelf.replace(files, at=at)
        self._after(9)

        with self._store.begin() as work:
            keep_outcome(work, made, intent, by=by, via=self._via, policy=self._policy, rehearsal=rehearsal)
        self._after(10)
        for head in (one.head for one in made.feeds):
            log.info("feed.published", extra={"feed": head.name, "version": head.feed.version, "by": by})
        for one in made.revisions:
            log.info("mitigation.published", extra={"mitigation": str(one.revision), "by": by})

    def _keep_fixed_files(self, at: datetime) -> None:
        """Nothing is signed, yet agents may be told to pin other anchors from now on."""
        if self._moving.keep_fixed_files(at):
            with self._store.begin() as work:
                remember_published(work, self._policy, at=at)

    def _intend(self, work: Work, plan: Plan, by: str, at: datetime) -> Intent:
        """Step 5: write down what is to be done, if it is still what was gathered."""
        for one in plan.revisions:
            if work.revisions.get(one.id, one.number) != one:
                raise InWorkError(f"{one} was changed while it was being published; nothing was published")
        for update in plan.updates:
            if work.updates.get(*update.key) != update:
                raise InWorkError(f"{update.update.name} was changed while it was being published")
        intent = work.intents.begin(
            Intent(
                number=0,
                begun=at,
                by=by,
                state=IntentState.OPEN,
                revisions=plan.intended_revisions(),
                feeds=plan.intended_feeds(),
                updates=tuple(update.key for update in plan.updates),
            )
        )
        record(
            work.audit,
            at,
            actor=by,
            verb="begin",
            subject=f"publication {intent.number}",
            detail={
                **{f"{one.id} revision {one.number}": one.digest for one in intent.revisions},
                **{f"{one.product}/{one.channel} {one.version}": one.listing for one in intent.feeds},
                **{f"{product} {build}": "release" for product, build in intent.updates},
                **({"via": self._via} if self._via else {}),
            },
        )
        return intent

    def _recover(self, by: str, at: datetime) -> tuple[str | None, Sighting]:
        """Finish or clear what an earlier run began, and catch up with a shelf that is further on.

        Says what was done, or None, and what is current now.
        """
        self._shelf.sweep()
        done = [self._finish_or_clear(by, at)]
        witness = Witness(self._shelf, self._policy, at)
        with self._store.look() as work:
            seen = sight(work, witness)
        if seen.ahead:
            with self._store.begin() as work:
                done.append(catch_up(work, witness, seen.ahead, by=by))
                seen = sight(work, witness)
            log.warning("publication.caught_up", extra={"feeds": ", ".join(one.name for one in seen.heads)})
        return "; ".join(one for one in done if one) or None, seen

    def _finish_or_clear(self, by: str, at: datetime) -> str | None:
        with self._store.look() as work:
            intent = work.intents.open()
            made = rebuild(work, self._shelf, self._policy, intent, at=at) if intent else None
        if intent is None:
            return None
        if made is not None:
            self._finish(made, intent, by, rehearse(made, self._policy, at=at))
            done = f"publication {intent.number} of {intent.begun:%Y-%m-%d %H:%M} UTC was finished"
        else:
            with self._store.begin() as work:
                clear(work, self._shelf, intent, by=by, at=at)
            done = f"publication {intent.number} of {intent.begun:%Y-%m-%d %H:%M} UTC was abandoned"
        log.warning("publication.recovered", extra={"publication": intent.number, "done": done})
        return f"{done}: it had been cut short"

    def _give_up(self, intent: Intent, by: str, at: datetime) -> None:
        """Clear at once after a refusal; where even that fails, the next run does it."""
        try:
            with self._store.begin() as work:
                clear(work, self._shelf, intent, by=by, at=at)
        except Exception:
            log.exception("publication.not_cleared", extra={"publication": intent.number})


def _is_due(head: Head, announced: tuple[Announcement, ...], at: datetime) -> bool:
    feed = head.feed
    return feed.announced != announced or at >= feed.issued + (feed.expires - feed.issued) / 3
