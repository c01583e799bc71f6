"""Step 1 of publishing: what is approved, what may go out together, and what each feed will list.

Only looks. What must wait says so in a sentence, for the people who publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, UpdateStage
from feedsrv.model.feed import EntryState
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import HEARTBEAT, PRODUCTION, Mitigation, Status
from feedsrv.model.supersession import successors
from feedsrv.publishing.catching_up import Sighting, free_number
from feedsrv.publishing.hands import is_alone
from feedsrv.publishing.ports import Shelf, Work
from feedsrv.publishing.reading import catalogue_of
from feedsrv.publishing.records import Head, Published, Revision, Standing, Update
from feedsrv.publishing.refusals import NotWhatWasApprovedError
from feedsrv.publishing.superseding import ready_together, unanswered, waits_for

_Words = tuple[Mitigation, Published | None]
"""What would stand; its bytes are None until they are signed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a feed will say of a mitigation; `published` is None until it is signed."""

    mitigation: Mitigation
    state: EntryState
    published: Published | None


@dataclass(frozen=True, slots=True)
class Line:
    """One feed as it will be: product and channel, what is current, and what it will list."""

    product: str
    channel: str
    head: Head | None
    number: int
    """The next version's."""
    listed: tuple[Listed, ...]
    """In order of id."""
    is_astray: bool = False
    """True where the current version is not on the shelf."""

    @property
    def is_changed(self) -> bool:
        """True where the current version does not say this yet."""
        if self.head is None or self.is_astray:
            return True
        said = [(entry.id, entry.revision, entry.state) for entry in self.head.feed.entries]
        return said != [(one.mitigation.id, one.mitigation.revision, one.state) for one in self.listed]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that a publication is made of."""

    catalogue: Catalogue
    candidates: tuple[Revision, ...]
    """Approved, and free to go; in order of id."""
    releasing: tuple[Update, ...]
    """Updates that take effect with this publication."""
    held: tuple[str, ...]
    """What must wait, and for what; one sentence each."""
    standing: tuple[Standing, ...]
    published_numbers: Mapping[str, tuple[int, ...]]
    lines: tuple[Line, ...]
    """Every feed, changed or not, in order of product and channel."""

    @property
    def is_nothing(self) -> bool:
        """True where there is nothing to say that is not said already."""
        if self.candidates or self.releasing:
            return False
        return not self.standing or not any(line.is_changed for line in self.lines)


def gather(
    work: Work,
    shelf: Shelf,
    seen: Sighting,
    *,
    at: datetime,
    only: frozenset[tuple[str, int]] | None = None,
) -> Gathered:
    """Look at everything that is approved, and settle what goes out now.

    What one person alone approved, and nobody countersigned in time, is approved no more. With `only`, of
    what is approved nothing else is looked at than these, by id and number, and no update is released.

    Raises:
        NotWhatWasApprovedError: the stored words of an approved revision are not those approved.
    """
    catalogue = catalogue_of(work)
    standing = work.revisions.standing()
    approved = {
        one.id: one
        for one in work.revisions.at_stage(Stage.APPROVED)
        if only is None or (one.id, one.number) in only
    }
    late = [approved.pop(one) for one in sorted(approved) if _has_run_out(approved[one], at)]
    for revision in approved.values():
        _refuse_other_words(revision)
    updates = work.updates.all()

    words = {one: revision.mitigation for one, revision in approved.items()}
    stands = {one.mitigation.id: one.mitigation for one in standing}
    asked = [one.update for one in updates if only is None and one.releasing_by is not None]
    going, out = ready_together(words, stands, releasing=asked, updates=catalogue.updates)

    candidates = tuple(approved[one] for one in sorted(going))
    unreleased = [one for one in catalogue.updates if one.stage is UpdateStage.REGISTERED and one not in out]
    held = [
        *map(_told_late, late),
        *_held_revisions(words, stands, going, unreleased),
        *_held_updates([one for one in asked if one not in out], words, stands, going, catalogue.updates),
    ]
    after: dict[str, _Words] = {one.mitigation.id: (one.mitigation, one.published) for one in standing}
    after |= {one.id: (one.mitigation, None) for one in candidates}
    return Gathered(
        catalogue=catalogue,
        candidates=candidates,
        releasing=tuple(one for one in updates if one.update in out),
        held=(*held, *_without_heartbeat(catalogue, after)),
        standing=standing,
        published_numbers=work.revisions.published_numbers(),
        lines=tuple(_lines(work, shelf, seen, catalogue, after)),
    )


def _has_run_out(revision: Revision, at: datetime) -> bool:
    glass = revision.break_glass
    return glass is not None and is_alone(revision) and glass.until <= at


def _told_late(revision: Revision) -> str:
    return (
        f"{revision} was approved by {revision.approved_by} alone, and nobody countersigned it in time: it "
        "waits for somebody who does, or who has it returned and approves it anew"
    )


def _refuse_other_words(revision: Revision) -> None:
    if not revision.approved_digest == revision.digest:
        raise NotWhatWasApprovedError(
            f"{revision} was approved as {revision.approved_digest} and is stored as {revision.digest}; have "
            "it returned and reviewed again, and look for who changed the database"
        )


def _held_revisions(
    words: Mapping[str, Mitigation],
    standing: Mapping[str, Mitigation],
    going: set[str],
    held_updates: list[CumulativeUpdate],
) -> Iterator[str]:
    for one in sorted(set(words) - going):
        causes = waits_for(words[one], standing.get(one), held_updates)
        named = ", ".join(f"{cause.product} {cause.build}" for cause in causes)
        yield f"{words[one]} waits for the release of {named}, which it names as the fix"


def _held_updates(
    held: list[CumulativeUpdate],
    words: Mapping[str, Mitigation],
    standing: Mapping[str, Mitigation],
    going: set[str],
    known: tuple[CumulativeUpdate, ...],
) -> Iterator[str]:
    for update in held:
        # Those without an answer; where all have one, those whose answer must wait for another update.
        missing = unanswered(update, {**standing, **words}, known) or unanswered(
            update, {**standing, **{one: words[one] for one in going}}, known
        )
        yield (
            f"{update.product} {update.build} waits for a revision of {', '.join(missing)} that names it as "
            "the fix, is approved, and does not itself wait for another update; registering it again drafts "
            "what is missing"
        )


def _without_heartbeat(catalogue: Catalogue, after: Mapping[str, _Words]) -> Iterator[str]:
    """New products; agents of theirs would refuse a heartbeat that does not name them."""
    if HEARTBEAT not in after:
        return
    heartbeat, _ = after[HEARTBEAT]
    for product in sorted(set(catalogue.products) - set(heartbeat.products)):
        yield f"the heartbeat of {product} waits for a revision of {HEARTBEAT} that names it"


def _lines(
    work: Work, shelf: Shelf, seen: Sighting, catalogue: Catalogue, after: Mapping[str, _Words]
) -> Iterator[Line]:
    heads = {(head.feed.product, head.feed.channel): head for head in seen.heads}
    names = {(product, PRODUCTION) for product in catalogue.products} | set(heads)
    names |= {(product, one.channel) for one, _ in after.values() for product in one.products}
    for product, channel in sorted(names):
        head = heads.get((product, channel))
        # What was listed once stays listed (rule S5), even where its newest revision says "not here".
        before = {entry.id for entry in head.feed.entries} if head else set()
        listed = [
            after[one] for one in sorted(after) if one in before or _belongs(after[one][0], product, channel)
        ]
        if head is None and not listed:
            continue
        yield Line(
            product=product,
            channel=channel,
            head=head,
            number=free_number(work, shelf, product, channel),
            listed=tuple(_listed(listed)),
            is_astray=(product, channel) in seen.astray,
        )


def _belongs(mitigation: Mitigation, product: str, channel: str) -> bool:
    return mitigation.channel in {channel, PRODUCTION} and product in mitigation.products


def _listed(listed: list[_Words]) -> Iterator[Listed]:
    taken_over = successors(mitigation for mitigation, _ in listed)
    for mitigation, published in listed:
        if mitigation.status is Status.WITHDRAWN:
            state = EntryState.WITHDRAWN
        elif mitigation.id in taken_over:
            state = EntryState.SUPERSEDED
        else:
            state = EntryState.ACTIVE
        yield Listed(mitigation, state, published)
