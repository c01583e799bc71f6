"""Making revisions: the words are fixed here, `issued` included, and so are the bytes that will be signed.

And refusing to touch what is being published at this moment.
"""

from __future__ import annotations

from dataclasses import replace

from feedsrv.codec.authoring import write_draft
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage, move
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.ports import Work
from feedsrv.publishing.records import Revision
from feedsrv.publishing.refusals import InWorkError


def begin_revision(draft: Draft, *, source: str, source_digest: str, by: str) -> Revision:
    """A new revision, as a draft of `by`."""
    unsigned = write_mitigation(draft.mitigation)
    return Revision(
        mitigation=draft.mitigation,
        stage=Stage.DRAFT,
        unsigned=unsigned,
        authoring=write_draft(draft),
        source=source,
        source_digest=source_digest,
        digest=digest_of(unsigned),
        author=by,
        hands=frozenset({by}),
    )


def edit_revision(revision: Revision, draft: Draft, *, source: str, source_digest: str, by: str) -> Revision:
    """An open revision with other words: a draft of `by` again, whose approval is void.

    Everybody who had a hand in it before still has.

    Raises:
        WrongStageError: it is published or discarded.
    """
    step = move(revision.stage, "edit")
    edited = begin_revision(draft, source=source, source_digest=source_digest, by=by)
    return replace(edited, stage=step.to, hands=revision.hands | {by})


def submit_revision(revision: Revision, *, by: str) -> Revision:
    """A draft that is handed to a reviewer.

    Raises:
        WrongStageError: it is no draft.
    """
    step = move(revision.stage, "submit")
    return replace(revision, stage=step.to, hands=revision.hands | {by})


def refuse_if_on_its_way(work: Work, revision: Revision) -> None:
    """Words that a begun publication names, or that reached the shelf, are not changed any more.

    Raises:
        InWorkError: they are.
    """
    intent = work.intents.open()
    is_named = intent is not None and any(
        (one.id, one.number) == (revision.id, revision.number) for one in intent.revisions
    )
    if is_named or revision.shelved:
        raise InWorkError(
            f"{revision} is on its way: a publication of it was begun. Let `feedsrv feed publish` finish, "
            "then write the next revision"
        )


def refuse_if_update_on_its_way(work: Work, update: CumulativeUpdate) -> None:
    """An update that a begun publication releases is not changed any more.

    Raises:
        InWorkError: it is.
    """
    intent = work.intents.open()
    if intent is not None and (update.product, update.build) in intent.updates:
        raise InWorkError(
            f"{update.product} {update.build} is on its way: a publication that releases it was begun. Let "
            "`feedsrv feed publish` finish, then try again"
        )
