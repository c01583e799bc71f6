"""Real servers over a shelf folder, and a plain client to ask them."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAMPLE: Final = Path(__file__).parents[2] / "docs" / "deploy" / "nginx.conf"
PUBLIC: Final = "feedsrv.wsgi:public()"
_START: Final = 20.0
"""Seconds that a server may take to answer, on a busy machine."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, lists taken apart, in order of the alphabet."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return tuple(sorted(part.strip() for value in values for part in _parts(name, value)))

    def one(self, name: str) -> str:
        """The one value of a header; empty where there is none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else ""


def _parts(name: str, value: str) -> list[str]:
    return value.split(",") if name.lower() in ("vary", "allow", "cache-control") else [value]


@dataclass(frozen=True)
class Server:
    """A server that runs on this machine."""

    port: int
    process: subprocess.Popen[bytes]

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open until it is closed."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request over a connection of its own; `Accept_Encoding` is `Accept-Encoding`."""
        connection = self.connect()
        try:
            return ask(connection, path, method, **headers)
        finally:
            connection.close()


def ask(connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request over an open connection."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in named.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return Answer(answer.status, tuple(answer.getheaders()), answer.read())


@contextmanager
def gunicorn(shelf: Path, home: Path, *, workers: int = 2, application: str = PUBLIC) -> Iterator[Server]:
    """Gunicorn with our settings; `home` is where the process may write."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "FEEDSRV_DATA": str(home / "data"),
        "FEEDSRV_SHELF": str(shelf),
        "WEB_CONCURRENCY": str(workers),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", "python:feedsrv.web.gunicorn_conf"),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "warning", application),
    ]
    with _running(command, environment, home, port) as server:
        yield server


@contextmanager
def nginx(shelf: Path, home: Path, *, upstream: int = 9, limit: bool = True) -> Iterator[Server]:
    """Real nginx with the documented sample, and nothing else, over the shelf."""
    port = free_port()
    site = adapted(
        SAMPLE,
        {
            "listen 80;": f"listen 127.0.0.1:{port};",
            "root   /srv/feedsrv/shelf;": f"root {shelf};",
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
        },
    )
    if not limit:
        site = re.sub(r"(?m)^ *limit_req .*$", "", site)
    with nginx_with(site, home, port) as server:
        yield server


def adapted(sample: Path, places: Mapping[str, str]) -> str:
    """A documented sample, with the places changed that it says are to be changed."""
    site = sample.read_text()
    for documented, ours in places.items():
        assert site.count(documented) == 1, f"the sample no longer says {documented!r} once"
        site = site.replace(documented, ours)
    return site


@contextmanager
def nginx_with(site: str, home: Path, port: int, *, ready: bool = True) -> Iterator[Server]:
    """Real nginx with that site, and nothing else; with `ready`, it answers plain HTTP there."""
    (home / "site.conf").write_text(site)
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {home}/nginx.pid;\nerror_log stderr warn;\n"
        f"events {{ }}\nhttp {{\naccess_log off;\n{temporary}include {home}/site.conf;\n}}\n"
    )
    command = ["nginx", "-p", str(home), "-e", "stderr", "-c", str(home / "nginx.conf")]
    with _running(command, dict(os.environ), home, port, ready=ready) as server:
        yield server


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], home: Path, port: int, *, ready: bool = True
) -> Iterator[Server]:
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        if ready:
            _wait_for(port, process, home / "server.log")
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until somebody answers HTTP: gunicorn listens before its workers have loaded anything."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START)
        try:
            ask(connection, "/")
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)  # between two tries; the loop ends when it is answered
        else:
            return
        finally:
            connection.close()
    raise AssertionError(f"the server did not come up:\n{log.read_text()}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
