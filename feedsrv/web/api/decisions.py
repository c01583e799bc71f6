"""The verbs of the lifecycle on one revision: the same as the console's, from the same table."""

from __future__ import annotations

from flask import Response

from feedsrv.publishing.records import Revision
from feedsrv.web.api.conditions import tag_seen
from feedsrv.web.api.mitigation_words import RevisionWords
from feedsrv.web.api.mitigations import MitigationPath, shown_revision
from feedsrv.web.api.routes import Routes
from feedsrv.web.api.words import Body, Digest, Sentence
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal

TAG = "decisions"


class Approval(Body):
    """Which words somebody stands for."""

    digest: Digest
    """Of the words that you read, as `digest` of the revision says."""


class Reason(Body):
    """Why."""

    reason: Sentence
    """A plain sentence; it stands in the audit log, and a withdrawal publishes it."""


class Change(Body):
    """What is going to change."""

    change: Sentence
    """A plain sentence; it is published with the revision."""


class Emergency(Body):
    """Why nobody else could be waited for."""

    digest: Digest
    """Of the words that you read."""
    incident: Sentence
    """The incident's reference, as your own system names it."""
    reason: Sentence
    """A plain sentence for everybody who is told."""


def add(routes: Routes, desk: Desk) -> None:
    """Each verb: `/v1/mitigations/<id>/<verb>`, answered with the revision as it is then."""

    def answered(revision: Revision) -> Response:
        return shown_revision(desk, revision.id, revision.number)

    @routes.post(_at("submit"), RevisionWords, tag=TAG, takes=None, tagged=True, guarded=True)
    def submit(path: MitigationPath) -> Response:
        """Hand a draft to a reviewer."""
        who = principal()
        return answered(desk.workflow(who).submit(path.id, by=who.name, seen=tag_seen()))

    @routes.post(_at("approve"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def approve(path: MitigationPath, body: Approval) -> Response:
        """Approve the very words that have this digest; never your own."""
        who = principal()
        verbs = desk.workflow(who)
        return answered(verbs.approve(path.id, by=who.name, digest=body.digest, seen=tag_seen()))

    @routes.post(_at("return"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def return_to_authors(path: MitigationPath, body: Reason) -> Response:
        """Hand a revision back to its authors, with a reason; an approval is void."""
        who = principal()
        verbs = desk.workflow(who)
        return answered(verbs.return_(path.id, by=who.name, reason=body.reason, seen=tag_seen()))

    @routes.post(_at("discard"), RevisionWords, tag=TAG, takes=None, tagged=True, guarded=True)
    def discard(path: MitigationPath) -> Response:
        """Give up a draft; what is published stays as it is."""
        who = principal()
        return answered(desk.workflow(who).discard(path.id, by=who.name, seen=tag_seen()))

    @routes.post(_at("withdraw"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def withdraw(path: MitigationPath, body: Reason) -> Response:
        """Draft the revision that takes a mitigation back everywhere, and hand it to a reviewer."""
        who = principal()
        verbs = desk.workflow(who)
        return answered(verbs.withdraw(path.id, by=who.name, reason=body.reason, seen=tag_seen()))

    @routes.post(_at("revise"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def revise(path: MitigationPath, body: Change) -> Response:
        """Begin the next revision with the words that stand."""
        who = principal()
        verbs = desk.workflow(who)
        return answered(verbs.revise(path.id, by=who.name, change=body.change, seen=tag_seen()))

    @routes.post(_at("break-glass"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def break_glass(path: MitigationPath, body: Emergency) -> Response:
        """Approve alone in an emergency; somebody else must countersign in time."""
        who = principal()
        glass = desk.workflow(who).break_glass(
            path.id,
            by=who.name,
            digest=body.digest,
            incident=body.incident,
            reason=body.reason,
            seen=tag_seen(),
        )
        return answered(glass)

    @routes.post(_at("countersign"), RevisionWords, tag=TAG, tagged=True, guarded=True)
    def countersign(path: MitigationPath, body: Approval) -> Response:
        """Stand, as a second person, for what one person approved alone."""
        who = principal()
        verbs = desk.workflow(who)
        return answered(verbs.countersign(path.id, by=who.name, digest=body.digest, seen=tag_seen()))


def _at(verb: str) -> str:
    return f"/v1/mitigations/<id>/{verb}"
