"""What would go out, and publishing it: what the console's page and its button do."""

from __future__ import annotations

from flask import Response

from feedsrv.model.lifecycle import ACTS, Stage
from feedsrv.publishing.outcome import Outcome
from feedsrv.web.api.catalogue import UpdateWords
from feedsrv.web.api.feeds import HeadWords
from feedsrv.web.api.mitigation_words import SummaryWords
from feedsrv.web.api.paging import MOST
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal, require

TAG = "publishing"


class WaitingWords(Words):
    """What the next publication takes along."""

    revisions: list[SummaryWords]
    """Those that are approved."""
    updates: list[UpdateWords]
    """Those whose release was asked for."""


class RevisionName(Words):
    """One revision."""

    id: str
    number: int


class OutcomeWords(Words):
    """What a publication came to."""

    nothing: bool
    """True where nothing went out."""
    sentences: list[str]
    """The whole outcome, for people."""
    revisions: list[RevisionName]
    feeds: list[HeadWords]
    """New versions, now current."""
    released: list[str]
    """Product and build of each update that is released now."""
    held: list[str]
    """What waits, and for what."""

    @classmethod
    def about(cls, found: Outcome) -> OutcomeWords:
        """Of one outcome."""
        return cls(
            nothing=found.nothing,
            sentences=list(found.sentences),
            revisions=[RevisionName(id=name, number=number) for name, number in found.revisions],
            feeds=[HeadWords.about(one) for one in found.feeds],
            released=[f"{one.product} {one.build}" for one in found.released],
            held=list(found.held),
        )


class NeedsWords(Words):
    """What waits for whoever asks."""

    to_review: list[SummaryWords]
    returned_to_me: list[SummaryWords]
    my_drafts: list[SummaryWords]
    to_publish: list[SummaryWords]
    to_countersign: list[SummaryWords]
    review_soon: list[SummaryWords]
    """In force, and somebody must look at them again soon."""
    updates_waiting: list[UpdateWords]
    """Registered, and not released."""


def add(routes: Routes, desk: Desk) -> None:
    """What needs me, what would go out, publish."""

    @routes.get("/v1/needs", NeedsWords, tag="you")
    def what_needs_me() -> Response:
        """See what waits for you, in the roles of your token."""
        who = principal()
        found = desk.workflow(who).needs(who.name, who.roles)
        lists = ("to_review", "returned_to_me", "my_drafts", "to_publish", "to_countersign", "review_soon")
        told = {name: [SummaryWords.of(one) for one in getattr(found, name)] for name in lists}
        updates = [UpdateWords.about(one) for one in found.updates_waiting]
        return said(NeedsWords.model_validate({**told, "updates_waiting": updates}))

    @routes.get("/v1/publishing", WaitingWords, tag=TAG)
    def what_would_go_out() -> Response:
        """See what the next publication takes along."""
        workflow = desk.workflow(principal())
        approved = workflow.page(stage=Stage.APPROVED, limit=MOST).items
        releasing = [one for one in workflow.list_updates() if one.releasing_by is not None]
        return said(
            WaitingWords(
                revisions=[SummaryWords.of(one) for one in approved],
                updates=[UpdateWords.about(one) for one in releasing],
            )
        )

    @routes.post("/v1/publish", OutcomeWords, tag=TAG, takes=None)
    def publish() -> Response:
        """Sign and publish everything that is approved; answered when it is done."""
        who = require(ACTS["feed.publish"])
        return said(OutcomeWords.about(desk.publish(who, progress=_unseen)))


def _unseen(step: int) -> None:
    """Nobody watches the steps here."""
