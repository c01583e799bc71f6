"""The pattern gate: does every URL rule do what its author's samples say, and nothing else?

Pure, but patterns can run for ever: `gate_process` runs this where it can be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from feedsrv.lints.finding import Finding
from feedsrv.lints.iis_exchange import Exchange, Reading
from feedsrv.lints.iis_inputs import BadInputStringError
from feedsrv.lints.iis_patterns import BadPatternError, Matcher
from feedsrv.lints.judging import Judge, Objection, Verdict
from feedsrv.lints.slips import slips_of
from feedsrv.model.action import UrlRewrite
from feedsrv.model.mitigation import Draft, RequestSample


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
        """Everything that is wrong with the rules of this draft: slips first, then samples."""
        slips = list(chain.from_iterable(slips_of(action) for action in self.judge.actions))
        for sentence, remedy in chain(slips, self._sample_objections(has_slips=bool(slips))):
            yield Finding("S10", str(self.draft.mitigation), sentence, remedy)

    def _sample_objections(self, *, has_slips: bool) -> Iterator[Objection]:
        yield from self._misdirections()
        try:
            for action in self.judge.actions:
                yield from self._coverage(action)
            for question in self.judge.questions():
                if self.judge.misdirection(question.sample) is None:
                    verdict = self.judge.answer(question)
                    if not verdict.good:
                        yield _objection(verdict)
        except (BadPatternError, BadInputStringError) as problem:
            # Nothing more can be tried. As a rule that is a slip, and named already; if it is one that
            # nobody thought of, it must not pass for good.
            if not has_slips:
                yield str(problem), "correct it; samples cannot be tried before"

    def _misdirections(self) -> Iterator[Objection]:
        """Samples that cannot be tried at all."""
        samples = self.draft.samples
        for kind, some in ("must-block", samples.must_block), ("must-pass", samples.must_pass):
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


def _objection(verdict: Verdict) -> Objection:
    asked = verdict.request
    sentence = f"must-{verdict.expected} sample {asked.name!r} {verdict.why}, on {asked.method} {asked.url}"
    if verdict.expected == "pass":
        if verdict.blocked:
            return sentence, "narrow the rule so that it leaves this request alone"
        return (
            sentence,
            "a request that passes keeps its own response headers: correct Expect, or take it out",
        )
    if verdict.blocked:
        return sentence, "correct the rule, or what the sample expects"
    return sentence, "widen the rule so that it acts on this request, too"


def _reaches(sample: RequestSample, action: UrlRewrite) -> bool:
    return Exchange.of(sample, Reading.RAW).path_for(action.place) is not None
