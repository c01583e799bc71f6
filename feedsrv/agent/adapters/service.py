"""Stopping and disabling a Windows service with `sc.exe`.

`sc` speaks in numbers behind its words, and the numbers are the same in every language of
Windows; only they are read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from feedsrv.agent.adapters.runner import SC, Answer, Runner
from feedsrv.agent.ports import AdapterError, NotThereError, Presence, Sight, Target, Undo
from feedsrv.model.action import Service

_NO_SUCH_SERVICE: Final = 1060
_STOPPED: Final = 1
_START_PENDING: Final = 2
_RUNNING: Final = 4
_STATES: Final = {
    1: "stopped",
    2: "starting",
    3: "stopping",
    4: "running",
    5: "continuing",
    6: "pausing",
    7: "paused",
}
_DISABLED: Final = "disabled"
_START_MODES: Final = {0: "boot", 1: "system", 2: "auto", 3: "demand", 4: _DISABLED}
_DELAYED: Final = "delayed-auto"
_STATE_LINE: Final = re.compile(r"^\s*STATE\s*:\s*(\d+)", re.MULTILINE)
_START_LINE: Final = re.compile(r"^\s*START_TYPE\s*:\s*(\d+)([^\r\n]*)", re.MULTILINE)
# What Windows allows, without `=`: `sc` would take `state=` for an option, and `\\name` for another machine.
_NAME: Final = re.compile(r"[^/\\=\x00-\x1f]{1,256}")
_ASKED_AGAIN: Final = 60
_BETWEEN_SECONDS: Final = 1.0
# What an operator can do about the refusals that occur.
_REMEDIES: Final = {
    5: "run the agent with the rights of an administrator",
    1051: "stop the services that depend on it first",
    1058: "it is disabled, or nothing in it is enabled",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What the service control manager says of a service."""

    state: int
    start: str
    """As `sc config start=` takes it."""


class Services:
    """The Windows services of one server."""

    def __init__(self, runner: Runner, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._runner = runner
        self._pause = pause

    def look(self, target: Target) -> Sight:
        """Say whether the service is stopped and disabled.

        Raises:
            NotThereError: this server has no such service.
            AdapterError: `sc` does not tell.
        """
        name = _service_of(target)
        now = self._condition(name)
        if now.state == _STOPPED and now.start == _DISABLED:
            return Sight(Presence.PRESENT, f"service {name} is stopped and disabled")
        detail = f"service {name} is {_STATES.get(now.state, now.state)}, and its start mode is {now.start}"
        return Sight(Presence.CHANGED if target.ours else Presence.ABSENT, detail)

    def capture(self, target: Target) -> Undo:
        """Return the service's state and start mode.

        Raises:
            NotThereError: this server has no such service.
            AdapterError: `sc` does not tell.
        """
        name = _service_of(target)
        now = self._condition(name)
        runs = now.state in {_RUNNING, _START_PENDING}
        return {"kind": "service", "service": name, "running": runs, "start": now.start}

    def apply(self, target: Target) -> None:
        """Disable the service, then stop it.

        Raises:
            NotThereError: this server has no such service.
            AdapterError: it cannot be disabled or stopped; nothing was changed.
        """
        name = _service_of(target)
        before = self._condition(name)
        self._set_start(name, before.start, _DISABLED)
        try:
            self._bring_to(name, _STOPPED, "stop")
        except AdapterError:
            self._set_start(name, _DISABLED, before.start)
            raise

    def undo(self, target: Target, undo: Undo) -> None:
        """Give the service back the start mode and state it had.

        Raises:
            AdapterError: it cannot be configured or started.
        """
        try:
            name = _service_of(target)
            now = self._condition(name)
        except NotThereError:
            return
        start = undo.get("start")
        runs = undo.get("running") is True and start != _DISABLED  # Windows starts no disabled service
        # A start mode that is no longer ours was decided by somebody else since.
        if isinstance(start, str) and now.start == _DISABLED:
            self._set_start(name, now.start, start)
        if runs:
            self._bring_to(name, _RUNNING, "start")

    def foretell(self, target: Target) -> str:
        """Say what `apply` would have `sc` do.

        Raises:
            NotThereError: this server has no such service.
            AdapterError: `sc` does not tell.
        """
        name = _service_of(target)
        now = self._condition(name)
        return f"service {name}: start mode from {now.start} to disabled, stop it"

    def _condition(self, name: str) -> Condition:
        state = _STATE_LINE.search(self._ask("query", name).output)
        start = _START_LINE.search(self._ask("qc", name).output)
        if state is None or start is None:
            raise AdapterError(f"sc does not tell the state and start mode of service {name}")
        mode = _START_MODES.get(int(start[1]), _DISABLED)
        if mode == "auto" and "DELAYED" in start[2]:
            mode = _DELAYED
        return Condition(int(state[1]), mode)

    def _ask(self, *arguments: str) -> Answer:
        answer = self._runner.run(SC, *arguments)
        if answer.code == _NO_SUCH_SERVICE:
            raise NotThereError(f"there is no service {arguments[1]!r} on this server")
        if answer.code != 0:
            remedy = _REMEDIES.get(answer.code)
            raise AdapterError(
                f"sc {' '.join(arguments)} failed with {answer.code}: "
                f"{'; '.join(part for part in (' '.join(answer.output.split()), remedy) if part)}"
            )
        return answer

    def _set_start(self, name: str, now: str, wanted: str) -> None:
        if now != wanted:
            # `start=` and its value are two arguments: sc wants the space between them.
            self._ask("config", name, "start=", wanted)

    def _bring_to(self, name: str, wanted: int, verb: str) -> None:
        if self._condition(name).state == wanted:
            return
        try:
            self._ask(verb, name)
        except AdapterError:
            # Somebody else may have been faster; the state counts.
            if self._condition(name).state != wanted:
                raise
        for _ in range(_ASKED_AGAIN):
            if self._condition(name).state == wanted:
                return
            self._pause(_BETWEEN_SECONDS)
        raise AdapterError(
            f"service {name} did not {verb} within {_ASKED_AGAIN * _BETWEEN_SECONDS:.0f} s: "
            f"it is {_STATES.get(self._condition(name).state, 'in an unknown state')}"
        )


def _service_of(target: Target) -> str:
    if not isinstance(target.action, Service):
        raise TypeError(f"{target.action!r} is no service")
    name = target.action.service
    if not _NAME.fullmatch(name):
        raise NotThereError(f"there is no service {name!r}: Windows gives no service such a name")
    return name
