"""From a draft to the values of its form; the way back is `form_words`, and loses nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    InboundRule,
    OutboundRule,
    Rewrite,
    Service,
    UrlRewrite,
)
from feedsrv.model.mitigation import Draft, RequestSample
from feedsrv.web.console.forms import (
    ABORT,
    APP_POOL,
    BLOCK,
    CUSTOM,
    HEARTBEAT,
    INBOUND,
    LEAVE,
    MAY,
    OUTBOUND,
    REWRITE,
    SERVICE,
)

Values = dict[str, Any]
"""What the fields of a form hold, rows as lists."""


def values_of(draft: Draft) -> Values:
    """What the form of this draft holds."""
    words = draft.mitigation
    return {
        "id": words.id,
        "title": words.title,
        "description": words.description,
        "severity": words.severity.value,
        "channel": words.channel,
        "status": words.status.value,
        "review_by": words.review_by.isoformat(),
        "change": words.change or "",
        "vulnerabilities": "\n".join(words.vulnerabilities),
        "references": "\n".join(words.references),
        "supersedes": "\n".join(words.supersedes),
        "no_fix_yet": words.no_fix_yet or "",
        "known_issues": "\n".join(words.known_issues),
        "notes": "\n".join(draft.notes),
        "affects": [
            {
                "product": product,
                "introduced": str(one.introduced),
                "fixed": "" if one.fixed is None else str(one.fixed),
            }
            for product, one in words.ranges()
        ],
        "actions": [_action_values(one) for one in words.actions],
        "samples": [
            *(_sample_values(one, BLOCK) for one in draft.samples.must_block),
            *(_sample_values(one, LEAVE) for one in draft.samples.must_pass),
            *(_sample_values(one, MAY) for one in draft.samples.may_block),
        ],
    }


def _action_values(action: Action) -> Values:
    match action:
        case UrlRewrite(rule=rule):
            kind = INBOUND if isinstance(rule, InboundRule) else OUTBOUND
            place = action.place
            where = {"scope": place.scope.value, "site": place.site or "", "path": place.path or ""}
            return {"kind": kind, "id": action.id, "target": action.name, **where, **_rule_values(rule)}
        case AppPool(pool=pool):
            return {"kind": APP_POOL, "id": action.id, "target": pool}
        case Service(service=service):
            return {"kind": SERVICE, "id": action.id, "target": service}
        case DoNothing():
            return {"kind": HEARTBEAT, "id": action.id}
        case _:
            assert_never(action)


def _rule_values(rule: InboundRule | OutboundRule) -> Values:
    common: Values = {
        "pattern": rule.pattern,
        "syntax": rule.syntax.value,
        "ignore_case": rule.ignore_case,
        "negate": rule.negate,
        "stop_processing": rule.stop_processing,
        "grouping": rule.grouping.value,
        "conditions": _condition_values(rule.conditions),
    }
    match rule:
        case InboundRule():
            return common | _outcome_values(rule.outcome)
        case OutboundRule(preconditions=None):
            return common | {"variable": rule.variable, "value": rule.outcome.value}
        case OutboundRule(preconditions=before):
            assert before is not None
            return common | {
                "variable": rule.variable,
                "value": rule.outcome.value,
                "preconditions": _condition_values(before.conditions),
                "pre_grouping": before.grouping.value,
                "pre_syntax": before.syntax.value,
            }
        case _:
            assert_never(rule)


def _condition_values(conditions: Iterable[Condition]) -> list[Values]:
    return [
        {"input": one.input, "pattern": one.pattern, "ignore_case": one.ignore_case, "negate": one.negate}
        for one in conditions
    ]


def _outcome_values(outcome: AbortRequest | CustomResponse | Rewrite) -> Values:
    match outcome:
        case AbortRequest():
            return {"outcome": ABORT}
        case CustomResponse():
            return {
                "outcome": CUSTOM,
                "status": str(outcome.status),
                "substatus": str(outcome.substatus),
                "reason": outcome.reason,
                "description": outcome.description,
            }
        case Rewrite():
            return {"outcome": REWRITE, "value": outcome.value}
        case _:
            assert_never(outcome)


def _sample_values(sample: RequestSample, expected: str) -> Values:
    return {
        "expected": expected,
        "name": sample.name,
        "method": sample.method,
        "url": sample.url,
        "action": sample.action or "",
        "known_issue": sample.known_issue or "",
        "headers": _header_lines(sample.headers),
        "response_headers": _header_lines(sample.response_headers),
        "expect": _header_lines(sample.expect),
    }


def _header_lines(headers: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)
