"""What it costs to refuse the hostile corpus: time and memory for each document, beyond an idle receiver.

`python -m tests.bench.hostile` prints a table. Each document is judged in a child of its own, forked from a
process that has imported everything and opened one good document: what it had by then counts as idle. Time
is the processor's, the best of a few turns, since this machine may be busy: judging waits for nothing. Memory
is the peak of the first turn.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.trust.profile import Kind
from tests.hostile.flaws import Context
from tests.hostile.genuine import Genuine, genuine
from tests.hostile.good import good
from tests.hostile.manifest import classes, corpus

MOST_SECONDS: Final = 0.1
MOST_BYTES: Final = 64 * 1024 * 1024
TURNS: Final = 5
_CLEAR: Final = "5"
"""What makes Linux forget the peak of a process's memory (proc(5), clear_refs)."""


@dataclass(frozen=True)
class Cost:
    """One document: what it was refused with, and what that took."""

    name: str
    length: int
    code: str | None
    """None where it was accepted."""
    due: str | None
    seconds: float
    memory: int
    """Bytes at the peak, beyond what the process held before it read the document."""


def main() -> int:
    """Measure, print, and say with the exit code whether every document is refused cheaply."""
    for kind in Kind:
        one = genuine(kind)
        Context().open(one.signed, one)
    with TemporaryDirectory(prefix="feedsrv-hostile-") as folder:
        path = Path(folder) / "document"
        costs = [_cost(path, one.name, one.make(), (one.context, one.original), one.code) for one in corpus()]
        accepted = [
            _cost(path, one.name, one.row.make(one.original), (one.row.context, one.original), None)
            for one in good()
        ]
    return _tell(costs, accepted)


def _cost(path: Path, name: str, data: bytes, judge: tuple[Context, Genuine], due: str | None) -> Cost:
    """Let a child judge it; the child reads it from a file, so that its bytes count, too."""
    path.write_bytes(data)
    context, one = judge
    # Receivers read their policy once, not for each document.
    policy = context.policy(one)
    ready = Context(**{**vars(context), "policy": lambda _: policy})
    answer = _in_a_child(lambda: _judged(path, ready, one))
    code, seconds, memory = json.loads(answer)
    return Cost(name, len(data), code, due, seconds, memory)


def _judged(path: Path, context: Context, one: Genuine) -> str:
    Path("/proc/self/clear_refs").write_text(_CLEAR, encoding="ascii")
    before = _resident()
    data = path.read_bytes()
    code, first = _timed(data, context, one)
    memory = _peak() - before
    rest = [_timed(data, context, one)[1] for _ in range(TURNS - 1)] if first > MOST_SECONDS / 10 else []
    return json.dumps([code, min([first, *rest]), memory])


def _timed(data: bytes, context: Context, one: Genuine) -> tuple[str | None, float]:
    begun = process_time()
    code = None
    try:
        context.open(data, one)
    except FeedsrvError as refusal:
        code = refusal.code
    return code, process_time() - begun


def _status(line: str) -> int:
    """A number of /proc/self/status, in bytes."""
    for one in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if one.startswith(f"{line}:"):
            return int(one.split()[1]) * 1024
    raise KeyError(line)


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    # getrusage would count what the parent once held.
    return max(_status("VmHWM"), resource.getpagesize())


def _in_a_child(do: Callable[[], str]) -> str:
    """What `do` returns in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, do().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("the child ended without an answer")
    return answer


def _tell(costs: list[Cost], accepted: list[Cost]) -> int:
    wrongly = [one for one in costs if one.code is None]
    otherwise = [one for one in costs if one.code not in {None, one.due}]
    refused = [one for one in accepted if one.code is not None]
    slowest = sorted(costs, key=lambda one: -one.seconds)
    largest = sorted(costs, key=lambda one: -one.memory)
    longest = max(one.length for one in costs)
    missed = [one for one in costs if one.seconds > MOST_SECONDS or one.memory > MOST_BYTES]
    lines = [
        f"hostile documents    {len(costs):>6} in {len(classes())} classes, of at most {longest} bytes",
        f"good documents       {len(accepted):>6}",
        f"accepted wrongly     {len(wrongly):>6}",
        f"refused wrongly      {len(refused):>6}",
        f"refused by a code that is not due {len(otherwise):>4}",
        f"\nslowest (at most {MOST_SECONDS * 1000:.0f} ms)",
        *(_line(one) for one in slowest[:8]),
        f"\nlargest (at most {MOST_BYTES // 2**20} MiB)",
        *(_line(one) for one in largest[:8]),
        "\ngood documents, slowest and largest",
        *(_line(max(accepted, key=key)) for key in (lambda one: one.seconds, lambda one: one.memory)),
        *(f"\nMISSED: {one.name}" for one in missed),
        *(f"\nWRONG: {one.name}: {one.code}, not {one.due}" for one in (*wrongly, *otherwise, *refused)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(missed or wrongly or otherwise or refused))


def _line(one: Cost) -> str:
    cost = f"{one.seconds * 1000:>8.1f} ms {one.memory / 2**20:>6.1f} MiB"
    return f"{cost} {one.length:>9} bytes  {one.name} ({one.code})"


if __name__ == "__main__":
    sys.exit(main())
