"""What becomes of one sample: blocked or let through, by which rule, and whether that is as it must be.

Pure, but patterns can run for ever: `verdicts` asks from outside the process that runs this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from feedsrv.lints.iis import Outcome, evaluate_inbound, evaluate_outbound
from feedsrv.lints.iis_exchange import RESPONSE, Exchange, Reading
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.lints.ordinary import is_same, ordinary_for
from feedsrv.lints.variants import Variant, variants
from feedsrv.model.action import Direction, Grouping, InboundRule, OutboundRule, Syntax, UrlRewrite
from feedsrv.model.mitigation import Draft, RequestSample

Expected = Literal["block", "pass", "either"]
"""`either` where nothing is asked of a rule, as of requests that IIS refuses by itself."""
Objection = tuple[str, str]
"""What is wrong, and the remedy."""
ORDINARY: Final = "ordinary traffic"
"""The variant of a request that no author wrote."""
_NAMES_PATH: Final = re.compile(r"\{(URL|PATH_INFO|SCRIPT_NAME|REQUEST_URI|UNENCODED_URL)\}", re.IGNORECASE)
_TIES: Final = re.compile(r"\^/?[A-Za-z0-9]")
MOST_VARIED: Final = 100
"""So many must-block samples of a draft are varied; those behind are tried as written."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern with all that decides what it matches."""

    text: str
    syntax: Syntax
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules of a draft do with one request."""

    sample: RequestSample
    """As its author wrote it."""
    variant: str | None
    """How `request` differs from it, in words; None for the sample itself."""
    request: RequestSample
    """What was asked."""
    expected: Expected
    blocked: bool
    """True where a rule acted: for each reading of REQUEST_URI if it must, for any if it must not."""
    by: str | None
    """Id of the action that acted, if any."""
    why: str
    """In words: what acted, what did not match, or why nothing is asked."""
    good: bool
    """True where it is as expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request that is put to the rules."""

    sample: RequestSample
    variant: str | None
    request: RequestSample
    expected: Expected
    readings: tuple[Reading, ...] = tuple(Reading)
    """The readings of REQUEST_URI for which it is asked."""
    unasked: str = ""
    """Why either answer is good, where it is."""

    def answered(self, by: str | None, why: str, *, good: bool) -> Verdict:
        """The verdict on it."""
        return Verdict(
            self.sample, self.variant, self.request, self.expected, by is not None, by, why, good=good
        )


@dataclass(frozen=True, slots=True)
class Judge:
    """Tries the samples of one draft on its rules."""

    draft: Draft
    matcher: Matcher

    @property
    def actions(self) -> tuple[UrlRewrite, ...]:
        """The URL rules of the draft."""
        return tuple(one for one in self.draft.mitigation.actions if isinstance(one, UrlRewrite))

    def questions(self) -> Iterator[Question]:
        """What is asked: each sample with its variants as written, then ordinary traffic."""
        samples = self.draft.samples
        for number, sample in enumerate(samples.must_block):
            yield Question(sample, None, sample, "block")
            if number < MOST_VARIED:
                for variant in variants(sample):
                    yield self._varied(sample, variant)
        for sample in samples.must_pass:
            yield Question(sample, None, sample, "pass")
        for sample in samples.may_block:
            yield Question(sample, None, sample, "block")
        for sample in self._ordinary():
            yield Question(sample, ORDINARY, sample, "pass")

    def answer(self, question: Question) -> Verdict:
        """What becomes of one request, whichever way REQUEST_URI reads.

        Raises:
            BadPatternError: a pattern does not compile.
            BadInputStringError: an input cannot be read, or tried on a sample.
        """
        misdirection = self.misdirection(question.sample)
        if misdirection is not None:
            return question.answered(None, misdirection[0], good=False)
        if question.expected == "pass":
            return self._must_pass(question)
        verdict = self._must_block(question)
        if question.expected == "block":
            return verdict
        blocked = "blocked" if verdict.blocked else "not blocked"
        return question.answered(verdict.by, f"{blocked}, and not asked: {question.unasked}", good=True)

    def _ordinary(self) -> Iterator[RequestSample]:
        """Ordinary requests that no known issue was stated for."""
        if any(action.direction is Direction.INBOUND for action in self.actions):
            for request in ordinary_for(self.draft.mitigation):
                if not any(is_same(request, stated) for stated in self.draft.samples.may_block):
                    yield request

    def misdirection(self, sample: RequestSample) -> Objection | None:
        """What keeps a sample from being tried at all, if anything."""
        ids = [action.id for action in self.actions]
        if sample.action is not None and sample.action not in ids:
            return (
                f"names action {sample.action}, which is no URL rule",
                f"name one of {', '.join(ids) or 'the URL rules'}, or none",
            )
        if not ids:
            return "has no URL rule to be tried on", "take it out, or add the rule it is meant for"
        if sample in self.draft.samples.may_block:
            known = [" ".join(one.split()) for one in self.draft.mitigation.known_issues]
            if sample.known_issue not in known:
                return "names a known issue that is not there", "repeat all the words of one KnownIssue"
        elif sample in self.draft.samples.must_block and not self.rules_for(sample):
            if sample.expect:
                return "expects response headers of an inbound rule", "take Expect out"
            return "does not say what an outbound rule must do", "name the header in Expect"
        return None

    def rules_for(self, sample: RequestSample) -> tuple[UrlRewrite, ...]:
        """The rules that may act on a must-block sample: its own or any, of the direction it asks for."""
        direction = Direction.OUTBOUND if sample.expect else Direction.INBOUND
        return tuple(
            action
            for action in self.actions
            if action.direction is direction and sample.action in {None, action.id}
        )

    def acts(self, action: UrlRewrite, sample: RequestSample) -> bool:
        """True where that rule acts on that sample, whichever way REQUEST_URI reads."""
        return all(action.id in self._run((action,), sample, reading).acted for reading in Reading)

    def _varied(self, sample: RequestSample, variant: Variant) -> Question:
        kind, request = variant.kind, variant.request
        if kind.of_loose_rules and all(_is_tied(action.rule) for action in self.rules_for(sample)):
            return Question(sample, kind.name, request, "either", unasked="the rule is tied to a path")
        if kind.unasked is None:
            return Question(sample, kind.name, request, "block", kind.readings)
        return Question(sample, kind.name, request, "either", unasked=kind.unasked)

    def _must_block(self, question: Question) -> Verdict:
        """Whether a rule acts on it, and does what is expected."""
        by: str | None = None
        for reading in question.readings:
            outcome = self._run(self.rules_for(question.sample), question.request, reading)
            if not outcome.acted:
                whys = "; ".join(f"rule {action_id}: {miss.why}" for action_id, miss in outcome.missed)
                return question.answered(None, f"passes (REQUEST_URI {reading.value}): {whys}", good=False)
            by = outcome.acted[-1]
            wrong = "; ".join(unexpected(question.sample, outcome.exchange))
            if wrong:
                why = f"rule {by} acts (REQUEST_URI {reading.value}), but {wrong}"
                return question.answered(by, why, good=False)
        return question.answered(by, f"rule {by} acts", good=True)

    def _must_pass(self, question: Question) -> Verdict:
        """Whether every rule leaves it alone."""
        for reading in Reading:
            by = self._toucher(question, reading)
            if by is not None:
                why = f"is touched by rule {by} (REQUEST_URI {reading.value})"
                return question.answered(by, why, good=False)
            wrong = "; ".join(unexpected(question.sample, Exchange.of(question.request, reading)))
            if wrong:
                return question.answered(None, wrong, good=False)
        return question.answered(None, "no rule acts", good=True)

    def _toucher(self, question: Question, reading: Reading) -> str | None:
        """The first rule that does not leave a request alone; of ordinary traffic, the first that blocks."""
        sample = question.request
        rules = tuple(action for action in self.actions if sample.action in {None, action.id})
        for direction in [Direction.INBOUND] if question.variant == ORDINARY else Direction:
            some = tuple(rule for rule in rules if rule.direction is direction)
            acted = self._run(some, sample, reading).acted
            if acted:
                return acted[0]
        return None

    def _run(self, rules: tuple[UrlRewrite, ...], sample: RequestSample, reading: Reading) -> Outcome:
        exchange = Exchange.of(sample, reading)
        if any(rule.direction is Direction.OUTBOUND for rule in rules):
            return evaluate_outbound(rules, exchange, self.matcher)
        return evaluate_inbound(rules, exchange, self.matcher)


def _is_tied(rule: InboundRule | OutboundRule) -> bool:
    """True where a rule acts below one path only, so that another path is another request to it."""
    asked = [(rule.pattern, rule.negate)] if isinstance(rule, InboundRule) else []
    if rule.grouping is Grouping.ALL:
        asked += [(one.pattern, one.negate) for one in rule.conditions if _NAMES_PATH.search(one.input)]
    return any(_TIES.match(pattern) and not negate and not _is_choice(pattern) for pattern, negate in asked)


def _is_choice(pattern: str) -> bool:
    r"""True where an anchor ties no more than the first of several alternatives.

    >>> _is_choice("^owa|ecp"), _is_choice(r"^owa/(a|b)\|[|]$")
    (True, False)
    """
    rest, before = re.sub(r"\\.|\[[^]]*\]", "", pattern), ""
    while rest != before:
        rest, before = re.sub(r"\([^()]*\)", "", rest), rest
    return "|" in rest


def unexpected(sample: RequestSample, exchange: Exchange) -> Iterator[str]:
    """Expected response headers that did not come out."""
    for name, value in sample.expect:
        got = exchange.header(RESPONSE + name.replace("-", "_"))
        if got != value:
            yield f"header {name} would be {got!r}, not {value!r}"
