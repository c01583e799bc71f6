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
from feedsrv.publishing.reading import draft_of
from feedsrv.publishing.records import Revision
from feedsrv.publishing.refusals import ChangedContentError, InWorkError


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

    Everybody who had a hand in it before still has; why it was returned is still to be read.

    Raises:
        WrongStageError: it is published or discarded.
    """
    step = move(revision.stage, "edit")
    edited = begin_revision(draft, source=source, source_digest=source_digest, by=by)
    return replace(edited, stage=step.to, hands=revision.hands | {by}, returned=revision.returned)


def renumbered(revision: Revision, number: int) -> Revision:
    """The same words under another number, as a draft."""
    draft = draft_of(revision)
    words = replace(draft.mitigation, revision=number)
    again = begin_revision(
        replace(draft, mitigation=words),
        source=revision.source,
        source_digest=revision.source_digest,
        by=revision.author,
    )
    return replace(again, hands=revision.hands)


def submit_revision(revision: Revision, *, by: str) -> Revision:
    """A draft that is handed to a reviewer.

    Raises:
        WrongStageError: it is no draft.
    """
    step = move(revision.stage, "submit")
    return replace(revision, stage=step.to, hands=revision.hands | {by}, returned=None)


def refuse_other_digest(revision: Revision, digest: str) -> None:
    """Whoever stands for words names their digest, so that they stand for what they read.

    Raises:
        ChangedContentError: they name another.
    """
    if digest != revision.digest:
        raise ChangedContentError(
            f"you name the words {digest[:80]!a}, but {revision} now has {revision.digest}: look at it "
            f"again (`feedsrv mitigation show {revision.id} --revision {revision.number}`, or its page), "
            "then decide"
        )


def is_on_its_way(work: Work, revision: Revision) -> bool:
    """True where a begun publication names the revision, or its words reached the shelf."""
    intent = work.intents.open()
    is_named = intent is not None and any(
        (one.id, one.number) == (revision.id, revision.number) for one in intent.revisions
    )
    return is_named or revision.shelved


def refuse_if_on_its_way(work: Work, revision: Revision) -> None:
    """Words that a begun publication names, or that reached the shelf, are not changed any more.

    Raises:
        InWorkError: they are.
    """
    if is_on_its_way(work, revision):
        raise InWorkError(
            f"{revision} is on its way: a publication of it was begun. Publish again (`feedsrv feed "
            "publish`), which finishes it, then begin the next revision"
        )


def refuse_if_update_on_its_way(work: Work, update: CumulativeUpdate) -> None:
    """An update that a begun publication releases is not changed any more.

    Raises:
        InWorkError: it is.
    """
    intent = work.intents.open()
    if intent is not None and (update.product, update.build) in intent.updates:
        raise InWorkError(
            f"{update.product} {update.build} is on its way: a publication that releases it was begun. "
            "Publish again (`feedsrv feed publish`), which finishes it, then try again"
        )
