"""Windows services stop, stay disabled, and come back as they were."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from feedsrv.agent.adapters.pretended_machine import PretendedMachine, PretendedService
from feedsrv.agent.adapters.runner import Answer
from feedsrv.agent.adapters.service import Services
from feedsrv.agent.ports import Adapter, AdapterError, NotThereError, Presence, Target
from feedsrv.model.action import AppPool, Service
from tests.contract.adapter_contract import AdapterBench, NamelessAdapterContract
from tests.unit.agent.adapters.iis_tree import target

STOPPED, RUNNING = 1, 4


def machine() -> PretendedMachine:
    """A machine with services of every start mode."""
    return PretendedMachine(
        services={
            "Auto": PretendedService(),
            "Delayed": PretendedService(start="delayed-auto"),
            "Manual": PretendedService(start="demand"),
            "Idle": PretendedService(state=STOPPED, start="demand"),
            "Base": PretendedService(dependents=["Auto"]),
        }
    )


def services(runner: PretendedMachine) -> Services:
    """The adapter, which does not wait in tests."""
    return Services(runner, pause=lambda _: None)


@dataclass(frozen=True)
class ServiceBench:
    """A service on its machine."""

    machine: PretendedMachine
    adapter: Adapter
    target: Target

    def snapshot(self) -> object:
        """Every service's state and start mode."""
        return deepcopy(self.machine.services)

    def spoil(self) -> bool:
        """Somebody enables the service again."""
        assert isinstance(self.target.action, Service)
        self.machine.services[self.target.action.service].start = "demand"
        return True

    def occupy(self) -> bool:
        """A service's name is the service's."""
        return False


class TestServicesKeepThePromises(NamelessAdapterContract):
    """Services of every start mode, running or not."""

    @pytest.fixture(params=["Auto", "Delayed", "Manual", "Idle"])
    def bench(self, request: pytest.FixtureRequest) -> AdapterBench:
        """One service."""
        runner = machine()
        return ServiceBench(runner, services(runner), target(Service("A1", str(request.param))))


def test_a_service_is_stopped_and_disabled() -> None:
    """Both, so that neither a restart nor a trigger brings it back."""
    runner = machine()

    services(runner).apply(target(Service("A1", "auto")))

    assert (runner.services["Auto"].state, runner.services["Auto"].start) == (STOPPED, "disabled")


def test_a_slow_service_is_waited_for() -> None:
    """Stopping and starting take a while; the adapter asks until it is so."""
    runner = machine()
    pauses: list[float] = []
    adapter = Services(runner, pause=pauses.append)
    one = target(Service("A1", "Auto"))
    note = adapter.capture(one)
    runner.services["Auto"].settling = 3

    adapter.apply(one)
    adapter.undo(one, note)

    assert len(pauses) == 2
    assert runner.services["Auto"].state == RUNNING


def test_a_service_that_never_stops_is_enabled_again() -> None:
    """Nothing is left half done, and the state it hangs in is said."""
    runner = machine()
    runner.services["Auto"].settling = 1000

    with pytest.raises(AdapterError, match="Auto did not stop within 60 s: it is stopping"):
        services(runner).apply(target(Service("A1", "Auto")))

    assert runner.services["Auto"].start == "auto"


def test_a_service_that_others_depend_on_is_refused_with_a_remedy() -> None:
    """The mitigation must name the dependents first; nothing is left disabled."""
    runner = machine()

    with pytest.raises(
        AdapterError, match=r"sc stop Base failed with 1051: .*stop the services that depend on it"
    ):
        services(runner).apply(target(Service("A1", "Base")))

    assert runner.services["Base"].start == "auto"
    assert runner.services["Base"].state == RUNNING


@pytest.mark.parametrize("name", [r"\\otherhost", "/delete", "state=", "a\nb", "type= service"])
def test_no_name_is_an_option_or_another_machine_to_sc(name: str) -> None:
    """A signed mitigation is still input: `sc` never sees what no service is called."""
    asked: list[str] = []

    class Listening(PretendedMachine):
        def run(self, program: str, *arguments: str) -> Answer:
            asked.append(program)
            return super().run(program, *arguments)

    adapter, one = services(Listening()), target(Service("A1", name))

    for verb in (adapter.look, adapter.capture, adapter.apply, adapter.foretell):
        with pytest.raises(NotThereError, match="no service"):
            verb(one)
    adapter.undo(one, {"kind": "service", "running": True, "start": "auto"})
    assert asked == []


def test_a_service_that_ran_though_it_was_disabled_is_not_started() -> None:
    """Windows would refuse, at every sync anew; whoever disabled it did not want it to start again."""
    runner = machine()
    runner.services["Auto"].start = "disabled"
    adapter, one = services(runner), target(Service("A1", "Auto"))
    note = adapter.capture(one)
    adapter.apply(one)

    adapter.undo(one, note)

    assert (runner.services["Auto"].state, runner.services["Auto"].start) == (STOPPED, "disabled")


def test_a_service_that_is_not_there_is_named() -> None:
    """Looking, capturing and applying say so; undoing has nothing to do."""
    adapter, one = services(machine()), target(Service("A1", "Ghost"))

    for verb in (adapter.look, adapter.capture, adapter.apply, adapter.foretell):
        with pytest.raises(NotThereError, match="no service 'Ghost'"):
            verb(one)
    adapter.undo(one, {})


def test_a_start_mode_that_somebody_chose_since_is_kept() -> None:
    """Undo starts the service again where it ran, with the mode that holds now."""
    runner = machine()
    adapter, one = services(runner), target(Service("A1", "Auto"))
    note = adapter.capture(one)
    adapter.apply(one)
    runner.services["Auto"].start = "demand"

    adapter.undo(one, note)

    assert (runner.services["Auto"].state, runner.services["Auto"].start) == (RUNNING, "demand")


@dataclass
class _Recorder(PretendedMachine):
    """A machine that remembers what it was asked."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, program: str, *arguments: str) -> Answer:
        self.asked.append((program, *arguments))
        return super().run(program, *arguments)


def test_sc_is_given_its_arguments_one_by_one() -> None:
    """`start=` and its value are two arguments, and a name with a blank or an ampersand is one."""
    runner = _Recorder(services={"Net Tcp & more": PretendedService()})

    services(runner).apply(target(Service("A1", "Net Tcp & more")))

    assert ("sc", "config", "Net Tcp & more", "start=", "disabled") in runner.asked
    assert ("sc", "stop", "Net Tcp & more") in runner.asked


class _Silent(PretendedMachine):
    """A machine whose sc says nothing of use."""

    def run(self, program: str, *arguments: str) -> Answer:  # noqa: ARG002 - it listens to nothing
        return Answer(0, "?")


def test_an_answer_that_cannot_be_read_is_refused() -> None:
    """Nothing is guessed."""
    with pytest.raises(AdapterError, match="does not tell the state and start mode of service Auto"):
        services(_Silent()).look(target(Service("A1", "Auto")))


def test_only_the_numbers_of_sc_are_read() -> None:
    """The words behind them are those of the language of Windows."""
    runner = _Translated(services={"Auto": PretendedService(state=STOPPED, start="disabled")})

    sight = services(runner).look(target(Service("A1", "Auto")))

    assert sight.presence is Presence.PRESENT


class _Translated(PretendedMachine):
    """A machine that speaks German behind the numbers."""

    def run(self, program: str, *arguments: str) -> Answer:
        answer = super().run(program, *arguments)
        return Answer(answer.code, answer.output.replace("STOPPED", "BEENDET").replace("DISABLED", "AUS"))


def test_an_action_of_another_kind_is_our_mistake() -> None:
    """Only services come here."""
    with pytest.raises(TypeError):
        services(machine()).look(target(AppPool("A1", "OWA")))
