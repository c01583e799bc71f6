"""A machine without Windows on which `appcmd` and `sc` answer as they do there.

It knows application pools and services, and nothing more. In memory for tests; from a file for a
sandbox, where a newcomer can watch pools and services stop.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from feedsrv.agent.adapters.config_file import read_bounded
from feedsrv.agent.adapters.runner import APPCMD, Answer
from feedsrv.agent.ports import AdapterError

# Windows' error codes, which both programs hand on.
_ACCESS_DENIED: Final = 5
_BAD_ARGUMENT: Final = 87
_ALREADY_RUNNING: Final = 1056
_IS_DISABLED: Final = 1058
_DEPENDENTS_RUN: Final = 1051
_NO_SUCH_SERVICE: Final = 1060
_NOT_STARTED: Final = 1062
_NOT_FOUND: Final = 1168
_MESSAGES: Final = {
    _ACCESS_DENIED: "Access is denied.",
    _ALREADY_RUNNING: "An instance of the service is already running.",
    _IS_DISABLED: "The service cannot be started, either because it is disabled or because it has no enabled "
    "devices associated with it.",
    _DEPENDENTS_RUN: "A stop control has been sent to a service that other running services are "
    "dependent on.",
    _NO_SUCH_SERVICE: "The specified service does not exist as an installed service.",
    _NOT_STARTED: "The service has not been started.",
}
_START_TYPES: Final = {
    "boot": "0   BOOT_START",
    "system": "1   SYSTEM_START",
    "auto": "2   AUTO_START",
    "delayed-auto": "2   AUTO_START  (DELAYED)",
    "demand": "3   DEMAND_START",
    "disabled": "4   DISABLED",
}
_STATES: Final = {1: "1  STOPPED", 2: "2  START_PENDING", 3: "3  STOP_PENDING", 4: "4  RUNNING"}


@dataclass(slots=True)
class PretendedService:
    """One service: its state by Windows' number, its start mode, and who cannot run without it."""

    state: int = 4
    start: str = "auto"
    dependents: list[str] = field(default_factory=list)
    settling: int = 0
    """How often it is still asked for its state before a stop or start is complete."""


@dataclass(slots=True)
class PretendedMachine:
    """Answers `appcmd` and `sc` from what it holds."""

    pools: dict[str, str] = field(default_factory=dict)
    """Application pools: `Started` or `Stopped`."""
    services: dict[str, PretendedService] = field(default_factory=dict)

    def run(self, program: str, *arguments: str) -> Answer:
        """Answer as the program would."""
        if program == APPCMD:
            return self._appcmd(*arguments)
        return self._sc(*arguments)

    def _appcmd(self, verb: str, kind: str, named: str = "", *options: str) -> Answer:
        wanted = named.removeprefix("/apppool.name:")
        name = _find(self.pools, wanted)
        if kind != "apppool" or verb not in {"list", "stop", "start"}:
            return Answer(_BAD_ARGUMENT, f'ERROR ( message:Unknown command "{verb} {kind}". )\r\n')
        if name is None:
            if verb == "list":
                return Answer(1, "")
            return Answer(
                _NOT_FOUND, f'ERROR ( message:Cannot find APPPOOL object with identifier "{wanted}". )\r\n'
            )
        if verb == "list":
            line = (
                self.pools[name]
                if "/text:state" in options
                else f'APPPOOL "{name}" (state:{self.pools[name]})'
            )
            return Answer(0, f"{line}\r\n")
        after = "Stopped" if verb == "stop" else "Started"
        if self.pools[name] == after:
            code = _NOT_STARTED if verb == "stop" else _ALREADY_RUNNING
            what = f"hresult:8007{code:04x}, message:Command execution failed.\r\n{_MESSAGES[code]}\r\n"
            return Answer(code, f"ERROR ( {what} )\r\n")
        self.pools[name] = after
        return Answer(0, f'"{name}" successfully {after.lower()}\r\n')

    def _sc(self, verb: str, wanted: str, *rest: str) -> Answer:
        name = _find(self.services, wanted)
        if name is None:
            return _refused(verb, _NO_SUCH_SERVICE)
        return self._sc_known(name, self.services[name], verb, rest)

    def _sc_known(self, name: str, service: PretendedService, verb: str, rest: tuple[str, ...]) -> Answer:
        match verb, rest:
            case "query", ():
                self._settle(service)
                return Answer(0, _status(name, service))
            case "qc", ():
                return Answer(0, _configuration(name, service))
            case "config", ("start=", mode) if mode in _START_TYPES:
                service.start = mode
                return Answer(0, "[SC] ChangeServiceConfig SUCCESS\r\n")
            case "stop", ():
                return self._stop(name, service)
            case "start", ():
                return self._start(name, service)
            case _:
                return Answer(_BAD_ARGUMENT, "DESCRIPTION:\r\n        SC is a command line program\r\n")

    def _stop(self, name: str, service: PretendedService) -> Answer:
        if service.state == 1:
            return _refused("ControlService", _NOT_STARTED)
        if any(self.services[one].state != 1 for one in service.dependents if one in self.services):
            return _refused("ControlService", _DEPENDENTS_RUN)
        service.state = 3 if service.settling else 1
        return Answer(0, _status(name, service))

    def _start(self, name: str, service: PretendedService) -> Answer:
        if service.start == "disabled":
            return _refused("StartService", _IS_DISABLED)
        if service.state != 1:
            return _refused("StartService", _ALREADY_RUNNING)
        service.state = 2 if service.settling else 4
        return Answer(0, _status(name, service))

    def _settle(self, service: PretendedService) -> None:
        if service.state in {2, 3}:
            service.settling -= 1
            if service.settling <= 0:
                service.state = {2: 4, 3: 1}[service.state]


class SandboxRunner:
    """A pretended machine kept in a file, so that it stays as it is between two commands."""

    def __init__(self, state_file: Path) -> None:
        self._state_file = state_file

    def run(self, program: str, *arguments: str) -> Answer:
        """Answer as the program would, and remember.

        Raises:
            AdapterError: the file is damaged or cannot be written.
        """
        machine = read_machine(self._state_file)
        before = asdict(machine)
        answer = machine.run(program, *arguments)
        if asdict(machine) != before:
            write_machine(machine, self._state_file)
        return answer


def read_machine(state_file: Path) -> PretendedMachine:
    """Read a machine from its file.

    Raises:
        AdapterError: the file is damaged; lay the sandbox out anew.
    """
    try:
        held = json.loads(read_bounded(state_file))
        services = {name: PretendedService(**one) for name, one in held["services"].items()}
        return PretendedMachine({str(name): str(one) for name, one in held["pools"].items()}, services)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AdapterError(f"{state_file} is damaged: lay the sandbox out anew in an empty folder") from None


def write_machine(machine: PretendedMachine, state_file: Path) -> None:
    """Write a machine to its file, whole.

    Raises:
        AdapterError: it cannot be written.
    """
    fresh = state_file.with_name(f"{state_file.name}.new")
    try:
        fresh.write_text(json.dumps(asdict(machine), indent=2) + "\n", encoding="utf-8")
        fresh.replace(state_file)
    except OSError as error:
        raise AdapterError(f"{state_file} cannot be written: {error.strerror or error}") from None


def _find(held: dict[str, str] | dict[str, PretendedService], wanted: str) -> str | None:
    """Windows does not mind the case of these names."""
    return next((name for name in held if name.casefold() == wanted.casefold()), None)


def _refused(call: str, code: int) -> Answer:
    return Answer(code, f"[SC] {call} FAILED {code}:\r\n\r\n{_MESSAGES[code]}\r\n\r\n")


def _status(name: str, service: PretendedService) -> str:
    return (
        f"\r\nSERVICE_NAME: {name} \r\n"
        "        TYPE               : 10  WIN32_OWN_PROCESS  \r\n"
        f"        STATE              : {_STATES[service.state]} \r\n"
        "        WIN32_EXIT_CODE    : 0  (0x0)\r\n"
        "        SERVICE_EXIT_CODE  : 0  (0x0)\r\n"
        "        CHECKPOINT         : 0x0\r\n"
        "        WAIT_HINT          : 0x0\r\n"
    )


def _configuration(name: str, service: PretendedService) -> str:
    return (
        "[SC] QueryServiceConfig SUCCESS\r\n\r\n"
        f"SERVICE_NAME: {name}\r\n"
        "        TYPE               : 10  WIN32_OWN_PROCESS \r\n"
        f"        START_TYPE         : {_START_TYPES[service.start]}\r\n"
        "        ERROR_CONTROL      : 1   NORMAL\r\n"
        f"        DISPLAY_NAME       : {name}\r\n"
    )
