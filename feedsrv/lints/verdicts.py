"""Asking what a draft's rules, or one pattern, do with requests, without waiting for ever.

For people at work on a rule. What may be published is decided by S10, which asks the same questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from feedsrv.lints.gate_process import never_came_back, run
from feedsrv.lints.iis_patterns import BadPatternError
from feedsrv.lints.judging import Expected, Pattern, Question, Verdict
from feedsrv.model.action import Syntax
from feedsrv.model.mitigation import Draft, RequestSample

__all__ = ["Tried", "Verdict", "judge_samples", "try_pattern"]

JUDGE_SECONDS: Final = 5
TRY_SECONDS: Final = 1
"""Computing time for one pattern and its inputs, while somebody waits."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a pattern did with one input."""

    input: str
    matched: bool
    captures: tuple[str, ...]
    """What matched, then each group; empty where nothing did."""
    why: str
    """In words."""
    came_back: bool = True
    """False where it had to be stopped, and for the inputs after that."""


def judge_samples(draft: Draft, *, cpu_seconds: int = JUDGE_SECONDS) -> tuple[Verdict, ...]:
    """What the URL rules of a draft do with its samples, in the order of writing.

    A pattern that had to be stopped ends the list with a verdict that says so.

    Raises:
        GateBrokenError: the child process could not be started, or failed by itself.
    """
    said = run("judge", draft, cpu_seconds=cpu_seconds)
    verdicts = tuple(_verdict(line["verdict"]) for line in said.lines if line["say"] == "verdict")
    if said.hung is None:
        return verdicts
    asking = [_question(line["question"]) for line in said.lines if line["say"] == "asking"]
    why = never_came_back(said.hung, seconds=cpu_seconds)
    return (*verdicts, *(one.answered(None, why, good=False) for one in asking[len(verdicts) :]))


def try_pattern(
    pattern: str,
    syntax: Syntax,
    ignore_case: bool,
    inputs: Sequence[str],
    *,
    cpu_seconds: int = TRY_SECONDS,
) -> tuple[Tried, ...]:
    """What one pattern does with each input, searched as IIS URL Rewrite searches.

    Raises:
        BadPatternError: it does not compile.
        GateBrokenError: the child process could not be started, or failed by itself.
    """
    # The empty input is for a pattern that nobody gave one: whether it compiles is still worth knowing.
    matter = (Pattern(pattern, syntax, ignore_case=ignore_case), (*inputs, ""))
    said = run("try", matter, cpu_seconds=cpu_seconds)
    for line in said.lines:
        if line["say"] == "refused":
            raise BadPatternError(pattern, syntax, str(line["reason"]))
    tried = [
        _tried(text, cast("list[str] | None", line["captures"]))
        for text, line in zip(inputs, said.lines, strict=False)
    ]
    if said.hung is not None:
        why = never_came_back(said.hung, seconds=cpu_seconds)
        tried += [
            Tried(text, matched=False, captures=(), why=why, came_back=False) for text in inputs[len(tried) :]
        ]
    return tuple(tried)


def _tried(text: str, captures: list[str] | None) -> Tried:
    if captures is None:
        return Tried(text, matched=False, captures=(), why="does not match")
    return Tried(text, matched=True, captures=tuple(captures), why=f"matches {captures[0]!r}")


def _question(said: object) -> Question:
    fields = cast("Mapping[str, object]", said)
    return Question(
        sample=_sample(fields["sample"]),
        variant=cast("str | None", fields["variant"]),
        request=_sample(fields["request"]),
        expected=cast("Expected", fields["expected"]),
    )


def _verdict(said: object) -> Verdict:
    fields = cast("Mapping[str, object]", said)
    by, why = cast("str | None", fields["by"]), cast("str", fields["why"])
    return _question(said).answered(by, why, good=bool(fields["good"]))


def _sample(said: object) -> RequestSample:
    fields = cast("Mapping[str, object]", said)
    return RequestSample(**{name: _frozen(value) for name, value in fields.items()})  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    """Lists, which JSON makes of tuples, as tuples again."""
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
