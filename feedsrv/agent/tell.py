"""Telling people: how each mitigation stands in one line, and what happened in the log.

The log's event names are a promise to whoever watches them; `docs/agent.md` lists them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from feedsrv.agent.apply import Outcome
from feedsrv.agent.changing import Finding
from feedsrv.agent.decide import Decision, Reason, Verdict
from feedsrv.agent.events import tell_act
from feedsrv.agent.ports import Presence
from feedsrv.agent.state import Applied, Standing, Status

log = logging.getLogger(__name__)

# For each reason: the status where nothing of the mitigation is in place, the status where it is,
# and a sentence.
_WORDS: Final[Mapping[Reason, tuple[Status, Status, str]]] = {
    Reason.AFFECTED: (Status.FAILED, Status.APPLIED, "this build is affected"),
    Reason.NEW_REVISION: (Status.FAILED, Status.APPLIED, "a new revision of it was applied"),
    Reason.UNFINISHED: (Status.FAILED, Status.APPLIED, "this build is affected"),
    Reason.IN_PLACE: (Status.FAILED, Status.APPLIED, "this build is affected"),
    Reason.FIXED: (Status.NOT_NEEDED, Status.FAILED, "this build has the fix"),
    Reason.NOT_AFFECTED: (Status.NOT_NEEDED, Status.FAILED, "this build is not affected"),
    Reason.WITHDRAWN: (Status.WITHDRAWN, Status.FAILED, "its publisher took it back"),
    Reason.OTHER_CHANNEL: (Status.NOT_NEEDED, Status.FAILED, "its channel is not followed here"),
    Reason.SUPERSEDED: (Status.SUPERSEDED, Status.FAILED, "another mitigation takes over from it"),
    Reason.BLOCKED: (Status.BLOCKED, Status.BLOCKED, "blocked on this server"),
    Reason.ROLLOUT: (Status.WAITING, Status.APPLIED, "its rollout has not reached this server"),
    Reason.SWITCHED_OFF: (Status.PENDING, Status.APPLIED, "only checking, nothing is changed"),
    Reason.STALE_FEED: (Status.STALE, Status.APPLIED, "the feed that offers it has expired"),
    Reason.NOT_OFFERED: (Status.REFUSED, Status.APPLIED, "no feed that is trusted here names it; it is kept"),
    Reason.LOWER_REVISION: (Status.REFUSED, Status.APPLIED, "the feed names an older revision"),
    Reason.NOT_TRUSTED: (Status.REFUSED, Status.APPLIED, "what the feed names could not be had or trusted"),
    Reason.BUILD_UNKNOWN: (Status.UNKNOWN_BUILD, Status.APPLIED, "the build of this server is not known"),
}  # fmt: skip

# What an action that is not in force makes of the whole mitigation; the first that is met counts.
_PRESENCES: Final = (
    (Presence.CONFLICT, Status.CONFLICT),
    (Presence.DISABLED, Status.DISABLED),
)


def standing_of(outcome: Outcome, applied: Applied | None) -> Standing:
    """How one mitigation stands after a sync; `applied` is what is recorded of it by now."""
    decision = outcome.decision
    mitigation = decision.mitigation
    status, sentence = _status(outcome, in_place=applied is not None)
    return Standing(
        id=decision.id,
        revision=applied.revision if applied is not None else (mitigation.revision if mitigation else None),
        status=status,
        detail=sentence,
        title="" if mitigation is None else mitigation.title,
        in_place=applied is not None,
        places=tuple(_place(one) for one in outcome.findings),
    )


def _place(finding: Finding) -> str:
    if finding.detail.startswith(finding.rule_name):
        return finding.detail
    return f"{finding.rule_name}: {finding.detail}"


def _status(outcome: Outcome, *, in_place: bool) -> tuple[Status, str]:
    decision = outcome.decision
    absent, present, sentence = _WORDS[decision.reason]
    remedy = f"`feedsrv-agent {{}} {decision.id}`"
    if decision.pending is not None:
        hindered = "".join(f", but {one.message}" for one in outcome.problems[:1])
        return Status.PENDING, f"{sentence}: {_PENDING[decision.pending]}{hindered}"
    if outcome.waits_for and (outcome.is_whole or not outcome.problems):
        return Status.APPLIED, f"superseded, and stays until {', '.join(outcome.waits_for)} is in place"
    if outcome.problems:
        return _trouble(outcome), outcome.problems[0].message
    if decision.reason is Reason.BLOCKED and in_place:
        return Status.BLOCKED, f"{sentence}, and still in place: {remedy.format('remove')} takes it back"
    if in_place and not outcome.is_whole and decision.verdict is Verdict.KEEP:
        return Status.PENDING, f"{sentence}, and somebody removed or changed it: {remedy.format('repair')}"
    return (present if in_place else absent), sentence


def _trouble(outcome: Outcome) -> Status:
    found = {one.presence for one in outcome.findings}
    return next((status for presence, status in _PRESENCES if presence in found), Status.FAILED)


_PENDING: Final = {
    Verdict.APPLY: "it would be applied",
    Verdict.ROLL_BACK: "it would be rolled back",
    Verdict.KEEP: "it would be kept",
}


def log_outcome(outcome: Outcome, applied: Applied | None, before: Standing | None) -> None:
    """One line for a mitigation that changed; what fails or only waits is told once, not at every sync."""
    decision = outcome.decision
    about = _about(decision, applied)
    if outcome.problems:
        return  # a condition, which begins and ends
    is_new = before != standing_of(outcome, applied)
    if decision.verdict is Verdict.APPLY:
        tell_act(log, "mitigation.applied", **about)
    elif outcome.waits_for:
        if is_new:
            tell_act(log, "mitigation.waits", **about, **{"for": ",".join(outcome.waits_for)})
    elif decision.verdict is Verdict.ROLL_BACK:
        tell_act(log, "mitigation.rolled_back", **about)
    elif any(one.has_changed for one in outcome.findings):
        tell_act(log, "mitigation.repaired", **about)
    elif decision.pending is not None and is_new:
        tell_act(log, "mitigation.pending", **about, would=decision.pending.value)


def _about(decision: Decision, applied: Applied | None) -> dict[str, object]:
    revision = decision.mitigation.revision if decision.mitigation is not None else None
    if applied is not None:
        revision = applied.revision
    return {"mitigation": decision.id, "revision": revision, "reason": decision.reason.value}
