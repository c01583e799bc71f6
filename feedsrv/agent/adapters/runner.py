"""Running the two Windows programs that stop and start things: `appcmd.exe` and `sc.exe`.

Arguments go as a list, never through a shell: a pool may be named `a & del`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from feedsrv.agent.ports import AdapterError

APPCMD: Final = "appcmd"
SC: Final = "sc"
_LONGEST_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said: its exit code (0 is success) and what it printed."""

    code: int
    output: str


class Runner(Protocol):
    """Runs `appcmd` or `sc` with arguments."""

    def run(self, program: str, *arguments: str) -> Answer:
        """Run to the end and return the answer, whatever the exit code.

        Raises:
            AdapterError: the program is not there, or does not come to an end.
        """


class WindowsRunner:
    """The programs of this Windows machine."""

    def __init__(self, inetsrv: Path) -> None:
        self._programs = {APPCMD: inetsrv / "appcmd.exe", SC: inetsrv.parent / "sc.exe"}

    def run(self, program: str, *arguments: str) -> Answer:
        """Run to the end and return the answer, whatever the exit code.

        Raises:
            AdapterError: the program is not there, or does not come to an end.
        """
        path = self._programs[program]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell, and a full path
                [str(path), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AdapterError(f"{path} did not end within {_LONGEST_SECONDS:.0f} s") from None
        except OSError as error:
            raise AdapterError(
                f"{path} cannot be run ({error.strerror}): pools and services can only be stopped with it"
            ) from None
        return Answer(done.returncode, done.stdout.decode("utf-8", "replace"))
