"""What somebody can do with a revision: every verb in words, and why one is not theirs now.

The verbs and whose they are stand in `model.lifecycle`; the workflow decides. Here is only what people are
told before they press a button.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from feedsrv.model.lifecycle import FRESH, MOVES, Role
from feedsrv.publishing.people import folded, is_among
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.summaries import Shown


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a verb wants to be told."""

    name: str
    label: str
    help: str
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """One verb as people read it."""

    label: str
    explains: str
    done: str
    asked: tuple[Asked, ...] = ()
    kind: str = "outline"
    """Class of the button."""
    is_rare: bool = False
    """Folded away, so that nobody presses it by habit."""


VERBS: Final[dict[str, Words]] = {
    "edit": Words("Edit", "Change the words. The review begins anew.", "Changed."),
    "submit": Words(
        "Submit for review",
        "Reviewers are told. Whoever wrote, edited or submitted it cannot approve it.",
        "Submitted. It waits for somebody else to review it.",
        kind="",
    ),
    "approve": Words(
        "Approve these words",
        "The approval names the digest of the very words on this page. They are signed as they are.",
        "Approved. It goes out with the next publication.",
        kind="",
    ),
    "countersign": Words(
        "Countersign these words",
        "You confirm what one person approved alone; it stays, and the alarm ends.",
        "Countersigned. It stays, and the alarm is over.",
        kind="",
    ),
    "return": Words(
        "Return with a comment",
        "It becomes a draft again; an approval is void.",
        "Returned to its authors, with your comment.",
        (
            Asked(
                "reason",
                "What should change?",
                "Its authors read this, and the audit log keeps it.",
                is_long=True,
            ),
        ),
    ),
    "publish": Words(
        "Go to publishing", "Signs everything that is approved, and puts it where agents look.", ""
    ),
    "revise": Words(
        "Begin the next revision",
        "A draft with these words. What is published stays until the new revision is.",
        "The next revision is begun, as a draft.",
        (Asked("change", "What will it change?", "A sentence; it is published with the revision."),),
    ),
    "withdraw": Words(
        "Take it back everywhere",
        "Drafts the revision that has every server roll this back, and hands it to a reviewer.",
        "The revision that takes it back waits for its review.",
        (Asked("reason", "Why?", "A sentence; it is published with the revision."),),
        kind="danger",
        is_rare=True,
    ),
    "discard": Words(
        "Discard this draft",
        "What is published stays as it is. The words remain in the history.",
        "Discarded.",
        kind="danger",
        is_rare=True,
    ),
    "break-glass": Words(
        "Break the glass: approve alone",
        "For an emergency with nobody else at hand. Everybody is told at once, the audit log calls it an "
        "emergency, and the mitigation is taken back by itself unless a second person countersigns in time.",
        "Approved by you alone. Everybody is told; have somebody countersign it in time.",
        (
            Asked("incident", "Reference of the incident", "As your own system names it, such as INC-2041."),
            Asked("reason", "Why can nobody else approve it?", "Everybody reads this.", is_long=True),
        ),
        kind="danger",
        is_rare=True,
    ),
}
"""In the order in which they are offered."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One verb for one person: theirs now, or why not."""

    verb: str
    words: Words
    is_fresh: bool
    """True where they must have signed in a short while ago."""
    why_not: str | None = None

    @property
    def page(self) -> str | None:
        """Where the verb has a page of its own."""
        return {"edit": "edit", "publish": "publish"}.get(self.verb)


def choices(shown: Shown, who: Principal) -> tuple[Choice, ...]:
    """Every verb that the table knows for a revision as it stands, those of this person first."""
    every = [
        Choice(verb, VERBS[verb], verb in FRESH, why_not)
        for verb in VERBS
        if verb in shown.verbs
        for why_not in _why_not(shown, verb, who)
    ]
    return tuple(sorted(every, key=lambda one: one.why_not is not None))


def _why_not(shown: Shown, verb: str, who: Principal) -> Iterator[str | None]:
    """One reason, or None where it is theirs; nothing at all where the verb makes no sense now."""
    revision = shown.revision
    alone = revision.break_glass
    if verb == "countersign" and (alone is None or alone.countersigned_at is not None):
        return
    role = role_of(shown, verb)
    if not who.has(role):
        yield f"needs the role {role}"
    elif verb == "approve" and is_among(who.name, revision.hands):
        yield "you wrote, edited or submitted it, so somebody else must"
    elif verb == "countersign" and alone is not None and folded(alone.by) == folded(who.name):
        yield "you approved it, so somebody else must"
    elif verb == "countersign" and is_among(who.name, revision.hands):
        yield "you wrote, edited or submitted it, so somebody else must"
    else:
        yield None


def role_of(shown: Shown, verb: str) -> Role:
    """Whose act a verb is, at the stage that a revision has."""
    fits = [move.role for (stage, name), move in MOVES.items() if name == verb and stage is shown.stage]
    return fits[0] if fits else next(move.role for (_, name), move in MOVES.items() if name == verb)
