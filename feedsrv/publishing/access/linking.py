"""One person, an account here and one at the identity provider."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.access.base import AccessDesk, working
from feedsrv.publishing.access.refusals import BadSubjectError, LinkedAlreadyError, OpenHandsError
from feedsrv.publishing.admitting import admit, note
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people import is_among
from feedsrv.publishing.people_records import Person, Principal
from feedsrv.publishing.ports import Work
from feedsrv.publishing.records import Revision

_SUBJECT: Final = re.compile(r"https?://[!-~]{1,500} [!-~]{1,255}")
_OPEN: Final = (Stage.DRAFT, Stage.IN_REVIEW, Stage.APPROVED)


class Linking(AccessDesk):
    """Who is who at the identity provider."""

    def link(self, name: str, subject: str, *, by: Principal) -> Person:
        """Make an account of the identity provider the same person as one who is known here.

        From then on the provider's groups say their roles. `subject`: issuer and subject, a space between.
        An account that signed in under another name before can be had once that name is removed, and
        nothing that it had a hand in is open: one human must not be the second pair of eyes.

        Raises:
            BadSubjectError: it is none.
            LinkedAlreadyError: the account is somebody's, or the person has another one.
            OpenHandsError: work of the account's other name is not done yet.
            RemovedPersonError: they were removed.
            NotAllowedError: `by` may not.
        """
        if not _SUBJECT.fullmatch(subject):
            raise BadSubjectError
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, "people.change")
            person = working(work, name)
            if person.subject == subject:
                return person
            if person.subject is not None:
                raise LinkedAlreadyError(person.name, person.subject)
            other = work.people.of_subject(subject)
            detail = {"subject": subject}
            if other is not None:
                _let_go(work, other, subject)
                detail["instead"] = other.name
            linked = replace(person, subject=subject)
            work.people.save(linked)
            note(work, at, by, "person-link", person.name, **detail)
            sentence = f"{by.name} linked {person.name} to an account of the identity provider"
            tell(work, at, kind="person.linked", subject=person.name, by=by.name, sentence=sentence)
        return linked


def _let_go(work: Work, other: Person, subject: str) -> None:
    """Take the account from a name that was removed."""
    if other.removed_at is None:
        raise LinkedAlreadyError(other.name, subject)
    revisions = [one for stage in _OPEN for one in work.revisions.at_stage(stage)]
    mine = [one for one in (*revisions, *work.revisions.emergencies()) if _has_hand(other, one)]
    if mine:
        raise OpenHandsError(other.name, sorted({str(one) for one in mine}))
    # The address goes with the account: it would be found at the next sign-in, and refused.
    work.people.save(replace(other, subject=None, email=None))


def _has_hand(person: Person, revision: Revision) -> bool:
    breaker = () if revision.break_glass is None else (revision.break_glass.by,)
    return is_among(person.name, (*revision.hands, *breaker))
