"""What IIS URL Rewrite does with one exchange: inbound rules judge requests, outbound rules change headers.

Pure emulation of the module's documented behaviour, for URL rules as mitigations can write them. Beyond
what the module documents, this is assumed: a rule on an absent response header is given the empty string;
an outbound rewrite replaces the whole header; rules of the server run before those of a site, and those
before an application's. Not emulated: other people's rules, rewrite maps, response bodies, request
filtering (which refuses some strange URLs before any rule sees them).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from feedsrv.lints.iis_exchange import Exchange
from feedsrv.lints.iis_inputs import expand, parse
from feedsrv.lints.iis_patterns import Captures, Matcher
from feedsrv.model.action import (
    Grouping,
    InboundRule,
    OutboundRule,
    Preconditions,
    Rewrite,
    Scope,
    UrlRewrite,
)

_ORDER: Final = {Scope.SERVER: 0, Scope.SITE: 1, Scope.APPLICATION: 2}


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a rule did not act, for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an exchange."""

    exchange: Exchange
    acted: tuple[str, ...] = ()
    """Ids of the actions whose rules acted, in order."""
    missed: tuple[tuple[str, Miss], ...] = ()
    """Ids of the actions whose rules did not act, and why."""
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: Captures
    condition: Captures


def evaluate_inbound(actions: Iterable[UrlRewrite], exchange: Exchange, matcher: Matcher) -> Outcome:
    """Let the inbound rules among these actions judge a request, in the order of IIS.

    Raises:
        BadPatternError: a pattern does not compile.
        BadInputStringError: an input cannot be read, or tried on a sample.
    """
    acted: list[str] = []
    missed: list[tuple[str, Miss]] = []
    for action in sorted(actions, key=_order):
        rule = action.rule
        if isinstance(rule, OutboundRule):
            continue
        hit = _inbound_hit(rule, action, exchange, matcher)
        if isinstance(hit, Miss):
            missed.append((action.id, hit))
            continue
        acted.append(action.id)
        if not isinstance(rule.outcome, Rewrite):
            return Outcome(exchange, tuple(acted), tuple(missed), is_blocked=True)
        url = expand(parse(rule.outcome.value), exchange, hit.rule, hit.condition)
        exchange = exchange.with_url(url, action.place)
        if rule.stop_processing:
            break
    return Outcome(exchange, tuple(acted), tuple(missed))


def evaluate_outbound(actions: Iterable[UrlRewrite], exchange: Exchange, matcher: Matcher) -> Outcome:
    """Let the outbound rules among these actions change a response, in the order of IIS.

    Raises:
        BadPatternError: a pattern does not compile.
        BadInputStringError: an input cannot be read, or tried on a sample.
    """
    acted: list[str] = []
    missed: list[tuple[str, Miss]] = []
    for action in sorted(actions, key=_order):
        rule = action.rule
        if isinstance(rule, InboundRule):
            continue
        hit = _outbound_hit(rule, action, exchange, matcher)
        if isinstance(hit, Miss):
            missed.append((action.id, hit))
            continue
        acted.append(action.id)
        value = expand(parse(rule.outcome.value), exchange, hit.rule, hit.condition)
        exchange = exchange.with_header(rule.variable, value)
        if rule.stop_processing:
            break
    return Outcome(exchange, tuple(acted), tuple(missed))


def _order(action: UrlRewrite) -> int:
    return _ORDER[action.place.scope]


def _inbound_hit(rule: InboundRule, action: UrlRewrite, exchange: Exchange, matcher: Matcher) -> _Hit | Miss:
    path = exchange.path_for(action.place)
    if path is None:
        return Miss(f"the path {exchange.path} is not below {action.place}")
    return _hit(rule, path, exchange, matcher)


def _outbound_hit(
    rule: OutboundRule, action: UrlRewrite, exchange: Exchange, matcher: Matcher
) -> _Hit | Miss:
    if exchange.path_for(action.place) is None:
        return Miss(f"the path {exchange.path} is not below {action.place}")
    if rule.preconditions is not None:
        met = _conditions(rule.preconditions, (), exchange, matcher)
        if isinstance(met, Miss):
            return Miss(f"its preconditions are not met: {met.why}")
    return _hit(rule, exchange.header(rule.variable), exchange, matcher)


def _hit(rule: InboundRule | OutboundRule, text: str, exchange: Exchange, matcher: Matcher) -> _Hit | Miss:
    captures = matcher.search(rule.pattern, rule.syntax, text, ignore_case=rule.ignore_case)
    if (captures is None) is not rule.negate:
        return Miss(f"its pattern {rule.pattern!r} {_did(captures)} {text!r}")
    conditions = Preconditions(rule.conditions, rule.grouping, rule.syntax)
    found = _conditions(conditions, captures or (), exchange, matcher)
    return found if isinstance(found, Miss) else _Hit(captures or (), found)


def _conditions(
    tests: Preconditions, rule: Captures, exchange: Exchange, matcher: Matcher
) -> Captures | Miss:
    """What the condition that matched last captured, or why they do not hold together."""
    last: Captures = ()
    misses: list[str] = []
    for condition in tests.conditions:
        text = expand(parse(condition.input), exchange, rule, last)
        captures = matcher.search(condition.pattern, tests.syntax, text, ignore_case=condition.ignore_case)
        if (captures is None) is condition.negate:
            last = captures or last
            if tests.grouping is Grouping.ANY:
                return last
        else:
            misses.append(f"{condition.pattern!r} {_did(captures)} {condition.input} {text!r}")
            if tests.grouping is Grouping.ALL:
                break
    return Miss("; ".join(misses)) if misses else last


def _did(captures: Captures | None) -> str:
    return "does not match" if captures is None else "is negated, but matches"
