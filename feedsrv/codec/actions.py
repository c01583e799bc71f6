"""Actions, as published and authored documents both write them."""

from __future__ import annotations

from typing import assert_never

from lxml.etree import _Element

from feedsrv.codec.reading import flag, meaning, name_of
from feedsrv.codec.writing import Node, node, yes_no
from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    Grouping,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    Service,
    Syntax,
    UrlRewrite,
)


def action_node(action: Action) -> Node:
    """An action to be written."""
    match action:
        case UrlRewrite():
            return node(
                "UrlRewrite",
                _place_node(action.place),
                _rule_node(action.rule),
                id=action.id,
                name=action.name,
            )
        case AppPool():
            return node("AppPool", id=action.id, name=action.pool)
        case Service():
            return node("Service", id=action.id, name=action.service)
        case DoNothing():
            return node("DoNothing", id=action.id)
        case _:
            assert_never(action)


def action_from(element: _Element, *, source: str) -> Action:
    """Read an action.

    Raises:
        MeaningError: it contradicts itself.
    """
    with meaning(element, source=source):
        match name_of(element):
            case "UrlRewrite":
                place, rule = element.iterchildren("*")
                return UrlRewrite(element.get("id", ""), element.get("name", ""), _place(place), _rule(rule))
            case "AppPool":
                return AppPool(element.get("id", ""), element.get("name", ""))
            case "Service":
                return Service(element.get("id", ""), element.get("name", ""))
            case _:
                return DoNothing(element.get("id", ""))


def _place_node(place: Place) -> Node:
    match place.scope:
        case Scope.SERVER:
            return node("Server")
        case Scope.SITE:
            return node("Site", name=place.site)
        case Scope.APPLICATION:
            return node("Application", site=place.site, path=place.path)
        case _:
            assert_never(place.scope)


def _place(element: _Element) -> Place:
    match name_of(element):
        case "Server":
            return Place(Scope.SERVER)
        case "Site":
            return Place(Scope.SITE, element.get("name"))
        case _:
            return Place(Scope.APPLICATION, element.get("site"), element.get("path"))


def _rule_node(rule: InboundRule | OutboundRule) -> Node:
    conditions = _conditions_nodes(rule)
    outcome = _outcome_node(rule.outcome)
    match_attributes = {
        "pattern": rule.pattern,
        "syntax": rule.syntax,
        "ignoreCase": yes_no(rule.ignore_case),
        "negate": yes_no(rule.negate),
        "stopProcessing": yes_no(rule.stop_processing),
    }
    match rule:
        case InboundRule():
            return node("Inbound", conditions, outcome, **match_attributes)
        case OutboundRule():
            return node(
                "Outbound",
                _preconditions_nodes(rule.preconditions),
                conditions,
                outcome,
                variable=rule.variable,
                **match_attributes,
            )
        case _:
            assert_never(rule)


def _rule(element: _Element) -> InboundRule | OutboundRule:
    parts = {name_of(part): part for part in element.iterchildren("*")}
    conditions = parts.get("Conditions")
    preconditions = parts.get("Preconditions")
    outcome = _outcome(parts)
    grouping = Grouping.ALL if conditions is None else _grouping(conditions)
    tests = () if conditions is None else _conditions(conditions)
    pattern = element.get("pattern", "")
    syntax = _syntax(element)
    ignore_case = flag(element, "ignoreCase", default=True)
    negate = flag(element, "negate", default=False)
    if name_of(element) == "Outbound" and isinstance(outcome, Rewrite):
        return OutboundRule(
            element.get("variable", ""),
            pattern,
            outcome,
            syntax=syntax,
            ignore_case=ignore_case,
            negate=negate,
            preconditions=None if preconditions is None else _preconditions(preconditions),
            grouping=grouping,
            conditions=tests,
            stop_processing=flag(element, "stopProcessing", default=False),
        )
    return InboundRule(
        pattern,
        outcome,
        syntax=syntax,
        ignore_case=ignore_case,
        negate=negate,
        grouping=grouping,
        conditions=tests,
        stop_processing=flag(element, "stopProcessing", default=True),
    )


def _conditions_nodes(rule: InboundRule | OutboundRule) -> list[Node]:
    # No condition, yet "any of them must hold": the grammar refuses the empty element this gives.
    if not rule.conditions and rule.grouping is Grouping.ALL:
        return []
    return [node("Conditions", map(_condition_node, rule.conditions), grouping=rule.grouping)]


def _preconditions_nodes(preconditions: Preconditions | None) -> list[Node]:
    if preconditions is None:
        return []
    tests = map(_condition_node, preconditions.conditions)
    return [node("Preconditions", tests, grouping=preconditions.grouping, syntax=preconditions.syntax)]


def _preconditions(element: _Element) -> Preconditions:
    return Preconditions(_conditions(element), _grouping(element), _syntax(element))


def _condition_node(condition: Condition) -> Node:
    return node(
        "Condition",
        input=condition.input,
        pattern=condition.pattern,
        ignoreCase=yes_no(condition.ignore_case),
        negate=yes_no(condition.negate),
    )


def _conditions(element: _Element) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            one.get("input", ""),
            one.get("pattern", ""),
            negate=flag(one, "negate", default=False),
            ignore_case=flag(one, "ignoreCase", default=True),
        )
        for one in element.iterchildren("*")
    )


def _outcome_node(outcome: AbortRequest | CustomResponse | Rewrite) -> Node:
    match outcome:
        case AbortRequest():
            return node("AbortRequest")
        case CustomResponse():
            return node(
                "CustomResponse",
                status=str(outcome.status),
                substatus=str(outcome.substatus),
                reason=outcome.reason,
                description=outcome.description,
            )
        case Rewrite():
            return node("Rewrite", value=outcome.value)
        case _:
            assert_never(outcome)


def _outcome(parts: dict[str, _Element]) -> AbortRequest | CustomResponse | Rewrite:
    if "Rewrite" in parts:
        return Rewrite(parts["Rewrite"].get("value", ""))
    if "CustomResponse" in parts:
        element = parts["CustomResponse"]
        return CustomResponse(
            int(element.get("status", "")),
            int(element.get("substatus", "0")),
            element.get("reason", "Forbidden"),
            element.get("description", "Forbidden"),
        )
    return AbortRequest()


def _grouping(element: _Element) -> Grouping:
    return Grouping(element.get("grouping", Grouping.ALL))


def _syntax(element: _Element) -> Syntax:
    return Syntax(element.get("syntax", Syntax.ECMASCRIPT))
