"""Starting, asking and ending the child process that has a vendor's module loaded.

Whatever the module does, an answer or a refusal is here in time: a child that is late is killed.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, Final

from feedsrv.signing.pkcs11_words import GRACE

_MODULE: Final = "feedsrv.signing.pkcs11_process"
_OURS: Final = "FEEDSRV_"
_PIECE: Final = 65_536
_MOST_BYTES: Final = 1 << 20
"""Of an answer: a key or a signature is a hundredth of that."""


class ChildLateError(Exception):
    """The child did not answer in time, and was killed."""


class ChildGoneError(Exception):
    """The child ended before it answered."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ended with {code}" if code >= 0 else f"ended by signal {-code}")
        self.code = code


class Child:
    """One child process. It ends with this object, or with this process."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: no process can be started.
        """
        # A module finds its own settings in the environment; ours are no business of it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        # The child finds the package where this process did.
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # nobody knows what a module says there
            env=environment,
            start_new_session=True,  # Ctrl-C ends the publisher, which then ends the child in order
        )
        self._owner = os.getpid()
        self._end = weakref.finalize(self, _end, self._process)

    @property
    def is_usable(self) -> bool:
        """True while it runs, and this process is the one that started it."""
        return self._end.alive and self._owner == os.getpid() and self._process.poll() is None

    def ask(self, request: Mapping[str, object], *, deadline: float) -> dict[str, Any]:
        """Send a request, and wait for the answer until `deadline` (of `time.monotonic`).

        Raises:
            ChildLateError, ChildGoneError: there is no answer, and no child any more.
        """
        seconds = max(deadline - time.monotonic(), 0.0)
        line = json.dumps({**request, "seconds": seconds}).encode() + b"\n"
        try:
            answer: dict[str, Any] = json.loads(self._exchange(line, deadline))
        except ChildLateError:
            self._process.kill()
            self._end()
            raise
        except (ChildGoneError, ValueError) as gone:
            self._end()
            raise ChildGoneError(self._process.returncode or 0) from gone
        return answer

    def end(self) -> None:
        """Let it log out and end; kill it where it does not."""
        self._end()

    def _exchange(self, line: bytes, deadline: float) -> bytes:
        stdin, stdout = _pipes(self._process)
        received = bytearray()
        with selectors.DefaultSelector() as ready:
            os.set_blocking(stdin.fileno(), False)
            ready.register(stdin, selectors.EVENT_WRITE)
            ready.register(stdout, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                left = deadline - time.monotonic()
                events = ready.select(left) if left > 0 else []
                if not events:
                    raise ChildLateError
                for key, _ in events:
                    if key.fileobj is stdin:
                        line = line[self._send(line) :]
                        if not line:
                            ready.unregister(stdin)
                    else:
                        piece = os.read(stdout.fileno(), _PIECE)
                        received += piece
                        if not piece or len(received) > _MOST_BYTES:
                            raise ChildGoneError(0)
        return bytes(received)

    def _send(self, line: bytes) -> int:
        try:
            return os.write(_pipes(self._process)[0].fileno(), line[:_PIECE])
        except BrokenPipeError:
            raise ChildGoneError(0) from None


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    stdin, stdout = _pipes(process)
    with suppress(OSError):
        stdin.close()  # for the child, the end of its work
    try:
        process.wait(GRACE / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        # A process that waits for a device inside the kernel ends when the device lets it.
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE / 2)
    stdout.close()
