"""A URL rewrite rule as the elements of IIS' configuration: what agents write, and people are shown before.

Every attribute that a rule rests on is spelled out. Where the elements go, and how they become text, is said
by whoever writes or shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from feedsrv.model.action import (
    AbortRequest,
    Condition,
    CustomResponse,
    InboundRule,
    OutboundRule,
    Rewrite,
    UrlRewrite,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """An element to be written, with what is inside it."""

    tag: str
    attributes: Mapping[str, str]
    children: tuple[Piece, ...] = ()


def piece_for(action: UrlRewrite, rule_name: str) -> Piece:
    """Write a rule as IIS expects it, every attribute that it rests on spelled out."""
    rule = action.rule
    attributes = {"name": rule_name}
    match = {"ignoreCase": _flag(holds=rule.ignore_case), "negate": _flag(holds=rule.negate)}
    if isinstance(rule, OutboundRule):
        match = {"serverVariable": rule.variable, "pattern": rule.pattern, **match}
        if rule.preconditions is not None:
            attributes["preCondition"] = precondition_name(rule_name)
    else:
        match = {"url": rule.pattern, **match}
    attributes |= {
        "enabled": "true",
        "patternSyntax": rule.syntax.value,
        "stopProcessing": _flag(holds=rule.stop_processing),
    }
    children = [Piece("match", match)]
    if rule.conditions:
        grouping = {"logicalGrouping": rule.grouping.value}
        children.append(Piece("conditions", grouping, _conditions(rule.conditions)))
    children.append(Piece("action", _outcome(rule)))
    return Piece("rule", attributes, tuple(children))


def precondition_name(rule_name: str) -> str:
    """The name of the precondition that belongs to one of our outbound rules."""
    return f"{rule_name} - precondition"


def precondition_for(action: UrlRewrite, rule_name: str) -> Piece | None:
    """Write what must hold of a response before our outbound rule looks at it; None where nothing must."""
    if not isinstance(action.rule, OutboundRule) or action.rule.preconditions is None:
        return None
    wanted = action.rule.preconditions
    attributes = {
        "name": precondition_name(rule_name),
        "logicalGrouping": wanted.grouping.value,
        "patternSyntax": wanted.syntax.value,
    }
    return Piece("preCondition", attributes, _conditions(wanted.conditions))


def _conditions(conditions: tuple[Condition, ...]) -> tuple[Piece, ...]:
    return tuple(
        Piece(
            "add",
            {
                "input": one.input,
                "pattern": one.pattern,
                "ignoreCase": _flag(holds=one.ignore_case),
                "negate": _flag(holds=one.negate),
            },
        )
        for one in conditions
    )


def _outcome(rule: InboundRule | OutboundRule) -> dict[str, str]:
    outcome = rule.outcome
    match outcome:
        case AbortRequest():
            return {"type": "AbortRequest"}
        case CustomResponse():
            return {
                "type": "CustomResponse",
                "statusCode": str(outcome.status),
                "subStatusCode": str(outcome.substatus),
                "statusReason": outcome.reason,
                "statusDescription": outcome.description,
            }
        case Rewrite(value=value):
            return {"type": "Rewrite", "url" if isinstance(rule, InboundRule) else "value": value}
        case _:
            assert_never(outcome)


def _flag(*, holds: bool) -> str:
    return "true" if holds else "false"
