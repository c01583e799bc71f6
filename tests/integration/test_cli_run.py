"""Starting the service: what keeps it from starting, and the public surface as a container runs it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from feedsrv.cli.run import publish_or_stay
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.records import IntendedRevision, Intent, IntentState
from feedsrv.settings import Settings
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.wiring.desk import prepare
from tests.commands import MITIGATIONS, PUBLISHED, Service, new_service
from tests.publisher import shared_pki


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


def test_a_port_of_the_private_surface_that_is_taken_is_said_too(tmp_path: Path) -> None:
    """By the name of its own setting."""
    with taken_port() as free:
        pass
    with taken_port() as port:
        binds = {"FEEDSRV_BIND": f"127.0.0.1:{free}", "FEEDSRV_PRIVATE_BIND": f"127.0.0.1:{port}"}

        result = Service(tmp_path / "data", binds).call("run")

    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert result.stderr.endswith("choose another with FEEDSRV_PRIVATE_BIND\n")
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
    with taken_port() as port, taken_port() as private:
        pass
    binds = {"FEEDSRV_BIND": f"127.0.0.1:{port}", "FEEDSRV_PRIVATE_BIND": f"127.0.0.1:{private}"}
    service = Service(tmp_path / "data", binds)

    result = service.call("run", "--content", str(tmp_path / "content"))

    assert result.exit_code == 1
    products = tmp_path / "content" / "products.xml"
    assert f"error [operator.system]: {products}: No such file or directory" in result.stderr


def changed_content(folder: Path) -> Path:
    """What a service of these tests has published, with one mitigation that says something else."""
    content = folder / "content"
    content.mkdir()
    for name in PUBLISHED:
        shutil.copy(MITIGATIONS / name, content)
    m0001 = content / "M0001.xml"
    text = m0001.read_text(encoding="utf-8")
    m0001.write_text(text.replace('days="90"', 'days="80"'), encoding="utf-8")
    return content


def test_a_start_whose_content_is_refused_serves_what_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository that was changed must not take down what its servers rely on; the refusal is told."""
    service = new_service(tmp_path)
    content = changed_content(tmp_path)
    m0001 = content / "M0001.xml"
    m0001.write_text(re.sub("<Change>.*</Change>", "", m0001.read_text(encoding="utf-8")), encoding="utf-8")
    before = service.everything()

    publish_or_stay(Settings(data=service.data, development_keys=shared_pki()), content)

    told = capsys.readouterr().err
    assert f"not all of {content} is published, what was published stays up: [mitigation." in told
    assert "Change must say what changed" in told
    assert service.everything() == before


def test_a_first_start_whose_content_is_refused_is_refused(tmp_path: Path) -> None:
    """There is nothing that could be served instead."""
    content = changed_content(tmp_path)
    (content / "M0001.xml").write_text("<nonsense/>")
    settings = Settings(data=tmp_path / "data", development_keys=shared_pki())
    prepare(settings)

    with pytest.raises(FeedsrvError, match="M0001"):
        publish_or_stay(settings, content)


def test_a_start_after_a_publication_that_was_cut_short_finishes_it_and_takes_new_words(
    tmp_path: Path,
) -> None:
    """Words that are on their way cannot be changed, so what was begun comes first."""
    service = new_service(tmp_path)
    settings = Settings(data=service.data, development_keys=shared_pki())
    with SqlStore(open_database(settings.database)).begin() as work:
        (m0001,) = work.revisions.history("M0001")
        named = IntendedRevision("M0001", 2, m0001.digest)
        work.intents.begin(Intent(0, now(), "anna", IntentState.OPEN, (named,)))

    publish_or_stay(settings, changed_content(tmp_path))

    assert "M0001 revision 2" in service.done("mitigation", "show", "M0001")
    assert '"published"' in service.done("mitigation", "list", "--json")


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


@pytest.mark.e2e
def test_one_command_runs_both_surfaces_and_the_keeper(repository: Path, tmp_path: Path) -> None:
    """The private one is named at the start, looks at the public one from outside, and finds all well."""
    with taken_port() as port, taken_port() as private_port:
        pass
    public, private = f"127.0.0.1:{port}", f"127.0.0.1:{private_port}"
    settings = {
        "FEEDSRV_BIND": public,
        "FEEDSRV_PRIVATE_BIND": private,
        "FEEDSRV_PUBLIC_URL": f"http://{public}",
        "PYTHONPATH": str(repository),
    }
    service = Service(new_service(tmp_path).data, settings)
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "feedsrv", "run"], env=service.environment, stdout=log, stderr=log
        )
        try:
            found = _status(f"http://{private}/status.json", running, tmp_path / "log")
        finally:
            running.terminate()
            assert running.wait(30) == 0

    told = (tmp_path / "log").read_text()
    assert f"the desk of your team: http://{private}/" in told
    assert "Traceback" not in told
    fetched = [one for one in found["results"] if one["check"] == "public.failing"]
    assert len(fetched) > 1
    assert found["grade"] == "ok", found


def _status(url: str, process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """What it says, as soon as it says anything and the public surface answers."""
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        try:
            with urlopen(url, timeout=30) as answer:  # noqa: S310 -- the address is ours
                found: dict[str, Any] = json.load(answer)
        except OSError:
            found = {}
        if found.get("grade") == "ok":
            return found
        time.sleep(0.2)  # between two looks; the first may have been before the public surface answered
    raise AssertionError(log.read_text())
