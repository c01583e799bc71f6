"""What a URL rewrite rule does, whatever it is called, read out of IIS' configuration.

The defaults are those of IIS' own schema, so that two rules can be compared by what they do. `model.iis_rule`
writes ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from feedsrv.model.action import (
    Grouping,
)


class Node(Protocol):
    """An element, whether read from a file or about to be written."""

    @property
    def tag(self) -> str:
        """Its name."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its attributes as written; defaults are not filled in."""

    @property
    def children(self) -> Sequence[Node]:
        """The elements in it."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a rule does: equal for two rules that treat every request or response alike."""

    match: tuple[str, ...]
    conditions: tuple[object, ...]
    precondition: tuple[object, ...]
    variables: tuple[tuple[str, ...], ...]
    action: tuple[str, ...]
    stop_processing: bool


# Defaults of IIS' rewrite_schema.xml: an attribute that is left out means this.
_MATCH: Final = {"url": "", "ignoreCase": "true", "negate": "false"}
_OUTBOUND_MATCH: Final = {
    "serverVariable": "",
    "pattern": "",
    "filterByTags": "None",
    "customTags": "",
    "occurrences": "0",
    "ignoreCase": "true",
    "negate": "false",
}
_CONDITION: Final = {
    "input": "",
    "matchType": "Pattern",
    "pattern": "",
    "ignoreCase": "true",
    "negate": "false",
}
_VARIABLE: Final = {"name": "", "value": "", "replace": "true"}
_ACTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "none": {},
    "abortrequest": {},
    "customresponse": {"statusCode": "", "subStatusCode": "0", "statusReason": "", "statusDescription": ""},
    "rewrite": {"url": "", "appendQueryString": "true"},
    "redirect": {"url": "", "appendQueryString": "true", "redirectType": "Permanent"},
}
_OUTBOUND_ACTION: Final = {"value": "", "replace": "true"}
# Names, booleans and enumerations: IIS does not mind their case, nor that of `{REQUEST_URI}`.
_CASELESS: Final = frozenset(
    {
        "ignoreCase",
        "negate",
        "matchType",
        "replace",
        "appendQueryString",
        "redirectType",
        "serverVariable",
        "name",
    }
    | {"filterByTags", "customTags", "input"}
)
_CATCH_ALL: Final[Mapping[str, frozenset[str]]] = {
    "ecmascript": frozenset({".*", "(.*)", "^.*", "^(.*)", "^.*$", "^(.*)$", ".*$", "(.*)$", "^", "$", ""}),
    "wildcard": frozenset({"*"}),
    "exactmatch": frozenset(),
}
_CAPTURE: Final = re.compile(r"\{C:\d")


def behaviour(rule: Node, preconditions: Mapping[str, Node]) -> Behaviour:
    """Read what a rule does; `preconditions` are those it may name, by casefolded name."""
    match = _child(rule, "match")
    is_outbound = match is not None and (
        "pattern" in match.attributes or "serverVariable" in match.attributes
    )
    syntax = rule.attributes.get("patternSyntax", "ECMAScript").casefold()
    named = rule.attributes.get("preCondition", "")
    action = _child(rule, "action")
    does = _action(action, is_outbound=is_outbound)
    return Behaviour(
        match=(syntax, *_filled(match, _OUTBOUND_MATCH if is_outbound else _MATCH)),
        conditions=_condition_set(
            _child(rule, "conditions"), ordered=any(_CAPTURE.search(one) for one in does)
        ),
        precondition=_precondition(named, preconditions),
        variables=tuple(_filled(one, _VARIABLE) for one in _below(_child(rule, "serverVariables"), "set")),
        action=does,
        stop_processing=is_true(rule, "stopProcessing", default=False),
    )


def is_true(node: Node, attribute: str, *, default: bool) -> bool:
    """Read a boolean attribute."""
    return node.attributes.get(attribute, "true" if default else "false").strip().casefold() == "true"


def stops_everything(rule: Node) -> bool:
    """True where a rule lets no later rule see any request at all."""
    match = _child(rule, "match")
    action = _child(rule, "action")
    if match is None or not is_true(rule, "enabled", default=True):
        return False
    ends = action is not None and action.attributes.get("type", "None").casefold() in {
        "abortrequest",
        "customresponse",
    }
    if not ends and not is_true(rule, "stopProcessing", default=False):
        return False
    if _below(_child(rule, "conditions"), "add") or is_true(match, "negate", default=False):
        return False
    syntax = rule.attributes.get("patternSyntax", "ECMAScript").casefold()
    return match.attributes.get("url", "") in _CATCH_ALL.get(syntax, frozenset())


def _action(action: Node | None, *, is_outbound: bool) -> tuple[str, ...]:
    kind = "none" if action is None else action.attributes.get("type", "None").casefold()
    if is_outbound:
        return (kind, *_filled(action, _OUTBOUND_ACTION))
    return (kind, *_filled(action, _ACTIONS.get(kind, {})))


def _precondition(name: str, preconditions: Mapping[str, Node]) -> tuple[object, ...]:
    if not name:
        return ()
    found = preconditions.get(name.casefold())
    if found is None:
        return ("not there", name.casefold())
    syntax = found.attributes.get("patternSyntax", "ECMAScript").casefold()
    return (syntax, *_condition_set(found, ordered=False))


def _condition_set(holder: Node | None, *, ordered: bool) -> tuple[object, ...]:
    """Conditions as they count: their order does only where the action refers back to one."""
    found = [_filled(one, _CONDITION) for one in _below(holder, "add")]
    if holder is None or not found:
        return ()
    grouping = holder.attributes.get("logicalGrouping", Grouping.ALL.value).casefold()
    captures = holder.attributes.get("trackAllCaptures", "").casefold() if ordered else ""
    one_of_one = len(found) == 1
    return ("" if one_of_one else grouping, captures, *(found if ordered else sorted(found)))


def _filled(node: Node | None, defaults: Mapping[str, str]) -> tuple[str, ...]:
    attributes: Mapping[str, str] = {} if node is None else node.attributes
    values = ((name, attributes.get(name, default)) for name, default in defaults.items())
    return tuple(value.casefold() if name in _CASELESS else value for name, value in values)


def _child(node: Node, tag: str) -> Node | None:
    return next((child for child in node.children if child.tag == tag), None)


def _below(node: Node | None, tag: str) -> list[Node]:
    return [] if node is None else [child for child in node.children if child.tag == tag]
