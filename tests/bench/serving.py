"""How fast published bytes go out, against a bare WSGI callable on the same gunicorn.

`python -m tests.bench.serving` prints a table. All contenders run side by side on this machine and
take turns, so that a busy moment strikes each of them; what counts is the ratio of medians. One
worker each, one connection pool of wrk, loopback only.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.e2e.web_servers import PUBLIC, Server, gunicorn, nginx
from tests.unit.web.published import CURRENT, lay_out, put

URL_PATH: Final = f"/{CURRENT}"
FEED: Final = b"<Feed>" + b"<Entry/>" * 1500 + b"</Feed>\n"
"""As large as a signed feed of a few dozen entries."""
RESIDENT_LIMIT: Final = 90.0
"""MiB that a public worker may take at rest."""


@dataclass
class Contender:
    """One way to answer one question."""

    name: str
    server: Server
    asks_again: bool
    """True for a poll with `If-None-Match`."""
    tag: str = ""
    rounds: list[float] = field(default_factory=list)
    """Requests a second."""

    @property
    def rate(self) -> float:
        """The median over all rounds."""
        return median(self.rounds)


@dataclass(frozen=True)
class Goal:
    """What one line of the table must reach of another."""

    name: str
    baseline: str
    ratio: float


GOALS: Final = (
    Goal("feedsrv, 304", "bare WSGI, 304", 0.90),
    Goal("feedsrv, 200", "bare WSGI, 200", 0.85),
)


@dataclass(frozen=True)
class Measured:
    """The outcome of one run."""

    contenders: tuple[Contender, ...]
    resident: float
    """MiB of a public worker."""

    def ratio(self, name: str, baseline: str) -> float:
        """One median as a share of another."""
        rates = {one.name: one.rate for one in self.contenders}
        return rates[name] / rates[baseline]

    @property
    def missed(self) -> tuple[str, ...]:
        """Every goal that was not reached, in a sentence."""
        missed = [
            f"{goal.name} reached {self.ratio(goal.name, goal.baseline):.2f} of {goal.baseline}; "
            f"wanted is {goal.ratio:.2f}"
            for goal in GOALS
            if self.ratio(goal.name, goal.baseline) < goal.ratio
        ]
        if self.resident > RESIDENT_LIMIT:
            missed.append(f"a public worker takes {self.resident:.0f} MiB; wanted is {RESIDENT_LIMIT:.0f}")
        return tuple(missed)


def measure(*, rounds: int, seconds: int, connections: int) -> Measured:
    """Start everything, let it take turns, and stop it."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="feedsrv-bench-")))
        shelf = work / "shelf"
        lay_out(shelf)
        put(shelf, CURRENT, FEED)

        def start(application: str) -> Server:
            home = Path(tempfile.mkdtemp(dir=work))
            return stack.enter_context(gunicorn(shelf, home, workers=1, application=application))

        ours, flask = start(PUBLIC), start("tests.bench.baselines:flask()")
        theirs = [stack.enter_context(nginx(shelf, Path(tempfile.mkdtemp(dir=work)), limit=False))] * bool(
            shutil.which("nginx")
        )
        contenders = (
            Contender("bare WSGI, 304", start("tests.bench.baselines:unchanged"), asks_again=True),
            Contender("feedsrv, 304", ours, asks_again=True),
            Contender("Flask route, 304", flask, asks_again=True),
            *(Contender("nginx, 304", one, asks_again=True) for one in theirs),
            Contender("bare WSGI, 200", start("tests.bench.baselines:found"), asks_again=False),
            Contender("feedsrv, 200", ours, asks_again=False),
            Contender("Flask route, 200", flask, asks_again=False),
            *(Contender("nginx, 200", one, asks_again=False) for one in theirs),
        )
        for one in contenders:
            _check(one)
            _blow(one, 1, connections)  # warms up, and is not counted
        judged = {name for goal in GOALS for name in (goal.name, goal.baseline)}
        for turn in range(rounds):
            # To and fro, so that being early or late in a round favours nobody.
            for one in contenders if turn % 2 else reversed(contenders):
                if turn % 3 and one.name not in judged:
                    continue  # what is only shown needs fewer turns
                one.rounds.append(_blow(one, seconds, connections))
        return Measured(contenders, _resident(ours))


def _check(contender: Contender) -> None:
    """Nobody is measured for answering something else."""
    answer = contender.server.ask(URL_PATH)
    contender.tag = answer.one("ETag")
    if contender.asks_again:
        again = contender.server.ask(URL_PATH, If_None_Match=contender.tag)
        assert (again.status, again.body) == (304, b""), contender.name
    else:
        assert (answer.status, answer.body) == (200, FEED), contender.name


def _blow(contender: Contender, seconds: int, connections: int) -> float:
    """Requests a second that wrk saw answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    if contender.asks_again:
        command += ["-H", f"If-None-Match: {contender.tag}"]
    command.append(f"http://127.0.0.1:{contender.server.port}{URL_PATH}")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Socket errors" not in done.stdout, f"{contender.name}:\n{done.stdout}"
    assert "Non-2xx" not in done.stdout, f"{contender.name}:\n{done.stdout}"
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    assert rate is not None, done.stdout
    return float(rate[1])


def _resident(server: Server) -> float:
    """The largest worker's memory in RAM, in MiB."""
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = max(int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in workers)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(measured: Measured) -> str:
    """For people."""
    lines = [f"{'answer':<20} {'per second':>10}  of bare WSGI"]
    for one in measured.contenders:
        baseline = f"bare WSGI, {one.name[-3:]}"
        goal = next((f"   (goal {goal.ratio:.2f})" for goal in GOALS if goal.name == one.name), "")
        lines.append(f"{one.name:<20} {one.rate:>10.0f}  {measured.ratio(one.name, baseline):>6.2f}{goal}")
    lines.append(
        f"\npublic worker: {measured.resident:.0f} MiB resident   (goal {RESIDENT_LIMIT:.0f} or less)"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say with the exit code whether every goal was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contender (15)")
    parser.add_argument("--seconds", type=int, default=1, help="length of a turn (1)")
    parser.add_argument("--connections", type=int, default=32, help="connections kept open by wrk (32)")
    chosen = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is not installed (Debian: apt install wrk)\n")
        return 2
    measured = measure(rounds=chosen.rounds, seconds=chosen.seconds, connections=chosen.connections)
    sys.stdout.write(table(measured) + "\n")
    for sentence in measured.missed:
        sys.stdout.write(f"missed: {sentence}\n")
    return 1 if measured.missed else 0


if __name__ == "__main__":
    sys.exit(main())
