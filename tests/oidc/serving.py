"""The private surface as an operator starts it, on a port of its own, with a provider or without."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from feedsrv.model.lifecycle import Role
from tests.commands import Service
from tests.oidc.desk import PASSWORD
from tests.oidc.running import CLIENT_ID, CLIENT_SECRET, RealProvider

_LONGEST: Final = 60.0
"""Seconds that a server may take to answer, on a busy machine."""


def with_provider(service: Service, provider: RealProvider) -> Service:
    """The same service, where people come from a provider or have accounts here."""
    secret = service.data / "client.secret"
    secret.write_text(CLIENT_SECRET)
    chosen = {
        "FEEDSRV_OIDC_DISCOVERY_URL": provider.discovery_url,
        "FEEDSRV_OIDC_CLIENT_ID": CLIENT_ID,
        "FEEDSRV_OIDC_CLIENT_SECRET_FILE": str(secret),
        "FEEDSRV_OIDC_ROLES": "author=authors reviewer=leads publisher=leads",
        "FEEDSRV_LOCAL_ACCOUNTS": "on",
    }
    return Service(service.data, {**service.settings, **chosen})


def add_person(service: Service, name: str, *roles: Role) -> None:
    """Give somebody an account, as an operator does."""
    file = service.data / "new.password"
    file.write_text(PASSWORD)
    chosen = [word for role in roles for word in ("--role", role.value)]
    service.done("user", "add", name, *chosen, "--password-file", str(file))
    file.unlink()


@contextmanager
def private_surface(service: Service, port: int, log: Path, *, workers: int = 1) -> Iterator[str]:
    """Start it with `feedsrv serve`; gives its address once it answers."""
    chosen = {"FEEDSRV_PRIVATE_BIND": f"127.0.0.1:{port}", "FEEDSRV_PRIVATE_WORKERS": str(workers)}
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "feedsrv", "serve", "--surface", "private"],
            env=service.environment | chosen,
            stdout=output,
            stderr=output,
        )
    try:
        until_it_answers(f"http://127.0.0.1:{port}/healthz", running, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        assert running.wait(30) == 0, log.read_text()


def until_it_answers(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the first answer; fails with the log where the server ended or never gives one."""
    ends = time.monotonic() + _LONGEST
    while time.monotonic() < ends:
        assert running.poll() is None, log.read_text()
        try:
            with urlopen(address, timeout=30):  # noqa: S310 -- the address is ours
                return
        except OSError:
            time.sleep(0.05)  # between two tries; the loop ends when it is answered
    raise AssertionError(log.read_text())
