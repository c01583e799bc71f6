"""A keeper is killed between two writes of a withdrawal: nothing is half done, and the next look ends it."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar
from unittest.mock import patch

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from feedsrv.cli.keeper import tend
from feedsrv.codec.feed import read_feed
from feedsrv.model.feed import digest_of
from feedsrv.settings import Settings, read_settings
from tests.commands import Service, new_service
from tests.emergencies import alarms, break_glass, lapse, opened, states, urgent

WRITES: Final = 35
"""Rows, commits and files, from the revision that is drawn up to the outcome that is kept."""
MOVED: Final = 16
"""The write by which the first feed that agents poll becomes the new one."""
KEPT: Final = 5
"""The commit of what is drawn up."""
_FORK: Final = multiprocessing.get_context("fork")
Result = TypeVar("Result")


class Killer:
    """Kills this process before its `left`-th write; counts them where that is 0."""

    def __init__(self, left: int) -> None:
        self.left = left

    def install(self) -> None:
        """Watch every row, every commit and every file of this process."""
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)
        for name in ("link", "replace"):
            setattr(os, name, self._watching(getattr(os, name)))

    def write(self) -> None:
        """One more."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _statement(self, connection: Connection, cursor: object, statement: str, *_: object) -> None:
        del connection, cursor
        if statement.split(None, 1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            self.write()

    def _commit(self, connection: Connection) -> None:
        del connection
        self.write()

    def _watching(self, real: Callable[..., Result]) -> Callable[..., Result]:
        def call(*args: object, **kwargs: object) -> Result:
            self.write()
            return real(*args, **kwargs)

        return call


def settings_of(service: Service) -> Settings:
    """What the service's processes are set to."""
    with patch.dict(os.environ, service.environment, clear=True):
        return read_settings()


def look(settings: Settings, left: int, counted: str) -> None:
    """One look of a keeper, in a process of its own."""
    killer = Killer(left)
    killer.install()
    refused = tend(settings)
    Path(counted).write_text(f"{-killer.left} {refused}")


def looked(service: Service, left: int, counted: Path) -> int | None:
    """Let a keeper look; gives how its process ended."""
    process = _FORK.Process(target=look, args=(settings_of(service), left, str(counted)))
    process.start()
    process.join(120)
    return process.exitcode


@cache
def overdue() -> Path:
    """A service where the time to countersign is over, and another mitigation waits for a publisher."""
    folder = TemporaryDirectory(prefix="feedsrv-overdue-")
    atexit.register(folder.cleanup)
    place = Path(folder.name)
    service = new_service(place)
    break_glass(service, place)
    (place / "other.xml").write_bytes(urgent("M0043", "Another"))
    service.done("mitigation", "import", str(place / "other.xml"), "--submit", "--as", "carol")
    service.approve("M0043")
    lapse(service)
    gc.collect()
    return service.data


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """The same, for one test."""
    data = tmp_path / "service"
    shutil.copytree(overdue(), data)
    return Service(data)


def assert_whole(service: Service) -> None:
    """Every feed that agents poll is there, and so is all that it lists, as it lists it."""
    v1 = service.data / "shelf" / "v1"
    for path in v1.glob("feeds/*/production.xml"):
        for entry in read_feed(path.read_bytes(), source=path.name).entries:
            assert digest_of((v1 / entry.href).read_bytes()) == entry.digest, entry.href
    assert "the audit log is whole" in service.done("audit", "verify")


def drawn_up(service: Service) -> int:
    """How often the audit log says that the keeper withdrew."""
    with opened(service) as store, store.look() as work:
        return len(work.audit.page(before=None, limit=100, verb="withdraw-unsigned"))


def test_every_write_is_counted(service: Service, tmp_path: Path) -> None:
    """So that below none is left out."""
    assert looked(service, 0, tmp_path / "counted") == 0

    assert (tmp_path / "counted").read_text() == f"{WRITES} {{}}"
    assert states(service)["M0042"] == "2 withdrawn"


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_killed_before_a_write_nothing_is_half_done_and_the_next_look_ends_it(
    service: Service, tmp_path: Path, write: int
) -> None:
    """Agents have the old feeds or the new ones; it is drawn up once, and nothing else goes out with it."""
    assert looked(service, write, tmp_path / "counted") == -signal.SIGKILL

    assert_whole(service)
    assert drawn_up(service) == (0 if write <= KEPT else 1)
    assert states(service)["M0042"] in (["1 active"] if write <= MOVED else ["1 active", "2 withdrawn"])

    assert tend(settings_of(service)) == {}

    assert_whole(service)
    assert states(service)["M0042"] == "2 withdrawn"
    assert "M0043" not in states(service)
    assert drawn_up(service) == 1
    assert tend(settings_of(service)) == {}
    assert alarms(service) == []
