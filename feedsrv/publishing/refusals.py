"""Why publishing refuses, in the order in which a mitigation meets the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from feedsrv.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError, OperatorError
from feedsrv.lints.finding import Finding


class UnknownMitigationError(NotFoundError):
    """There is no mitigation, or no such revision of it."""

    code = "publishing.unknown_mitigation"


class UnknownFeedError(NotFoundError):
    """There is no such feed."""

    code = "publishing.unknown_feed"


class UnknownUpdateError(NotFoundError):
    """There is no such cumulative update."""

    code = "publishing.unknown_update"


class NoCatalogueError(NotFoundError):
    """Nothing can be written about products before there is a catalogue."""

    code = "publishing.no_catalogue"

    def __init__(self) -> None:
        super().__init__("there is no catalogue yet; import one with `feedsrv catalogue import FILE`")


class BadNameError(BadInputError):
    """A person's name cannot be written into the audit log."""

    code = "publishing.bad_name"


class BadChangeError(BadInputError):
    """What was handed in contradicts what is already published."""

    code = "publishing.bad_change"


class SamePersonError(NotAllowedError):
    """Who wrote, edited or submitted a revision may not approve it."""

    code = "publishing.same_person"


class ChangedContentError(ConflictError):
    """The approval names other words than those that are in review."""

    code = "publishing.changed_content"


class ChangedSinceError(ConflictError):
    """What somebody decided on has changed since they looked at it."""

    code = "publishing.changed_since"


class LongReviewError(NotAllowedError):
    """What one person publishes alone may not run as long as this revision says."""

    code = "publishing.long_review"


class AloneAgainError(NotAllowedError):
    """One person published this alone before, and nobody countersigned it."""

    code = "publishing.alone_again"


class NothingToCountersignError(NotAllowedError):
    """No revision of this mitigation waits for a second person after an emergency."""

    code = "publishing.nothing_to_countersign"


class InWorkError(ConflictError):
    """Somebody's unfinished revision, or a begun publication, stands in the way."""

    code = "publishing.in_work"


class WaitingForReviewError(NotAllowedError):
    """A cumulative update needs its superseding revisions approved before it is released."""

    code = "publishing.waiting_for_review"


class LintRefusedError(BadInputError):
    """A rule objects to what is to be imported or published."""

    code = "publishing.lint"

    def __init__(self, what: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        listed = "\n".join(f"  {finding}" for finding in self.findings)
        super().__init__(f"{what}; the rules object:\n{listed}")


class PublishInProgressError(ConflictError):
    """Somebody else is publishing at this moment."""

    code = "publishing.in_progress"

    def __init__(self) -> None:
        super().__init__(
            "another publication is under way; nothing was changed by this one. Try again when it is done"
        )


class NotWhatWasApprovedError(OperatorError):
    """What was signed, or lies on the shelf, does not say what was approved."""

    code = "publishing.not_what_was_approved"


class StoreBehindError(OperatorError):
    """The database is older than the shelf, and cannot catch up with it."""

    code = "publishing.store_behind"


class AlreadyShelvedError(ConflictError):
    """Other bytes lie on the shelf where something is to be put that never changes."""

    code = "shelf.taken"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is on the shelf with other bytes; what was published never changes")


class BadPathError(BadInputError):
    """Not a path of the shelf."""

    code = "shelf.bad_path"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path[:100]!r} is no path of the shelf: plain names joined by /, none hidden")


class ShelfFullError(OperatorError):
    """There is no room to write; nothing half written is visible."""

    code = "shelf.full"


class ShelfDamagedError(OperatorError):
    """What should lie on the shelf does not."""

    code = "shelf.damaged"


class BrokenChainError(OperatorError):
    """The audit log was changed after it was written."""

    code = "audit.broken_chain"


class SignerEndedError(OperatorError):
    """A signing certificate is past its end."""

    code = "publishing.signer_ended"

    def __init__(self, purpose: str, name: str, end: datetime) -> None:
        super().__init__(
            f"the {purpose} signer {name} ended on {end:%Y-%m-%d %H:%M} UTC (it or its issuer); nothing it "
            "signs is believed any more. Renew its certificate, then publish"
        )


class ShelfUnwritableError(OperatorError):
    """The shelf cannot be written; nothing half written is visible."""

    code = "shelf.unwritable"


class ShelfUnreadableError(OperatorError):
    """The shelf cannot be read."""

    code = "publishing.shelf_unreadable"
