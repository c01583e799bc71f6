"""Known slips of one URL rule, found without any sample."""

from __future__ import annotations

from collections.abc import Iterator

from feedsrv.lints.iis_exchange import RESPONSE
from feedsrv.lints.iis_inputs import input_slips, is_constant
from feedsrv.lints.iis_patterns import count_groups, pattern_slips
from feedsrv.lints.judging import Objection
from feedsrv.model.action import Condition, InboundRule, OutboundRule, Rewrite, Syntax, UrlRewrite


def slips_of(action: UrlRewrite) -> Iterator[Objection]:
    """Each known slip with its remedy; none where the rule says what it can mean."""
    rule = action.rule
    is_outbound = isinstance(rule, OutboundRule)
    remedy = "correct it; IIS would not do what is meant"
    for slip in pattern_slips(rule.pattern, rule.syntax):
        yield f"rule {action.id}, pattern {rule.pattern!r}: {slip}", remedy
    if isinstance(rule, OutboundRule):
        if not rule.variable.startswith(RESPONSE):
            yield (
                f"rule {action.id} changes {rule.variable}, which is no response header",
                "write the header as a variable such as RESPONSE_Content_Security_Policy",
            )
        if rule.preconditions is not None:
            tests, syntax = rule.preconditions.conditions, rule.preconditions.syntax
            for what, slip in _condition_slips(tests, syntax, outbound=True, rule_groups=-1):
                yield f"rule {action.id}, precondition on {what}: {slip}", remedy
    groups = -1 if rule.negate else count_groups(rule.pattern, rule.syntax)
    for what, slip in _condition_slips(
        rule.conditions, rule.syntax, outbound=is_outbound, rule_groups=groups
    ):
        yield f"rule {action.id}, condition on {what}: {slip}", remedy
    if isinstance(rule, InboundRule) and not isinstance(rule.outcome, Rewrite):
        return
    assert isinstance(rule.outcome, Rewrite), "an outbound rule can do nothing else"
    captured = max((_captured(one, rule.syntax) for one in rule.conditions), default=-1)
    for slip in input_slips(
        rule.outcome.value, outbound=is_outbound, rule_groups=groups, condition_groups=captured
    ):
        yield f"rule {action.id}, value {rule.outcome.value!r}: {slip}", remedy


def _condition_slips(
    conditions: tuple[Condition, ...], syntax: Syntax, *, outbound: bool, rule_groups: int
) -> Iterator[tuple[str, str]]:
    before = -1
    for condition in conditions:
        slips = list(
            input_slips(condition.input, outbound=outbound, rule_groups=rule_groups, condition_groups=before)
        )
        if not slips and is_constant(condition.input):
            slips = ["it names no server variable in braces, so it is the same for every request"]
        for slip in (*slips, *pattern_slips(condition.pattern, syntax)):
            yield f"{condition.input!r} with {condition.pattern!r}", slip
        before = max(before, _captured(condition, syntax))


def _captured(condition: Condition, syntax: Syntax) -> int:
    """How many groups later back-references may name; -1 where not even number 0 is filled."""
    return -1 if condition.negate else count_groups(condition.pattern, syntax)
