"""Actions as JSON, for the agent's own state and journal: what was done can be undone from these alone.

The journal must stand on its own: a signed document may be gone from the disk when its
change has to be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from feedsrv.agent.fields import FieldError, Fields
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

Json = Mapping[str, object]


def write_action(action: Action) -> Json:
    """An action as JSON."""
    match action:
        case UrlRewrite(id=id_, name=name, place=place, rule=rule):
            where = {"scope": place.scope, "site": place.site, "path": place.path}
            return {"kind": "rewrite", "id": id_, "name": name, "place": where, "rule": _write_rule(rule)}
        case AppPool(id=id_, pool=pool):
            return {"kind": "pool", "id": id_, "pool": pool}
        case Service(id=id_, service=service):
            return {"kind": "service", "id": id_, "service": service}
        case DoNothing(id=id_):
            return {"kind": "nothing", "id": id_}
        case _:
            assert_never(action)


def read_action(fields: Fields) -> Action:
    """Read what `write_action` wrote.

    Raises:
        FieldError: it is something else.
    """
    kind, id_ = fields.text("kind"), fields.text("id")
    match kind:
        case "rewrite":
            place = fields.child("place")
            return UrlRewrite(
                id_,
                fields.text("name"),
                Place(Scope(place.text("scope")), place.text_or_none("site"), place.text_or_none("path")),
                _read_rule(fields.child("rule")),
            )
        case "pool":
            return AppPool(id_, fields.text("pool"))
        case "service":
            return Service(id_, fields.text("service"))
        case "nothing":
            return DoNothing(id_)
        case _:
            raise FieldError(f"{fields.path}.kind {kind!r} is not known to this version of the agent")


def _write_rule(rule: InboundRule | OutboundRule) -> Json:
    common: Json = {
        "pattern": rule.pattern,
        "syntax": rule.syntax,
        "ignoreCase": rule.ignore_case,
        "negate": rule.negate,
        "grouping": rule.grouping,
        "conditions": [_write_condition(one) for one in rule.conditions],
        "stopProcessing": rule.stop_processing,
    }
    match rule:
        case InboundRule(outcome=outcome):
            return {"direction": "inbound", **common, "outcome": _write_outcome(outcome)}
        case OutboundRule(variable=variable, outcome=outcome, preconditions=preconditions):
            before = None if preconditions is None else _write_preconditions(preconditions)
            return {
                "direction": "outbound",
                "variable": variable,
                **common,
                "outcome": _write_outcome(outcome),
                "preconditions": before,
            }
        case _:
            assert_never(rule)


def _read_rule(fields: Fields) -> InboundRule | OutboundRule:
    pattern = fields.text("pattern")
    syntax, grouping = Syntax(fields.text("syntax")), Grouping(fields.text("grouping"))
    ignore_case, negate = fields.flag("ignoreCase"), fields.flag("negate")
    conditions = tuple(_read_condition(one) for one in fields.children("conditions"))
    outcome, stop = _read_outcome(fields.child("outcome")), fields.flag("stopProcessing")
    if fields.text("direction") == "inbound":
        return InboundRule(
            pattern, outcome, syntax, ignore_case, negate, grouping, conditions, stop_processing=stop
        )
    if not isinstance(outcome, Rewrite):
        raise FieldError(f"{fields.path}.outcome must be a rewrite in an outbound rule")
    before = fields.child_or_none("preconditions")
    return OutboundRule(
        fields.text("variable"),
        pattern,
        outcome,
        syntax,
        ignore_case,
        negate,
        None if before is None else _read_preconditions(before),
        grouping,
        conditions,
        stop_processing=stop,
    )


def _write_outcome(outcome: AbortRequest | CustomResponse | Rewrite) -> Json:
    match outcome:
        case AbortRequest():
            return {"kind": "abort"}
        case Rewrite(value=value):
            return {"kind": "rewrite", "value": value}
        case CustomResponse(status=status, substatus=substatus, reason=reason, description=description):
            answer = {"status": status, "substatus": substatus, "reason": reason, "description": description}
            return {"kind": "respond", **answer}
        case _:
            assert_never(outcome)


def _read_outcome(fields: Fields) -> AbortRequest | CustomResponse | Rewrite:
    match fields.text("kind"):
        case "abort":
            return AbortRequest()
        case "rewrite":
            return Rewrite(fields.text("value"))
        case "respond":
            return CustomResponse(
                fields.number("status"),
                fields.number("substatus"),
                fields.text("reason"),
                fields.text("description"),
            )
        case other:
            raise FieldError(f"{fields.path}.kind {other!r} is not known to this version of the agent")


def _write_condition(one: Condition) -> Json:
    return {"input": one.input, "pattern": one.pattern, "negate": one.negate, "ignoreCase": one.ignore_case}


def _read_condition(fields: Fields) -> Condition:
    return Condition(
        fields.text("input"), fields.text("pattern"), fields.flag("negate"), fields.flag("ignoreCase")
    )


def _write_preconditions(before: Preconditions) -> Json:
    conditions = [_write_condition(one) for one in before.conditions]
    return {"conditions": conditions, "grouping": before.grouping, "syntax": before.syntax}


def _read_preconditions(fields: Fields) -> Preconditions:
    return Preconditions(
        tuple(_read_condition(one) for one in fields.children("conditions")),
        Grouping(fields.text("grouping")),
        Syntax(fields.text("syntax")),
    )
