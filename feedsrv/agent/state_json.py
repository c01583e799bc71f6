"""The agent's state as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping

from feedsrv.agent.action_json import read_action, write_action
from feedsrv.agent.fields import Fields
from feedsrv.agent.state import (
    AgentState,
    Applied,
    Change,
    FeedMemory,
    Known,
    LastSync,
    Problem,
    Standing,
    Status,
)
from feedsrv.clock import to_text
from feedsrv.model.build import Build

Json = Mapping[str, object]


def write_state(state: AgentState) -> Json:
    """The state as JSON."""
    return {
        "deviceId": state.device_id,
        "applied": [_write_applied(one) for one in state.applied.values()],
        "blocked": sorted(state.blocked),
        "feeds": {
            key: {
                "version": one.version,
                "digest": one.digest,
                "etag": one.etag,
                "origin": one.origin,
                "policy": one.policy,
            }
            for key, one in state.feeds.items()
        },
        "known": {
            id_: {"revision": one.revision, "digest": one.digest, "policy": one.policy}
            for id_, one in state.known.items()
        },
        "standings": [_write_standing(one) for one in state.standings],
        "lastSync": None if state.last_sync is None else _write_last_sync(state.last_sync),
        "build": None if state.build is None else str(state.build),
        "nextOrder": state.next_order,
    }


def read_state(fields: Fields) -> AgentState:
    """Read what `write_state` wrote.

    Raises:
        FieldError: a field is missing or of the wrong kind.
        BadInputError: a value that the model does not allow.
    """
    applied = [_read_applied(one) for one in fields.children("applied")]
    build, last_sync = fields.text_or_none("build"), fields.child_or_none("lastSync")
    return AgentState(
        device_id=fields.text("deviceId"),
        applied={one.id: one for one in applied},
        blocked=frozenset(fields.texts("blocked")),
        feeds={
            key: FeedMemory(
                version=one.number("version"),
                digest=one.text("digest"),
                etag=one.text_or_none("etag"),
                origin=one.text("origin"),
                policy=one.text("policy"),
            )
            for key, one in fields.named("feeds")
        },
        known={
            id_: Known(one.number("revision"), one.text("digest"), one.text("policy"))
            for id_, one in fields.named("known")
        },
        standings=tuple(_read_standing(one) for one in fields.children("standings")),
        last_sync=None if last_sync is None else _read_last_sync(last_sync),
        build=None if build is None else Build.parse(build),
        next_order=fields.number("nextOrder"),
    )


def write_change(change: Change) -> Json:
    """One change as JSON; the journal uses it, too."""
    return {
        "action": write_action(change.action),
        "ruleName": change.rule_name,
        "undo": dict(change.undo),
        "order": change.order,
    }


def read_change(fields: Fields) -> Change:
    """Read what `write_change` wrote."""
    return Change(
        read_action(fields.child("action")),
        fields.text("ruleName"),
        fields.mapping("undo"),
        fields.number("order"),
    )


def _write_applied(one: Applied) -> Json:
    return {
        "id": one.id,
        "revision": one.revision,
        "since": to_text(one.since),
        "complete": one.complete,
        "changes": [write_change(change) for change in one.changes],
    }


def _read_applied(fields: Fields) -> Applied:
    return Applied(
        id=fields.text("id"),
        revision=fields.number("revision"),
        since=fields.moment("since"),
        changes=tuple(read_change(one) for one in fields.children("changes")),
        complete=fields.flag("complete"),
    )


def _write_standing(one: Standing) -> Json:
    return {
        "id": one.id,
        "revision": one.revision,
        "status": one.status,
        "detail": one.detail,
        "title": one.title,
        "inPlace": one.in_place,
        "places": list(one.places),
    }


def _read_standing(fields: Fields) -> Standing:
    return Standing(
        id=fields.text("id"),
        revision=None if fields.value("revision") is None else fields.number("revision"),
        status=Status(fields.text("status")),
        detail=fields.text("detail"),
        title=fields.text("title"),
        in_place=fields.flag("inPlace"),
        places=fields.texts("places"),
    )


def _write_last_sync(one: LastSync) -> Json:
    return {
        "at": to_text(one.at),
        "problems": [_write_problem(problem) for problem in one.problems],
        "feedVersion": one.feed_version,
        "isStale": one.is_stale,
        "succeeded": None if one.succeeded is None else to_text(one.succeeded),
    }


def _read_last_sync(fields: Fields) -> LastSync:
    return LastSync(
        at=fields.moment("at"),
        problems=tuple(_read_problem(one) for one in fields.children("problems")),
        feed_version=None if fields.value("feedVersion") is None else fields.number("feedVersion"),
        is_stale=fields.flag("isStale"),
        succeeded=fields.moment_or_none("succeeded"),
    )


def _write_problem(one: Problem) -> Json:
    return {"code": one.code, "message": one.message, "about": one.about, "step": one.step}


def _read_problem(fields: Fields) -> Problem:
    # The last two are missing from what earlier versions wrote.
    about, step = fields.text_or_none("about") or "", fields.text_or_none("step") or ""
    return Problem(fields.text("code"), fields.text("message"), about, step)
