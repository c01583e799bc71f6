"""What a public process can give away: nothing but what is published. Looked at from outside, by /proc."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.commands import Service, new_service
from tests.e2e.web_servers import free_port
from tests.oidc.serving import until_it_answers

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="missing on this machine: /proc"),
]

SECRETS: Final = {
    "FEEDSRV_DATABASE_URL": "sqlite:///{data}/elsewhere.sqlite",
    "AWS_SECRET_ACCESS_KEY": "an-aws-secret-of-the-starter",
    "PKCS11_PIN": "123456-of-the-starter",
    "FEEDSRV_MITIGATION_SIGNER": "file:{data}/m.pem?chain={data}/m-chain.pem",
    "FEEDSRV_FEED_SIGNER": "file:{data}/f.pem?chain={data}/f-chain.pem",
    "FEEDSRV_ANCHORS": "{data}/anchors.pem",
    "FEEDSRV_ORGANISATION": "Contoso",
    "FEEDSRV_SECRET_FILE": "{data}/cookies.secret",
}
"""What a starter may know that must not go further."""
LOADED_BY_OTHERS: Final = ("_sqlite3", "libsqlite3", "sqlalchemy", "pkcs11", "xmlsec", "argon2")
"""Libraries by which keys, databases and passwords are reached; each would be mapped into memory."""


@dataclass(frozen=True)
class Process:
    """One process, as the system shows it."""

    pid: int

    def read(self, what: str) -> str:
        """One of its files in /proc."""
        return Path(f"/proc/{self.pid}/{what}").read_bytes().decode(errors="replace")

    @property
    def environment(self) -> dict[str, str]:
        """What it was started with."""
        pairs = (one.partition("=") for one in self.read("environ").split("\0") if one)
        return {name: value for name, _, value in pairs}

    @property
    def open_files(self) -> set[str]:
        """Everything that it holds open."""
        folder = Path(f"/proc/{self.pid}/fd")
        return {str(one.readlink()) for one in folder.iterdir()}

    def children(self) -> list[Process]:
        """Those that it started."""
        return [Process(int(pid)) for pid in self.read(f"task/{self.pid}/children").split()]


@contextmanager
def serving(service: Service, surface: str, variable: str, log: Path) -> Iterator[Process]:
    """`feedsrv serve --surface ...` as an operator starts it; ready once it answers."""
    port = free_port()
    environment = service.environment | {variable: f"127.0.0.1:{port}", "FEEDSRV_WORKERS": "2"}
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "feedsrv", "serve", "--surface", surface],
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            until_it_answers(f"http://127.0.0.1:{port}/healthz", running, log)
            yield Process(running.pid)
        finally:
            running.terminate()
            assert running.wait(30) == 0, log.read_text()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """One whose starter knows many secrets."""
    made = new_service(tmp_path)
    known = {name: value.format(data=made.data) for name, value in SECRETS.items()}
    (made.data / "cookies.secret").write_text("s" * 64)
    (made.data / "cookies.secret").chmod(0o600)
    return Service(made.data, {**made.settings, **known})


def test_the_public_surface_knows_no_key_no_database_and_no_secret(service: Service, tmp_path: Path) -> None:
    """Neither by its environment, nor by what it has loaded, nor by what it holds open; in any worker."""
    with serving(service, "public", "FEEDSRV_BIND", tmp_path / "log") as master:
        processes = [master, *master.children()]
        for one in processes:
            ours = {name for name in one.environment if name.startswith("FEEDSRV_")}
            assert ours == {"FEEDSRV_SHELF", "FEEDSRV_PUBLISHER"}
            given_away = " ".join(one.environment.values())
            assert [secret for secret in _values(service) if secret in given_away] == []

            maps = one.read("maps")
            assert [name for name in LOADED_BY_OTHERS if name in maps] == []

            shelf = str(service.data / "shelf")
            beside = {file for file in one.open_files if file.startswith(str(service.data))}
            assert {file for file in beside if not file.startswith(shelf)} == set()

    assert len(processes) == 3


def test_the_private_surface_shows_that_this_test_would_see_it(service: Service, tmp_path: Path) -> None:
    """The same look at the other surface finds the database, its address and what reaches keys."""
    plain = Service(service.data, {"AWS_SECRET_ACCESS_KEY": SECRETS["AWS_SECRET_ACCESS_KEY"]})
    with serving(plain, "private", "FEEDSRV_PRIVATE_BIND", tmp_path / "log") as master:
        (worker,) = master.children()

        assert "FEEDSRV_DATA" in worker.environment
        assert worker.environment["AWS_SECRET_ACCESS_KEY"] == SECRETS["AWS_SECRET_ACCESS_KEY"]
        assert "_sqlite3" in worker.read("maps")


def _values(service: Service) -> list[str]:
    return [value.format(data=service.data) for value in SECRETS.values() if value != "Contoso"]
