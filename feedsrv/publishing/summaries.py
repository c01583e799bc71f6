"""What people are shown of revisions in lists, and what they may ask a list for.

Plain records: a store fills them from columns, without reading a single document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from feedsrv.lints.finding import Finding
from feedsrv.model.build import Build
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import PRODUCTION, Draft, Severity, Status
from feedsrv.publishing.records import AuditEntry, Published, Revision, Update

MOST_LISTED: Final = 200
"""How many lines one page of a list has at most."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One revision as a line of a list."""

    id: str
    number: int
    stage: Stage
    """As people see it: superseded and withdrawn, too."""
    title: str
    severity: Severity
    status: Status
    channel: str
    review_by: date
    author: str
    approved_by: str | None
    published_number: int | None
    """The newest revision of this mitigation that was published; None where none was."""
    published_at: datetime | None
    """When that one was published."""
    has_break_glass: bool
    """One person approved it alone, and nobody has countersigned it."""
    hands: frozenset[str] = frozenset()
    returned_by: str | None = None
    """Who handed it back to its authors; None where nobody did."""

    def __str__(self) -> str:
        return f"{self.id} revision {self.number}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for; what is None is not asked."""

    after: str | None = None
    """The id after which the page begins."""
    limit: int = 50
    stage: Stage | None = None
    """As people see it."""
    channel: str | None = None
    severity: Severity | None = None
    search: str | None = None
    """A part of an id or a title; A to Z in either case."""

    @property
    def is_plain(self) -> bool:
        """True where nothing is left out."""
        return self.stage is None and self.channel is None and self.severity is None and not self.search


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of mitigations, in order of id."""

    items: tuple[Summary, ...]
    """The newest revision of each that is not discarded."""
    next: str | None
    """The id to go on after; None at the end."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A part of the audit log."""

    entries: tuple[AuditEntry, ...]
    """Newest first."""
    next: int | None
    """The `before` of the next page; None at the beginning of the log."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What waits for one person."""

    to_review: tuple[Summary, ...] = ()
    """In review, and not of their own hands."""
    returned_to_me: tuple[Summary, ...] = ()
    my_drafts: tuple[Summary, ...] = ()
    """Those that were not handed back."""
    to_publish: tuple[Summary, ...] = ()
    to_countersign: tuple[Summary, ...] = ()
    """Approved by one person alone, who was somebody else."""
    review_soon: tuple[Summary, ...] = ()
    """In force, and somebody must look at them again soon; the most pressing first."""
    updates_waiting: tuple[Update, ...] = ()
    """Registered, and not released."""

    @property
    def is_empty(self) -> bool:
        """True where nothing waits."""
        return not any(
            (
                self.to_review,
                self.returned_to_me,
                self.my_drafts,
                self.to_publish,
                self.to_countersign,
                self.review_soon,
                self.updates_waiting,
            )
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """One revision with all that people look at beside it."""

    revision: Revision
    stage: Stage
    """As people see it."""
    tag: str
    """Changes with whatever a verb may depend on; see `reading.tag_of`."""
    history: tuple[Summary, ...]
    """Every revision of the mitigation, oldest first."""
    published: int | None
    """The newest revision that was published."""
    superseded_by: tuple[str, ...]
    """Active mitigations that take over from this one, in order."""
    supersedes: tuple[str, ...]
    """Those that it takes over from."""
    verbs: tuple[str, ...]
    """What can be done with it now; nothing with one that is not the newest, but to countersign it."""

    @property
    def is_newest(self) -> bool:
        """True where no newer revision is open or published."""
        kept = [one.number for one in self.history if one.stage is not Stage.DISCARDED]
        return bool(kept) and kept[-1] == self.revision.number


@dataclass(frozen=True, slots=True)
class BuildLine:
    """One build that people know by a name, and where a mitigation stands to it."""

    product: str
    build: Build
    name: str
    released: date
    state: str
    """One of `BUILD_STATES`."""


BUILD_STATES: Final[dict[str, str]] = {
    "affected": "a server of this build applies the mitigation",
    "fixed": "an update of this build or before it holds the fix: the mitigation is rolled back",
    "before": "the fault came with a later build",
    "registered": "an update that is not released yet",
}
"""Where a mitigation stands to a build, and what that means."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Words that are kept nowhere, and what the rules say of them."""

    draft: Draft
    findings: tuple[Finding, ...] = field(default=())


def summary_of(revision: Revision, published: Published | None, number: int | None, stage: Stage) -> Summary:
    """The line of a revision in a list; `number` is the newest that was published, as `published` says."""
    words, alone = revision.mitigation, revision.break_glass
    return Summary(
        id=revision.id,
        number=revision.number,
        stage=stage,
        title=words.title,
        severity=words.severity,
        status=words.status,
        channel=words.channel,
        review_by=words.review_by,
        author=revision.author,
        approved_by=revision.approved_by,
        published_number=number,
        published_at=published.at if published else None,
        has_break_glass=alone is not None and alone.countersigned_at is None,
        hands=revision.hands,
        returned_by=revision.returned.by if revision.returned else None,
    )


def takes_over(new_channel: str, old_channel: str) -> bool:
    """True where a mitigation of one channel is read wherever one of the other is."""
    return new_channel in {PRODUCTION, old_channel}


def is_meant(summary: Summary, asked: Asked) -> bool:
    """True where a line is among those that are asked for, page and order aside."""
    search = _in_one_case(asked.search or "")
    return (
        (asked.stage is None or summary.stage is asked.stage)
        and (asked.channel is None or summary.channel == asked.channel)
        and (asked.severity is None or summary.severity is asked.severity)
        and (search in _in_one_case(summary.id) or search in _in_one_case(summary.title))
    )


def _in_one_case(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)
