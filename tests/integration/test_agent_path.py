"""`feedsrv-agent test` goes the whole path, and names the step that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pki import Pki
from tests.simulator import Answer, Simulator
from tests.unit.agent.shell import Shell, lay_out_shell, publish_two


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Certificates that are valid now: the command has no other clock."""
    return Pki()


@pytest.fixture
def publisher(pki: Pki) -> Iterator[Simulator]:
    """A publisher with two mitigations."""
    with Simulator(pki, pki.at).serving() as simulator:
        publish_two(simulator, pki)
        yield simulator


@pytest.fixture
def shell(publisher: Simulator, tmp_path: Path, pki: Pki) -> Shell:
    """An agent for a pretended server."""
    return lay_out_shell(tmp_path, publisher, pki)


def test_the_path_is_tested_to_its_end(shell: Shell) -> None:
    """Every step is named, down to opening each mitigation; nothing is changed or remembered."""
    said = shell("test").output

    assert "Result: Success." in said
    assert "2 opened and trusted" in said
    assert not (shell.home / "agent-state.json").exists()


FAILURES = {
    "connection": (("--server", "http://127.0.0.1:9"), "connection", "agent.unreachable"),
    "TLS": (("--server", "https://127.0.0.1:{port}"), "TLS", "agent.tls"),
    "name": (("--server", "http://does-not-exist.invalid"), "connection", "agent.unreachable"),
    "product": (("--product", "exchange-se"), "HTTP", "agent.not_served"),
    "issuer": (("--organisation", "Somebody Else"), "issuer", "trust.issuer_organisation"),
    "usage": (("--feed-eku", "1.2.3.4"), "key usage", "trust.eku_missing"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_the_failing_step_is_named(shell: Shell, publisher: Simulator, failure: str) -> None:
    """And the steps after it were not reached."""
    words, step, code = FAILURES[failure]
    port = publisher.url.rpartition(":")[2]
    shell("config", *(word.format(port=port) for word in words))

    done = shell("test", "--json", code=1)

    found = json.loads(done.stdout)
    assert (found["steps"][-1]["step"], found["steps"][-1]["code"]) == (step, code)
    assert [one["ok"] for one in found["steps"][:-1]] == [True] * (len(found["steps"]) - 1)
    assert f"error [{code}]" in done.stderr


def test_an_untrusted_anchor_fails_at_the_chain(shell: Shell, tmp_path: Path) -> None:
    """The signature is in order, and proves nothing here."""
    other = tmp_path / "other.pem"
    other.write_bytes(Pki(organisation="Somebody Else").anchors_pem())
    shell("config", "--anchor", other)

    said = shell("test", code=1)

    assert "Result: Failed at: chain." in said.output
    assert "error [trust.anchor_unknown]" in said.stderr


def test_a_mitigation_that_cannot_be_had_fails_the_last_step(shell: Shell, publisher: Simulator) -> None:
    """A feed alone protects nobody."""
    publisher.lie("/v1/mitigations/M0002/1.xml", Answer(b"", 500))

    assert "Result: Failed at: mitigations." in shell("test", code=1).output
