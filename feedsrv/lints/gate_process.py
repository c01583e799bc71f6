"""Running patterns in a child process that can be stopped.

A pattern may backtrack for longer than anybody waits, and nothing in its own process can interrupt it.
So one child at a time does one task, with a limit on computing time and memory that the operating system
keeps. It says each pattern and its input before it tries them: whatever was said last is what never
came back.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, cast

from feedsrv.errors import OperatorError
from feedsrv.lints.finding import Finding
from feedsrv.lints.gate import Gate
from feedsrv.lints.iis_inputs import BadInputStringError
from feedsrv.lints.iis_patterns import BadPatternError, Matcher
from feedsrv.lints.judging import Judge, Pattern, Question
from feedsrv.model.mitigation import Draft

CPU_SECONDS: Final = 5
"""Computing time for the first draft of a lint run; an honest one takes a tenth of a second."""
MORE_SECONDS: Final = 1
"""Computing time for each further draft."""
WALL_SECONDS: Final = 120
"""For a machine so busy that five seconds of computing take this long."""
MEMORY_BYTES: Final = 1 << 30
SHOWN: Final = 200
"""So many characters of an input are told to people."""

Line = dict[str, object]


class GateBrokenError(OperatorError):
    """The samples could not be tried, and no pattern is to blame."""

    code = "lint.gate_broken"


@dataclass(frozen=True, slots=True)
class Said:
    """What a child said."""

    lines: tuple[Line, ...]
    hung: Mapping[str, str] | None
    """The pattern and input that it was trying when it was stopped; None where it came to its end."""


def examine(drafts: Sequence[Draft], *, cpu_seconds: int | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with the URL rules of these drafts.

    Raises:
        GateBrokenError: the child process could not be started, or failed by itself.
    """
    seconds = CPU_SECONDS + MORE_SECONDS * (len(drafts) - 1) if cpu_seconds is None else cpu_seconds
    said = run("examine", list(drafts), cpu_seconds=seconds)
    findings = tuple(
        Finding(**cast("dict[str, str]", line["finding"])) for line in said.lines if line["say"] == "finding"
    )
    if said.hung is None:
        return findings
    hung = Finding(
        "S10",
        said.hung["subject"],
        f"{never_came_back(said.hung, seconds=seconds)}; IIS would hang on such a request as well",
        "rewrite it so that no two parts can match the same text in more than one way",
    )
    return (*findings, hung)


def never_came_back(hung: Mapping[str, str], *, seconds: int) -> str:
    """What to tell people of a pattern that had to be stopped."""
    return (
        f"pattern {hung['pattern']!r} does not come back on a sample within {seconds} seconds or "
        f"{MEMORY_BYTES >> 20} MiB, on the input {hung['text']!r}"
    )


def run(task: str, matter: object, *, cpu_seconds: int) -> Said:
    """Have a child do one of `TASKS`.

    Raises:
        GateBrokenError: the child process could not be started, or failed by itself.
    """
    command = [sys.executable, "-P", "-m", "feedsrv.lints.gate_process", task, str(cpu_seconds)]
    # The child finds the package where this process did, and inherits nothing else.
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            input=pickle.dumps(matter),
            capture_output=True,
            timeout=WALL_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return _read(late.stdout or b"")
    except OSError as problem:
        raise GateBrokenError(f"samples cannot be tried: {problem}") from problem
    if done.returncode > 0:
        complaint = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise GateBrokenError(f"samples could not be tried, the trial failed by itself: {complaint}")
    return _read(done.stdout)


def _read(output: bytes) -> Said:
    """What the child said; if it was stopped, also what it was trying."""
    lines: list[Line] = []
    trying: Mapping[str, str] | None = None
    for text in output.decode().split("\n")[:-1]:
        line = cast("Line", json.loads(text))
        if line["say"] == "done":
            return Said(tuple(lines), None)
        if line["say"] == "trying":
            trying = cast("dict[str, str]", line)
        else:
            lines.append(line)
    if trying is None:
        raise GateBrokenError("samples could not be tried: the trial was stopped before it began")
    return Said(tuple(lines), trying)


def main() -> None:
    """The child: do one task, say what is tried and what is found."""
    task, limit = TASKS[sys.argv[1]], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    task(pickle.load(sys.stdin.buffer))  # noqa: S301 - from our parent, by its pipe
    _say("done")


def _examine(matter: object) -> None:
    for draft in cast("list[Draft]", matter):
        for finding in Gate(draft, _matcher(str(draft.mitigation))).examine():
            _say("finding", finding=asdict(finding))


def _judge(matter: object) -> None:
    draft = cast("Draft", matter)
    judge = Judge(draft, _matcher(str(draft.mitigation)))
    for question in judge.questions():
        _say("asking", question=_told(question))
        try:
            verdict = judge.answer(question)
        except (BadPatternError, BadInputStringError) as problem:
            verdict = question.answered(None, str(problem), good=False)
        _say(
            "verdict", verdict={**_told(question), "by": verdict.by, "why": verdict.why, "good": verdict.good}
        )


def _told(question: Question) -> dict[str, object]:
    return {
        "sample": asdict(question.sample),
        "variant": question.variant,
        "request": asdict(question.request),
        "expected": question.expected,
    }


def _try(matter: object) -> None:
    pattern, inputs = cast("tuple[Pattern, tuple[str, ...]]", matter)
    matcher = _matcher("a pattern on trial")
    for text in inputs:
        try:
            found = matcher.search(pattern.text, pattern.syntax, text, ignore_case=pattern.ignore_case)
        except BadPatternError as problem:
            _say("refused", reason=problem.reason)
            return
        _say("tried", captures=found)


TASKS: Final[Mapping[str, Callable[[object], None]]] = {"examine": _examine, "judge": _judge, "try": _try}


def _matcher(subject: str) -> Matcher:
    return Matcher(watch=partial(_say_trying, subject))


def _say_trying(subject: str, pattern: str, text: str) -> None:
    _say("trying", subject=subject, pattern=pattern, text=text[:SHOWN] + "..." * (len(text) > SHOWN))


def _say(what: str, **fields: object) -> None:
    # Written at once: nothing that is still in a buffer survives the limit.
    sys.stdout.write(json.dumps({"say": what, **fields}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
