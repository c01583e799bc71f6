"""The pattern gate: does every URL rule do what its author's samples say, and nothing else?

Pure, but patterns can run for ever: `gate_process` runs this where it can be stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final

from feedsrv.lints.backtracking import backtracking_of
from feedsrv.lints.finding import Finding
from feedsrv.lints.iis_exchange import Exchange, Reading
from feedsrv.lints.iis_inputs import BadInputStringError
from feedsrv.lints.iis_patterns import BadPatternError, Matcher
from feedsrv.lints.judging import MOST_VARIED, ORDINARY, Judge, Objection, Question, Verdict
from feedsrv.lints.slips import slips_of
from feedsrv.model.action import UrlRewrite
from feedsrv.model.mitigation import Draft, RequestSample

MOST_NAMED: Final = 5
"""So many ordinary requests that a rule stops are named; one is enough to act on."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One draft before the gate."""

    draft: Draft
    matcher: Matcher

    @property
    def judge(self) -> Judge:
        """Who tries the samples."""
        return Judge(self.draft, self.matcher)

    def examine(self) -> Iterator[Finding]:
        """Everything that is wrong with the rules of this draft: slips first, then slowness, then samples."""
        slips = list(chain.from_iterable(slips_of(action) for action in self.judge.actions))
        slow = chain.from_iterable(self._backtracking(action) for action in self.judge.actions)
        for sentence, remedy in chain(slips, slow, self._sample_objections(has_slips=bool(slips))):
            yield Finding("S10", str(self.draft.mitigation), sentence, remedy)

    def _backtracking(self, action: UrlRewrite) -> Iterator[Objection]:
        for sentence, remedy in backtracking_of(action.rule, self.matcher):
            yield f"rule {action.id}, {sentence}", remedy

    def _sample_objections(self, *, has_slips: bool) -> Iterator[Objection]:
        yield from self._misdirections()
        try:
            for action in self.judge.actions:
                yield from self._coverage(action)
            yield from self._verdicts()
        except (BadPatternError, BadInputStringError) as problem:
            # Nothing more can be tried. As a rule that is a slip, and named already; if it is one that
            # nobody thought of, it must not pass for good.
            if not has_slips:
                yield str(problem), "correct it; samples cannot be tried before"

    def _verdicts(self) -> Iterator[Objection]:
        """One objection to each sample that fares badly, as written or else in some variant; and traffic."""
        judge = self.judge
        stopped: list[Verdict] = []
        for sample, questions in groupby(judge.questions(), key=lambda question: question.sample):
            if judge.misdirection(sample) is not None:
                continue
            bad = [one for one in map(judge.answer, _asked(questions)) if not one.good]
            if bad and bad[0].variant == ORDINARY:
                stopped += bad
            elif bad:
                yield _objection(bad)
        if stopped:
            yield _traffic_objection(stopped)

    def _misdirections(self) -> Iterator[Objection]:
        """Samples that cannot be tried at all, or only as they are written."""
        samples = self.draft.samples
        attacks = len(samples.must_block)
        if attacks > MOST_VARIED:
            yield (
                f"{attacks} must-block samples are more than the {MOST_VARIED} that are varied",
                "keep those that differ in kind: other spellings are made here",
            )
        kinds = {
            "must-block": samples.must_block,
            "must-pass": samples.must_pass,
            "may-block": samples.may_block,
        }
        for kind, some in kinds.items():
            for sample in some:
                objection = self.judge.misdirection(sample)
                if objection is not None:
                    yield f"{kind} sample {sample.name!r} {objection[0]}", objection[1]

    def _coverage(self, action: UrlRewrite) -> Iterator[Objection]:
        """Each rule is shown by samples both to act and to leave alone."""
        samples, judge = self.draft.samples, self.judge
        if not any(
            action in judge.rules_for(sample) and judge.acts(action, sample) for sample in samples.must_block
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


def _asked(questions: Iterable[Question]) -> Iterator[Question]:
    return (question for question in questions if question.expected != "either")


def _objection(bad: list[Verdict]) -> Objection:
    """What is wrong with one sample: in its own words, or in the first variant that differs."""
    first, others = bad[0], sorted({one.variant or "" for one in bad[1:]} - {bad[0].variant})
    kind = "may-block" if first.sample.known_issue else f"must-{first.expected}"
    sentence = f"{kind} sample {first.sample.name!r} {first.why}, on {_line(first)}"
    if first.variant is not None:
        sentence += f", which is the same with {first.variant}"
        sentence += f"; so are those with {', '.join(others)}" if others else ""
    if first.expected == "pass":
        if first.blocked:
            return sentence, "narrow the rule so that it leaves this request alone"
        return (
            sentence,
            "a request that passes keeps its own response headers: correct Expect, or take it out",
        )
    if first.sample.known_issue:
        return sentence, "take it out, and the known issue if nothing else is behind it"
    if first.blocked:
        return sentence, "correct the rule, or what the sample expects"
    return sentence, "widen the rule so that it acts on this request, too"


def _traffic_objection(stopped: list[Verdict]) -> Objection:
    first, others = stopped[0], stopped[1:]
    names = ", ".join(repr(one.sample.name) for one in others[:MOST_NAMED])
    more = f"; so are {len(others)} others, such as {names}" if others else ""
    remedy = (
        "narrow the rule; or say so in a KnownIssue, and name the request with the words of that issue: "
        f"MayBlock method={first.request.method!r} url={first.request.url!r}"
    )
    return f"ordinary traffic, {first.sample.name!r}, {first.why}, on {_line(first)}{more}", remedy


def _line(verdict: Verdict) -> str:
    """The request line, and the headers where they are what a variant changed."""
    changed = [
        f"{name}: {value}"
        for name, value in verdict.request.headers
        if (name, value) not in verdict.sample.headers
    ]
    return " ".join((f"{verdict.request.method} {verdict.request.url}", *changed))


def _reaches(sample: RequestSample, action: UrlRewrite) -> bool:
    return Exchange.of(sample, Reading.RAW).path_for(action.place) is not None
