"""What console and API work with, whoever asks; the wiring fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from feedsrv.clock import Clock
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.notices.desk import NoticeDesk
from feedsrv.publishing.outcome import Outcome
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.versions import FeedVersions
from feedsrv.publishing.workflow import Workflow

Progress = Callable[[int], None]
"""Told the number of each step of publishing that is done."""


class Publish(Protocol):
    """Signs and publishes everything that is approved, in this process; one publication at a time."""

    def __call__(self, principal: Principal, *, progress: Progress) -> Outcome:
        """Publish; the keys are opened for it, and let go.

        Raises:
            FeedsrvError: nothing was published; the message says why.
        """


@dataclass(frozen=True)
class Desk:
    """Everything the private surface can do, opened for whoever asks."""

    publisher: str
    """The team's name, as people read it."""
    clock: Clock
    workflow: Callable[[Principal], Workflow]
    """The verbs on mitigations and updates, as this person; the rules at review judge the signer, too."""
    publish: Publish
    people: PeopleDesk
    """People, sign-ins and tokens; each verb is told who asks."""
    keys: Callable[[Principal], KeyDesk]
    """The register of keys, as this person; opened anew each time, since settings name files that change."""
    publish_lists: Callable[[], bool]
    """Lays the revocation lists in force where agents look, at once.

    False where that must wait for the next publication.
    """
    notices: NoticeDesk
    """What people are told of, and webhooks."""
    versions: Callable[[], FeedVersions]
    """Published feeds by version, as they lie on the shelf, judged as agents would."""
