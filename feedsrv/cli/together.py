"""Running programs beside each other for as long as their starter lives, and leaving none behind.

They write to the starter's own output. Each has a process group of its own, so that a Ctrl-C reaches
the starter alone, which then asks everyone to end in order.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from feedsrv.errors import OperatorError

PAUSE: Final = 5.0
"""Seconds before a program that ended by itself is started again."""
GRACE: Final = 15.0
"""Seconds that a program has to end when it is asked to; gunicorn's own are 10."""
_LOOK: Final = 0.1
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class ProgramEndedError(OperatorError):
    """A program that the others are of no use without ended by itself."""

    code = "run.ended"


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run; where one that is `vital` ends, all end, and any other is started again."""

    name: str
    command: tuple[str, ...]
    vital: bool = False
    environment: Mapping[str, str] | None = None
    """What it is started with; None for everything that its starter has."""


@dataclass
class _Run:
    program: Program
    process: subprocess.Popen[bytes] | None
    """None between two starts."""
    next_start: float = 0.0


def run_together(
    programs: Sequence[Program],
    *,
    tell: Callable[[str], None],
    pause: float = PAUSE,
    grace: float = GRACE,
) -> None:
    """Run programs until this process is asked to end: by a signal, by Ctrl-C, by a closed terminal.

    `tell` is given a sentence where a program has to be started again.

    Raises:
        ProgramEndedError: a vital one ended by itself, and the others were stopped.
    """
    asked: list[int] = []
    for wanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(wanted, lambda number, _: asked.append(number))
    runs: list[_Run] = []
    try:
        runs += (_Run(one, _start(one)) for one in programs)
        while not asked:
            for run in runs:
                _tend(run, tell, pause)
            time.sleep(_LOOK)
    finally:
        _stop([run.process for run in runs if run.process is not None], grace)


def _tend(run: _Run, tell: Callable[[str], None], pause: float) -> None:
    if run.process is None:
        if time.monotonic() >= run.next_start:
            run.process = _start(run.program)
        return
    code = run.process.poll()
    if code is None:
        return
    if run.program.vital:
        raise ProgramEndedError(
            f"{run.program.name} ended by itself ({_ending(code)}); see what it wrote above"
        )
    run.process, run.next_start = None, time.monotonic() + pause
    tell(f"{run.program.name} ended by itself ({_ending(code)}); it is started again in {pause:.0f} s")


def _start(program: Program) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- the command is ours
        program.command,
        env=program.environment,
        process_group=0,
        preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 -- this process has no threads
    )


def _end_with(starter: int) -> Callable[[], None] | None:
    """What makes a program end when its starter is killed, and can do nothing itself any more."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != starter:  # it died just before
            os.kill(os.getpid(), signal.SIGTERM)

    return tie


def _stop(processes: Iterable[subprocess.Popen[bytes]], grace: float) -> None:
    living = [one for one in processes if one.poll() is None]
    for one in living:
        one.terminate()
    ends = time.monotonic() + grace
    for one in living:
        try:
            one.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
