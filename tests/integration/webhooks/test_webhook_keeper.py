from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Service, new_service
from tests.receiver import Receiver

ANNA = ("--as", "anna")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published, whose administrator, anna, has webhooks on this machine."""
    made = new_service(tmp_path, webhook_networks="127.0.0.0/8")
    made.done("user", "add", "anna", "--role", "administrator", "--no-password")
    return made


@pytest.fixture
def slow() -> Iterator[Receiver]:
    """A program that takes notices and never answers."""
    with Receiver(manner="hangs").serving() as serving:
        yield serving


def test_the_keeper_sends_what_is_told_and_ends_when_it_is_asked_to(
    service: Service, receiver: Receiver, slow: Receiver
) -> None:
    """Within seconds, not at its next round; an address that hangs holds up neither that nor its end."""
    for one in (slow, receiver):
        service.done("webhook", "add", one.url(), "--kind", "person.added", *ANNA)
    keeper = subprocess.Popen([sys.executable, "-m", "feedsrv", "keeper"], env=service.environment)
    try:
        service.done("user", "add", "ben", "--no-password", *ANNA)
        slow.wait()
        receiver.wait()
        keeper.send_signal(signal.SIGTERM)
        # Far less than an address is given to answer.
        keeper.wait(8)
    finally:
        keeper.kill()
        keeper.wait()

    assert keeper.returncode == 0
    assert [json.loads(one.body)["data"]["subject"] for one in receiver.received] == ["ben"]


def test_a_keeper_that_is_killed_while_it_sends_leaves_it_to_the_next(
    service: Service, slow: Receiver
) -> None:
    """The delivery stands as begun, to be made again; nothing is lost, and nothing else is held."""
    service.done("webhook", "add", slow.url(), "--kind", "person.added", *ANNA)
    service.done("user", "add", "ben", "--no-password", *ANNA)
    keeper = subprocess.Popen([sys.executable, "-m", "feedsrv", "keeper"], env=service.environment)
    try:
        slow.wait()
    finally:
        keeper.kill()
        keeper.wait()

    [left] = json.loads(service.done("webhook", "log", "1", "--json", *ANNA))
    assert (left["attempts"], left["outcome"]) == (1, "at work")
    assert left["state"].startswith("again 20")
