"""Break-glass by command, and the keeper who takes back what nobody countersigned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import MITIGATIONS, Service, new_service
from tests.emergencies import ALONE, alarms, break_glass, lapse, states, urgent

GLASS = "mitigation.break-glass M0042 revision 1"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service that has published."""
    return new_service(tmp_path)


def test_one_person_alone_publishes_and_a_second_countersigns(service: Service, tmp_path: Path) -> None:
    """Every command says what comes next; in the end it is a mitigation like every other."""
    (tmp_path / "urgent.xml").write_bytes(urgent())
    service.done("mitigation", "import", str(tmp_path / "urgent.xml"), "--as", "alice")
    digest = service.digest_of("M0042")

    broken = service.done("mitigation", "break-glass", "M0042", "--digest", digest, *ALONE)
    service.done("feed", "publish", "--as", "alice")

    assert "M0042 revision 1 is approved by alice alone" in broken
    assert f"feedsrv mitigation countersign M0042 --digest {digest}" in broken
    assert states(service)["M0042"] == "1 active"
    assert alarms(service) == [GLASS]
    shown = service.done("mitigation", "show", "M0042")
    assert "by alice alone, for INC-7: It is exploited." in shown
    assert "countersigned:    by nobody; must be until " in shown
    own = service.call("mitigation", "countersign", "M0042", "--digest", digest, "--as", "Alice")
    assert own.stderr.startswith("error [publishing.same_person]: ")

    signed = service.done("mitigation", "countersign", "M0042", "--digest", digest, "--as", "bob")

    assert signed == f"M0042 revision 1 is countersigned: {digest}\n"
    assert "countersigned:    by bob" in service.done("mitigation", "show", "M0042")
    assert alarms(service) == []
    lapse(service)
    service.done("keeper", "--once")
    assert states(service)["M0042"] == "1 active"


def test_what_nobody_countersigned_is_withdrawn_everywhere(service: Service, tmp_path: Path) -> None:
    """By the keeper, at its next look after the time is up, and not before."""
    break_glass(service, tmp_path)
    service.done("keeper", "--once")
    assert states(service)["M0042"] == "1 active"
    lapse(service)

    service.done("keeper", "--once")

    assert states(service)["M0042"] == "2 withdrawn"
    acts = [line.split("  ") for line in service.done("audit", "list").splitlines()]
    assert any("keeper" in "".join(line) and "withdraw-unsigned" in "".join(line) for line in acts)
    service.done("keeper", "--once")
    assert alarms(service) == []
    before = service.everything()
    service.done("keeper", "--once")
    assert service.everything() == before
    assert "the audit log is whole" in service.done("audit", "verify")


def test_what_waits_for_a_person_goes_on_waiting(service: Service, tmp_path: Path) -> None:
    """The keeper publishes its withdrawal and nothing else that is approved."""
    break_glass(service, tmp_path)
    other = tmp_path / "other.xml"
    other.write_bytes(urgent("M0043", "Another"))
    service.done("mitigation", "import", str(other), "--submit", "--as", "carol")
    service.approve("M0043")
    lapse(service)

    service.done("keeper", "--once")

    assert states(service)["M0042"] == "2 withdrawn"
    assert "M0043" not in states(service)
    service.done("feed", "publish", "--as", "bob")
    assert states(service)["M0043"] == "1 active"


def test_what_two_people_had_published_before_is_published_again(service: Service, tmp_path: Path) -> None:
    """Servers stay as protected as they were."""
    revised = urgent("M0001", "Changed at night")
    assert b"<Change>" in revised, "as the next revision must say what changed"
    break_glass(service, tmp_path, revised)
    assert states(service)["M0001"] == "2 active"
    lapse(service)

    service.done("keeper", "--once")

    assert states(service)["M0001"] == "3 active"
    assert "M0001 revision 3: ProxyNotShell: no way" in service.done("mitigation", "show", "M0001")


def test_what_was_not_published_yet_is_a_draft_again(service: Service, tmp_path: Path) -> None:
    """Its approval has run out."""
    file = tmp_path / "urgent.xml"
    file.write_bytes(urgent())
    service.done("mitigation", "import", str(file), "--as", "alice")
    digest = service.digest_of("M0042")
    service.done("mitigation", "break-glass", "M0042", "--digest", digest, *ALONE)
    lapse(service)

    service.done("keeper", "--once")

    assert "M0042" not in states(service)
    listed = json.loads(service.done("mitigation", "list", "--json"))
    assert {one["id"]: one["stage"] for one in listed}["M0042"] == "draft"


def test_a_keeper_that_cannot_sign_says_so_and_goes_on_trying(service: Service, tmp_path: Path) -> None:
    """A key in a safe must be fetched; the alarm stands meanwhile."""
    break_glass(service, tmp_path)
    lapse(service)
    keyless = Service(service.data, {"FEEDSRV_DEVELOPMENT_KEYS": str(tmp_path / "nowhere")})

    refused = keyless.call("keeper", "--once")

    assert refused.exit_code == 1
    assert 'subject="withdrawals"' in refused.stderr
    assert states(service)["M0042"] == "1 active"
    assert alarms(service)[0] == GLASS
    service.done("keeper", "--once")
    assert states(service)["M0042"] == "2 withdrawn"


@pytest.mark.parametrize("missing", ["--digest", "--incident", "--reason"])
def test_nothing_is_broken_without_digest_incident_and_reason(
    service: Service, tmp_path: Path, missing: str
) -> None:
    """Not by a slip of the finger."""
    (tmp_path / "urgent.xml").write_bytes(urgent())
    service.done("mitigation", "import", str(tmp_path / "urgent.xml"), "--as", "alice")
    words = ["--digest", service.digest_of("M0042"), *ALONE]
    del words[words.index(missing) : words.index(missing) + 2]

    result = service.call("mitigation", "break-glass", "M0042", *words)

    assert result.exit_code == 2
    assert missing in result.stderr
    assert alarms(service) == []


def test_what_may_run_for_long_is_not_published_alone(service: Service, tmp_path: Path) -> None:
    """The message says what to write."""
    file = tmp_path / "long.xml"
    file.write_bytes((MITIGATIONS / "M0001.xml").read_bytes().replace(b'id="M0001"', b'id="M0042"'))
    service.done("mitigation", "import", str(file), "--as", "alice")
    digest = service.digest_of("M0042")

    result = service.call("mitigation", "break-glass", "M0042", "--digest", digest, *ALONE)

    assert result.stderr.startswith("error [publishing.long_review]: ")
    assert 'write ReviewWithin days="7"' in result.stderr


def test_the_lists_show_what_one_person_decided_alone(service: Service, tmp_path: Path) -> None:
    """Though somebody goes on with other words above it; until a second person came."""
    digest = break_glass(service, tmp_path)
    service.done("mitigation", "revise", "M0042", "--change", "For later.", "--as", "alice")

    listed = json.loads(service.done("mitigation", "list", "--json"))

    found = {one["id"]: (one["revision"], one["alarm"]) for one in listed}
    assert found["M0042"] == (2, "revision 1: one person alone")
    assert {alarm for name, (_, alarm) in found.items() if name != "M0042"} == {""}
    service.done("mitigation", "countersign", "M0042", "--digest", digest, "--as", "bob")
    assert "one person alone" not in service.done("mitigation", "list")


@pytest.mark.parametrize("words", ["feed publish", "feed refresh", "mitigation discard M0001"])
def test_nobody_acts_under_the_name_of_the_keeper(service: Service, words: str) -> None:
    """However it is typed: what a program does in the audit log, a program did."""
    result = service.call(*words.split(), "--as", "Keeper ")

    assert result.exit_code == 1
    assert result.stderr.startswith("error [publishing.bad_name]: keeper is what a program here is called: ")
