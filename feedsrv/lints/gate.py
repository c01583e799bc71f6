"""The pattern gate: does every URL rule do what its author's samples say, and nothing else?

Pure, but patterns can run for ever: `gate_process` runs this where it can be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from feedsrv.lints.finding import Finding
from feedsrv.lints.iis import Outcome, evaluate_inbound, evaluate_outbound
from feedsrv.lints.iis_exchange import RESPONSE, Exchange, Reading
from feedsrv.lints.iis_inputs import BadInputStringError, input_slips, is_constant
from feedsrv.lints.iis_patterns import BadPatternError, Matcher, count_groups, pattern_slips
from feedsrv.model.action import Condition, Direction, InboundRule, OutboundRule, Rewrite, Syntax, UrlRewrite
from feedsrv.model.mitigation import Draft, RequestSample

Objection = tuple[str, str]
"""What is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One draft before the gate."""

    draft: Draft
    matcher: Matcher

    @property
    def actions(self) -> tuple[UrlRewrite, ...]:
        """The URL rules of the draft."""
        return tuple(one for one in self.draft.mitigation.actions if isinstance(one, UrlRewrite))

    def examine(self) -> Iterator[Finding]:
        """Everything that is wrong with the rules of this draft: slips first, then samples."""
        slips = list(chain.from_iterable(_slips(action) for action in self.actions))
        for sentence, remedy in chain(slips, self._sample_objections(has_slips=bool(slips))):
            yield Finding("S10", str(self.draft.mitigation), sentence, remedy)

    def _sample_objections(self, *, has_slips: bool) -> Iterator[Objection]:
        samples = self.draft.samples
        misdirected = [
            objection
            for sample in (*samples.must_block, *samples.must_pass)
            for objection in self._misdirections(sample)
        ]
        yield from misdirected
        try:
            for action in self.actions:
                yield from self._coverage(action)
            if not misdirected:
                for sample in samples.must_block:
                    yield from self._must_block(sample)
            for sample in samples.must_pass:
                yield from self._must_pass(sample)
        except (BadPatternError, BadInputStringError) as problem:
            # Nothing more can be tried. As a rule that is a slip, and named already; if it is one that
            # nobody thought of, it must not pass for good.
            if not has_slips:
                yield str(problem), "correct it; samples cannot be tried before"

    def _misdirections(self, sample: RequestSample) -> Iterator[Objection]:
        """What keeps a sample from being tried at all."""
        ids = [action.id for action in self.actions]
        if sample.action is not None and sample.action not in ids:
            yield (
                f"sample {sample.name!r} names action {sample.action}, which is no URL rule",
                f"name one of {', '.join(ids) or 'the URL rules'}, or none",
            )
        elif not ids:
            yield (
                f"sample {sample.name!r} has no URL rule to be tried on",
                "take it out, or add the rule it is meant for",
            )
        elif sample in self.draft.samples.must_block and not self._rules_for(sample):
            if sample.expect:
                sentence, remedy = "expects response headers of an inbound rule", "take Expect out"
            else:
                sentence, remedy = "does not say what an outbound rule must do", "name the header in Expect"
            yield f"must-block sample {sample.name!r} {sentence}", remedy

    def _rules_for(self, sample: RequestSample) -> tuple[UrlRewrite, ...]:
        """The rules that may act on a must-block sample: its own or any, of the direction it asks for."""
        direction = Direction.OUTBOUND if sample.expect else Direction.INBOUND
        return tuple(
            action
            for action in self.actions
            if action.direction is direction and sample.action in {None, action.id}
        )

    def _coverage(self, action: UrlRewrite) -> Iterator[Objection]:
        """Each rule is shown by samples both to act and to leave alone."""
        samples = self.draft.samples
        if not any(
            action in self._rules_for(sample) and self._acts(action, sample) for sample in samples.must_block
        ):
            yield (
                f"no must-block sample shows that rule {action.id} acts",
                "add a request that it must act on, as an attacker would send it",
            )
        if not any(
            sample.action in {None, action.id} and _reaches(sample, action) for sample in samples.must_pass
        ):
            yield (
                f"no must-pass sample comes by rule {action.id} at {action.place}",
                "add an everyday request to that place which it must leave alone",
            )

    def _acts(self, action: UrlRewrite, sample: RequestSample) -> bool:
        return all(action.id in self._run((action,), sample, reading).acted for reading in Reading)

    def _must_block(self, sample: RequestSample) -> Iterator[Objection]:
        rules = self._rules_for(sample)
        for reading in Reading:
            outcome = self._run(rules, sample, reading)
            request = f"{sample.method} {sample.url} (REQUEST_URI {reading.value})"
            if not outcome.acted:
                whys = "; ".join(f"rule {action_id}: {miss.why}" for action_id, miss in outcome.missed)
                yield (
                    f"must-block sample {sample.name!r} passes, {request}: {whys}",
                    "widen the rule so that it acts on this request, too",
                )
                return
            wrong = list(_unexpected(sample, outcome.exchange))
            if wrong:
                yield (
                    f"must-block sample {sample.name!r}, {request}: {'; '.join(wrong)}",
                    "correct the rule, or what the sample expects",
                )
                return

    def _must_pass(self, sample: RequestSample) -> Iterator[Objection]:
        rules = tuple(action for action in self.actions if sample.action in {None, action.id})
        for reading in Reading:
            acted = [
                action_id
                for direction in Direction
                for action_id in self._run(
                    tuple(rule for rule in rules if rule.direction is direction), sample, reading
                ).acted
            ]
            wrong = list(_unexpected(sample, Exchange.of(sample, reading)))
            if acted:
                request = f"{sample.method} {sample.url} (REQUEST_URI {reading.value})"
                yield (
                    f"must-pass sample {sample.name!r} is touched by rule {', '.join(acted)}, {request}",
                    "narrow the rule so that it leaves this request alone",
                )
                return
            if wrong:
                yield (
                    f"must-pass sample {sample.name!r}: {'; '.join(wrong)}",
                    "a request that passes keeps its own response headers: correct Expect, or take it out",
                )
                return

    def _run(self, rules: tuple[UrlRewrite, ...], sample: RequestSample, reading: Reading) -> Outcome:
        exchange = Exchange.of(sample, reading)
        if any(rule.direction is Direction.OUTBOUND for rule in rules):
            return evaluate_outbound(rules, exchange, self.matcher)
        return evaluate_inbound(rules, exchange, self.matcher)


def _reaches(sample: RequestSample, action: UrlRewrite) -> bool:
    return Exchange.of(sample, Reading.RAW).path_for(action.place) is not None


def _unexpected(sample: RequestSample, exchange: Exchange) -> Iterator[str]:
    """Expected response headers that did not come out."""
    for name, value in sample.expect:
        got = exchange.header(RESPONSE + name.replace("-", "_"))
        if got != value:
            yield f"header {name} would be {got!r}, not {value!r}"


def _slips(action: UrlRewrite) -> Iterator[Objection]:
    """Known slips of one rule, found without any sample."""
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
