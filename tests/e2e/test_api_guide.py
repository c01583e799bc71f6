"""docs/api.md, word for word: every command in it is run, in its order, on a service that is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.commands import Service, new_service
from tests.e2e.web_servers import free_port
from tests.publisher import written

pytestmark = pytest.mark.e2e

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
WRITTEN_THERE = "http://127.0.0.1:8081"
BIN = Path(sys.executable).parent


@contextmanager
def served(service: Service) -> Iterator[None]:
    """The private surface as `feedsrv serve` starts it, until the block ends."""
    address = service.settings["FEEDSRV_PRIVATE_BIND"]
    process = subprocess.Popen(
        [BIN / "feedsrv", "serve", "--surface", "private"],
        env=service.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            assert process.poll() is None, process.communicate()[1]
            try:
                if requests.get(f"http://{address}/healthz", timeout=2).ok:
                    break
            except requests.RequestException:  # not up yet
                pass
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def repository(folder: Path) -> Path:
    """A repository with one mitigation in it."""
    (folder / "mitigations").mkdir(parents=True)
    (folder / "mitigations" / "M0100.xml").write_bytes(written("M0100", title="No way in by the back"))
    told = ["-c", "user.name=anna", "-c", "user.email=anna@example.com", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "mitigations"], ["commit", "-q", "-m", "Close the back door"]):
        subprocess.run(["git", *told, *words], cwd=folder, check=True)
    return folder


def test_every_command_of_the_guide_works(tmp_path: Path) -> None:
    """From the first token to a feed that was published from git; nothing is typed that is not in there."""
    port = free_port()
    service = new_service(tmp_path, private_bind=f"127.0.0.1:{port}")
    service.done("user", "add", "root", "--role", "administrator", "--no-password")
    for name, role in (("anna", "author"), ("ben", "reviewer"), ("carl", "publisher")):
        service.done("user", "add", name, "--role", role, "--no-password", "--as", "root")
    commands = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    script = "set -euo pipefail\n" + "\n".join(commands).replace(WRITTEN_THERE, f"http://127.0.0.1:{port}")
    assert WRITTEN_THERE not in script
    assert len(commands) >= 10

    with served(service):
        run = subprocess.run(
            ["bash"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            cwd=repository(tmp_path / "repository"),
            env=service.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"},
            timeout=300,
        )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "mitigations/M0100.xml: created" in run.stdout
    assert "M0100 revision 1 is in review" in run.stdout
    assert "published M0100 revision 1" in run.stdout
    assert (service.data / "shelf" / "v1" / "mitigations" / "M0100" / "1.xml").is_file()
    acts = [line for line in service.done("audit", "list").splitlines() if "M0100" in line]
    assert {"anna", "ben"} <= {word for line in acts for word in line.split()}
