"""Programs that run beside each other: they end together, and nobody is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

# In one piece: both write into the same pipe.
SLEEPER = "import os, signal; os.write(1, b'{name} %d\\n' % os.getpid()); signal.pause()"
STARTER = """
import sys
from feedsrv.cli.together import Program, ProgramEndedError, run_together

python, vital, helper = sys.executable, sys.argv[1], sys.argv[2]
try:
    run_together(
        (Program("vital", (python, "-c", vital), vital=True), Program("helper", (python, "-c", helper))),
        tell=lambda sentence: print("told", sentence, flush=True),
        pause=0.0,
        grace=2.0,
    )
except ProgramEndedError as refusal:
    print("ended", refusal, flush=True)
    sys.exit(1)
"""
WAIT = 20
"""Seconds until a test gives up; nothing here takes more than a few."""


class Beside:
    """A starter with its two programs, and what they print."""

    def __init__(self, repository: Path, vital: str, helper: str) -> None:
        self.starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, vital.format(name="vital"), helper.format(name="helper")],
            cwd=repository,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.starter.stdout is not None
        self._output = self.starter.stdout.fileno()
        self._printed = b""
        self._is_silent = False
        self.pids: dict[str, int] = {}

    def line(self) -> str:
        """The next line that anybody prints."""
        while b"\n" not in self._printed:
            assert self._read(), "nothing was printed"
        line, _, self._printed = self._printed.partition(b"\n")
        return line.decode()

    def meet(self, *names: str) -> None:
        """Wait until these have said that they run."""
        waited = set(names)
        while waited:
            name, _, pid = self.line().partition(" ")
            if name in waited:
                waited.remove(name)
                self.pids[name] = int(pid)

    def all_have_ended(self) -> bool:
        """Wait for the end of everybody's output: it is open for as long as one of them lives."""
        while self._read():
            pass
        return not self._is_silent

    def _read(self) -> bool:
        ready, _, _ = select.select([self._output], [], [], WAIT)
        self._is_silent = not ready
        more = os.read(self._output, 4096) if ready else b""
        self._printed += more
        return bool(more)

    def end(self) -> None:
        """Leave nothing behind, whatever a test found."""
        for pid in (self.starter.pid, *self.pids.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.starter.stdout is not None
        self.starter.stdout.close()
        self.starter.wait()


@pytest.fixture
def beside(repository: Path) -> Iterator[Beside]:
    """Two programs that run until they are asked to end."""
    both = Beside(repository, SLEEPER, SLEEPER)
    try:
        both.meet("vital", "helper")
        yield both
    finally:
        both.end()


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whoever_asks_the_starter_to_end_ends_everybody(beside: Beside, asked: signal.Signals) -> None:
    """A service manager, Ctrl-C and a closed terminal; it was wanted, so the exit code is 0."""
    beside.starter.send_signal(asked)

    assert beside.starter.wait(WAIT) == 0
    assert beside.all_have_ended()


@pytest.mark.skipif(
    sys.platform != "linux", reason="missing on this machine: Linux, which ties a process to its parent"
)
def test_a_starter_that_is_killed_leaves_nobody_behind(beside: Beside) -> None:
    """The next start finds its port free."""
    beside.starter.kill()

    beside.starter.wait(WAIT)
    assert beside.all_have_ended()


def test_a_helper_that_ends_is_started_again_and_the_other_goes_on(beside: Beside) -> None:
    """The public surface never pays for the keeper."""
    first = beside.pids["helper"]

    os.kill(first, signal.SIGKILL)

    assert beside.line() == "told helper ended by itself (killed by SIGKILL); it is started again in 0 s"
    beside.meet("helper")
    assert beside.pids["helper"] != first
    os.kill(beside.pids["vital"], 0)


def test_where_the_vital_one_ends_all_end_and_it_is_said(beside: Beside) -> None:
    """Whoever started them hears that there is nothing left to serve."""
    os.kill(beside.pids["vital"], signal.SIGKILL)

    assert beside.line() == "ended vital ended by itself (killed by SIGKILL); see what it wrote above"
    assert beside.starter.wait(WAIT) == 1
    assert beside.all_have_ended()


def test_a_program_that_does_not_listen_is_killed_in_the_end(repository: Path) -> None:
    """A stop takes at most the time of grace."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
    both = Beside(repository, SLEEPER, deaf)
    try:
        both.meet("vital", "helper")

        both.starter.terminate()

        assert both.starter.wait(WAIT) == 0
        assert both.all_have_ended()
    finally:
        both.end()
