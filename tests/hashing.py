"""Real argon2id that a test can watch, hold up and let go on; and what is done beside it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Event, Thread
from typing import Literal

import pytest
from argon2 import PasswordHasher

from feedsrv.errors import NotAllowedError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import WrongPasswordError
from tests.people import QUICK, WRONG, Office


class Counting(PasswordHasher):
    """Writes down the cost of each hash that it works on."""

    def __init__(self) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self.worked_on: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 -- argon2's word
        """As argon2 does; the cost is written down first."""
        self.worked_on.append(str(hash).split("$")[3])
        return super().verify(hash, password)


class Waiting(PasswordHasher):
    """Begins, and goes on only when it is told to."""

    def __init__(self, go_on: Event) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self.begun = Event()
        self.go_on = go_on

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 -- argon2's word
        """As argon2 does, once it may."""
        self.begun.set()
        assert self.go_on.wait(20)
        return super().verify(hash, password)


class Together(PasswordHasher):
    """Has worked on every guess before any of them is judged."""

    def __init__(self, gate: Barrier) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self._gate = gate

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 -- argon2's word
        """As argon2 does; whatever it came to is told when all are done."""
        try:
            return super().verify(hash, password)
        finally:
            self._gate.wait(20)


class Beside:
    """Something that is done in another thread, and may be refused."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._refusal: type[NotAllowedError] | None = None
        self._act = act
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._act()
        except NotAllowedError as refusal:
            self._refusal = type(refusal)

    def refusal(self) -> type[NotAllowedError] | None:
        """What it came to, once it is done."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self._refusal


def staffed(office: Office) -> Office:
    """An administrator, anna, and an author, ben."""
    office.add("anna", Role.ADMINISTRATOR)
    office.add("ben", Role.AUTHOR)
    return office


def guess_wrong(office: Office, times: int) -> None:
    """Try ben's account with a wrong password."""
    for _ in range(times):
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", WRONG)
