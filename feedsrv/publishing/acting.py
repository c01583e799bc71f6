"""What every verb does around its act: ask whether somebody may, write down that they did, tell people.

The verbs themselves are in `workflow`, `next_revisions`, `emergency`, `taking_back` and `updates`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from feedsrv import clock
from feedsrv.clock import Clock
from feedsrv.model.lifecycle import role_of
from feedsrv.publishing.audit import record
from feedsrv.publishing.notices.telling import settle, tell
from feedsrv.publishing.people import checked_name, refuse_keeper
from feedsrv.publishing.permits import May, anybody
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.reading import Reading, tag_of
from feedsrv.publishing.records import Revision
from feedsrv.publishing.refusals import BadChangeError, ChangedSinceError

BREAK_GLASS: Final = "mitigation.break-glass"
"""The notice that is an alarm until somebody countersigns."""
KEEPERS_ACT: Final = "unsigned.withdraw"
"""The one verb that is not a person's."""
LONGEST_REASON: Final = 1000
"""Characters."""
LONGEST_INCIDENT: Final = 100
"""Characters."""


class Acting(Reading):
    """Beats that all verbs share: who acts, and what is left behind of it."""

    def __init__(  # noqa: PLR0913 -- everything the verbs need is given to them, by name
        self,
        store: Store,
        *,
        now: Clock = clock.now,
        max_review: timedelta = timedelta(days=180),
        key_ends: datetime | None = None,
        may: May = anybody,
        via: str = "",
        break_glass_span: timedelta = timedelta(hours=4),
        break_glass_review: timedelta = timedelta(days=7),
    ) -> None:
        """As `Reading`; and the terms on which one person alone may approve.

        `break_glass_span` is how soon somebody else must countersign; `break_glass_review` is how far ahead
        the `ReviewBy` of such a revision may lie.
        """
        super().__init__(store, now=now, max_review=max_review, key_ends=key_ends, may=may, via=via)
        self._break_glass_span = break_glass_span
        self._break_glass_review = break_glass_review

    def _actor(self, by: str, verb: str) -> str:
        """Whoever acts, as they are written down; asked by each verb before it looks at anything.

        Raises:
            BadNameError: that is no name, or the keeper's.
            NotAllowedError: they have not the role that the table asks for.
        """
        actor = checked_name(by)
        if verb != KEEPERS_ACT:
            refuse_keeper(actor)
        self._may(actor, role_of(verb))
        return actor

    def _log(self, work: Work, actor: str, verb: str, subject: object, **detail: str) -> None:
        """Write down an act, and the door by which somebody came to do it."""
        if self._via:
            detail["via"] = self._via
        record(work.audit, self._now(), actor=actor, verb=verb, subject=str(subject), detail=detail)

    def _tell(self, work: Work, actor: str, kind: str, subject: object, sentence: str) -> None:
        """Tell the people here what was done; kept together with the act, or not at all."""
        tell(work, self._now(), kind=kind, subject=str(subject), by=actor, sentence=sentence)

    def _end_alarm(self, work: Work, revision: Revision) -> None:
        """Nobody has to countersign this any more."""
        if revision.break_glass is not None:
            settle(work, self._now(), kind=BREAK_GLASS, subject=str(revision))


def refuse_if_changed(found: Revision | None, seen: str | None) -> None:
    """What somebody decides on is what they saw: its tag, or nothing yet where that is empty.

    Raises:
        ChangedSinceError: it has changed since, or is gone.
    """
    if seen is None or (found is None and not seen):
        return
    if found is None:
        raise ChangedSinceError("it was discarded since you looked at it: nothing was changed by you")
    if not seen:
        raise ChangedSinceError(
            f"{found} exists already: look at it, then decide; nothing was changed by you"
        )
    if seen != tag_of(found):
        raise ChangedSinceError(
            f"{found} has changed since you looked at it (it is {found.stage} now, last written by "
            f"{found.author}): look at it again, then decide; nothing was changed by you"
        )


def checked_reason(text: str, name: str = "reason") -> str:
    """A reason as one plain sentence: it is published, or stands in the audit log. `name` is the field's.

    Raises:
        BadChangeError: it is empty, too long, or holds characters that cannot be seen.
    """
    trimmed = " ".join(text.split())
    if not (trimmed and trimmed.isprintable() and len(trimmed) <= LONGEST_REASON):
        raise BadChangeError(
            f"{name}: say why, in a plain sentence of at most {LONGEST_REASON} characters: it is published, "
            "or stands in the audit log"
        )
    return trimmed


def checked_incident(text: str) -> str:
    """An incident's reference, as the team's own system names it.

    Raises:
        BadChangeError: it is empty, too long, or holds characters that cannot be seen.
    """
    trimmed = " ".join(text.split())
    if not (trimmed and trimmed.isprintable() and len(trimmed) <= LONGEST_INCIDENT):
        raise BadChangeError(
            f"incident: name it as your own system does, in 1 to {LONGEST_INCIDENT} visible characters"
        )
    return trimmed
