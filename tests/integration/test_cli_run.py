"""Starting the service: what keeps it from starting, and the public surface as a container runs it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import Service, new_service


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """With the way to choose another."""
    with taken_port() as port:
        service = Service(tmp_path / "data", {"FEEDSRV_BIND": f"127.0.0.1:{port}"})

        result = service.call("run")

    assert result.exit_code == 1
    assert result.stderr == (
        f"error [run.port_taken]: cannot listen on 127.0.0.1:{port} (Address already in use): choose another "
        "with FEEDSRV_BIND, or `make run PORT=8090`\n"
    )
    assert not (tmp_path / "data").exists()


def test_an_address_that_this_machine_does_not_have_is_said(tmp_path: Path) -> None:
    """The same refusal, with the system's reason."""
    result = Service(tmp_path / "data", {"FEEDSRV_BIND": "203.0.113.7:8080"}).call("run")

    assert result.exit_code == 1
    assert "error [run.port_taken]: cannot listen on 203.0.113.7:8080 (" in result.stderr


def test_a_folder_of_content_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """Before anything is made."""
    result = Service(tmp_path / "data").call("run", "--content", str(tmp_path / "nothing"))

    assert result.exit_code == 2
    assert "--content" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_folder_without_a_catalogue_is_refused_by_the_files_name(tmp_path: Path) -> None:
    """What is missing is named, without a traceback."""
    (tmp_path / "content").mkdir()
    with taken_port() as port:
        pass
    service = Service(tmp_path / "data", {"FEEDSRV_BIND": f"127.0.0.1:{port}"})

    result = service.call("run", "--content", str(tmp_path / "content"))

    assert result.exit_code == 1
    products = tmp_path / "content" / "products.xml"
    assert f"error [operator.system]: {products}: No such file or directory" in result.stderr


@pytest.mark.e2e
def test_the_public_surface_of_the_image_serves_and_passes_its_health_check(
    repository: Path, tmp_path: Path
) -> None:
    """With a shelf and nothing else, from a folder where nothing can be written."""
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    check = re.search(r'HEALTHCHECK.*?"-c", "(.*?)"\]', dockerfile, re.DOTALL)
    assert check
    shelf = new_service(tmp_path).data / "shelf"
    with taken_port() as port:
        pass
    settings = {"FEEDSRV_SHELF": str(shelf), "FEEDSRV_BIND": f"0.0.0.0:{port}", "PYTHONPATH": str(repository)}
    environment = {**Service(tmp_path / "no data", settings).environment}
    look = check[1].replace("8080", str(port))
    with (tmp_path / "log").open("w") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "feedsrv", "serve"],
            cwd="/proc",
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            ends = time.monotonic() + 30
            while subprocess.run([sys.executable, "-c", look], capture_output=True, check=False).returncode:
                assert serving.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < ends, (tmp_path / "log").read_text()
        finally:
            serving.terminate()
            assert serving.wait(30) == 0

    assert not (tmp_path / "no data").exists()
