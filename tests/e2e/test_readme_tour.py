"""The README's five minutes, word for word: what a newcomer types is what runs here."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.e2e.browsing import CHROMIUM, chromium

pytestmark = pytest.mark.e2e

ALICE_KNOWS = "walnut tram glacier violin"
STARTS_WITHIN = 60
"""Seconds; the first start makes five RSA keys on whatever machine this is."""


@dataclass(frozen=True)
class Service:
    """A running `make run`."""

    url: str
    data: Path


def free_port() -> int:
    """A port that nobody listens on, nor on the next one, which is the private surface's.

    Below those that the system gives to connections: one that is free now must be free in a second, too.
    """
    for port in range(20_000 + os.getpid() % 5_000, 32_000, 2):
        try:
            with (
                socket.create_server(("127.0.0.1", port)),
                socket.create_server(("127.0.0.1", port + 1)),
            ):
                return port
        except OSError:
            continue
    raise AssertionError("no two ports are free")


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    """Wait until something is served there."""
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends:
        assert process.poll() is None, "make run ended by itself"
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:  # not up yet, or slow to come up
            pass
        time.sleep(0.1)
    pytest.fail(f"nothing was served at {url} within {STARTS_WITHIN} seconds")


@pytest.fixture
def service(repository: Path, tmp_path: Path) -> Iterator[Service]:
    """`make run` with another port and another place for what it writes."""
    port, data = free_port(), tmp_path / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDSRV_")}
    with (tmp_path / "run.log").open("w") as log:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}", f"DATA={data}"],
            cwd=repository,
            env=environment,
            text=True,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/v1/feeds/exchange-se/production.xml", process)
            yield Service(f"http://127.0.0.1:{port}", data)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)


def tour(repository: Path) -> list[str]:
    """The tour's blocks of commands, in order, without the one that starts the service."""
    text = (repository / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Five minutes")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert blocks[0] == "make run\n"
    return blocks[1:]


def at_the_desk(public: str) -> str:
    """The mitigations as alice sees them in a browser, once she has signed in."""
    port = int(public.rpartition(":")[2]) + 1
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/mitigations")
        page.get_by_label("Name").fill("alice")
        page.get_by_label("Password").fill(ALICE_KNOWS)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/mitigations")
        return page.get_by_role("main").inner_text()


@pytest.mark.skipif(CHROMIUM is None, reason="missing on this machine: chromium")
def test_the_tour_does_what_the_readme_says(repository: Path, service: Service, tmp_path: Path) -> None:
    """Publish, watch the practice server change, release the fix, watch it change back to the byte."""
    practice = tmp_path / "practice"
    places = {
        "http://127.0.0.1:8080": service.url,
        "keys/dev": str(service.data / "keys"),
        "FEEDSRV_DATA=.run": f"FEEDSRV_DATA={service.data}",
        "/tmp/practice": str(practice),
    }
    script = "echo '=== end of block'\n".join(["set -eu\n", *tour(repository)])
    for written, here in places.items():
        assert written in script, f"the README no longer says {written}"
        script = script.replace(written, here)

    # A session of its own has no terminal, so that the password is asked for on standard input.
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=f"{ALICE_KNOWS}\n{ALICE_KNOWS}\n",
        start_new_session=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    _, first_sync, rule, release, ending, desk = done.stdout.split("=== end of block\n")
    assert "Result: Success." in first_sync
    assert "M0002 revision 1: applied" in first_sync
    assert "feedsrv M0002.A1 OWA CSP - outbound" in rule
    assert "script-src-attr 'none'" in rule
    assert "M0002 revision 2 is in review" in release
    assert "released exchange-se 15.2.2562.45" in release
    assert "M0002 revision 2: applied" in ending
    assert "M0002 revision 2: not needed (this build has the fix)" in ending
    assert "the audit log is whole" in ending
    assert "alice was added" in desk
    assert "M0002" in at_the_desk(service.url)
    config = practice / "C/Windows/System32/inetsrv/config/applicationHost.config"
    assert config.read_bytes() == config.with_name(config.name + ".feedsrv-backup").read_bytes()
