"""The pretended machine answers as Windows' own programs do, errors included."""

from __future__ import annotations

import pytest

from feedsrv.agent.adapters.pretended_machine import PretendedMachine, PretendedService
from feedsrv.agent.adapters.runner import APPCMD, SC, Answer


def _machine() -> PretendedMachine:
    return PretendedMachine(
        pools={"Web": "Started", "Idle": "Stopped"},
        services={
            "Up": PretendedService(start="delayed-auto"),
            "Off": PretendedService(state=1, start="disabled"),
            "Base": PretendedService(dependents=["Up"]),
        },
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((APPCMD, "list", "apppool", "web", "/text:state"), 0, "Started"),
        ((APPCMD, "list", "apppool", "Web"), 0, 'APPPOOL "Web" (state:Started)'),
        ((APPCMD, "list", "apppool", "Ghost", "/text:state"), 1, ""),
        ((APPCMD, "stop", "apppool", "/apppool.name:Web"), 0, '"Web" successfully stopped'),
        ((APPCMD, "stop", "apppool", "/apppool.name:Idle"), 1062, "hresult:80070426"),
        ((APPCMD, "start", "apppool", "/apppool.name:Web"), 1056, "hresult:80070420"),
        (
            (APPCMD, "stop", "apppool", "/apppool.name:Ghost"),
            1168,
            'Cannot find APPPOOL object with identifier "Ghost"',
        ),
        ((APPCMD, "paint", "apppool", "Web"), 87, "Unknown command"),
        ((SC, "query", "up"), 0, "STATE              : 4  RUNNING"),
        ((SC, "qc", "Up"), 0, "START_TYPE         : 2   AUTO_START  (DELAYED)"),
        ((SC, "query", "Ghost"), 1060, "FAILED 1060"),
        ((SC, "stop", "Off"), 1062, "FAILED 1062"),
        ((SC, "stop", "Base"), 1051, "FAILED 1051"),
        ((SC, "start", "Off"), 1058, "FAILED 1058"),
        ((SC, "start", "Up"), 1056, "FAILED 1056"),
        ((SC, "config", "Up", "start=", "demand"), 0, "SUCCESS"),
        ((SC, "config", "Up", "start=disabled"), 87, "DESCRIPTION"),
        ((SC, "config", "Up", "start=", "sometimes"), 87, "DESCRIPTION"),
    ],
)
def test_each_command_has_its_answer(arguments: tuple[str, ...], code: int, said: str) -> None:
    """Exit codes are Windows' error codes."""
    answer = _machine().run(*arguments)

    assert answer.code == code
    assert said in answer.output


def test_a_service_settles_after_being_asked() -> None:
    """A stop is first pending, then done."""
    machine = PretendedMachine(services={"Slow": PretendedService(settling=2)})

    states = [
        machine.run(SC, *words).output for words in (("stop", "Slow"), ("query", "Slow"), ("query", "Slow"))
    ]

    assert ["STOP_PENDING" in one for one in states] == [True, True, False]
    assert machine.run(SC, "query", "Slow") == Answer(0, states[-1])
