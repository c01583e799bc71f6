"""Running the pattern gate in a child process that can be stopped.

A pattern may backtrack for longer than anybody waits, and nothing in its own process can interrupt it.
So one child per lint run tries all samples, with a limit on computing time and memory that the operating
system keeps. It says each pattern before it is tried: whatever was said last is what never came back.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Final, cast

from feedsrv.errors import OperatorError
from feedsrv.lints.finding import Finding
from feedsrv.lints.gate import Gate
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.model.mitigation import Draft

CPU_SECONDS: Final = 5
"""Computing time for all samples of one lint run; an honest rule answers a sample in microseconds."""
WALL_SECONDS: Final = 120
"""For a machine so busy that five seconds of computing take this long."""
MEMORY_BYTES: Final = 1 << 30


class GateBrokenError(OperatorError):
    """The samples could not be tried, and no pattern is to blame."""

    code = "lint.gate_broken"


def examine(drafts: Sequence[Draft], *, cpu_seconds: int = CPU_SECONDS) -> tuple[Finding, ...]:
    """Everything that is wrong with the URL rules of these drafts.

    Raises:
        GateBrokenError: the child process could not be started, or failed by itself.
    """
    command = [sys.executable, "-P", "-m", "feedsrv.lints.gate_process", str(cpu_seconds)]
    # The child finds the package where this process did, and inherits nothing else.
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command,
            input=pickle.dumps(list(drafts)),
            capture_output=True,
            timeout=WALL_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return _read(late.stdout or b"", seconds=WALL_SECONDS)
    except OSError as problem:
        raise GateBrokenError(f"samples cannot be tried: {problem}") from problem
    if done.returncode > 0:
        complaint = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise GateBrokenError(f"samples could not be tried, the trial failed by itself: {complaint}")
    return _read(done.stdout, seconds=cpu_seconds)


def _read(output: bytes, *, seconds: int) -> tuple[Finding, ...]:
    """What the child found; if it was stopped, also what it was trying."""
    findings: list[Finding] = []
    trying: tuple[str, str] | None = None
    for line in output.decode().split("\n")[:-1]:
        said = cast("dict[str, str]", json.loads(line))
        if said["say"] == "done":
            return tuple(findings)
        if said.pop("say") == "finding":
            findings.append(Finding(**said))
        else:
            trying = said["subject"], said["pattern"]
    if trying is None:
        raise GateBrokenError("samples could not be tried: the trial was stopped before it began")
    subject, pattern = trying
    hung = Finding(
        "S10",
        subject,
        f"pattern {pattern!r} does not come back on a sample within {seconds} seconds or "
        f"{MEMORY_BYTES >> 20} MiB; IIS would hang on such a request as well",
        "rewrite it so that no two parts can match the same text in more than one way",
    )
    return (*findings, hung)


def main() -> None:
    """The child: read drafts, say what is tried and what is found."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    drafts = cast("list[Draft]", pickle.load(sys.stdin.buffer))  # noqa: S301 - from our parent, by its pipe
    for draft in drafts:
        matcher = Matcher(watch=partial(_say_trying, str(draft.mitigation)))
        for finding in Gate(draft, matcher).examine():
            _say("finding", **asdict(finding))
    _say("done")


def _say_trying(subject: str, pattern: str) -> None:
    _say("trying", subject=subject, pattern=pattern)


def _say(what: str, **fields: str) -> None:
    # Written at once: nothing that is still in a buffer survives the limit.
    sys.stdout.write(json.dumps({"say": what, **fields}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
