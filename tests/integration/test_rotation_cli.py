"""`feedsrv trust` as an operator calls it: the plan, announcements, and what agents are known to pin."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv import clock
from feedsrv.codec.feed import read_feed
from feedsrv.trust.policy import load_anchors
from feedsrv.trust.profile import fingerprint
from tests.commands import Service, new_service
from tests.pki import chain_pem
from tests.publisher import shared_pki
from tests.rotation import make_root

SOON = f"{clock.now() + timedelta(days=200):%Y-%m-%d}"


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service with its development keys, which has published."""
    return new_service(tmp_path)


@pytest.fixture
def root_file(tmp_path: Path) -> Path:
    """The next root, in a file."""
    file = tmp_path / "root2.pem"
    file.write_bytes(chain_pem((make_root("Example Root 2", clock.now()).certificate,)))
    return file


def digits(file: Path) -> str:
    """The fingerprint of the one certificate in a file."""
    [one] = load_anchors(file.read_bytes(), source=str(file))
    return fingerprint(one)


def test_the_plan_is_read_at_a_glance_or_by_programs(service: Service) -> None:
    """What must happen, one line of time, what agents believe, what is published."""
    text = service.done("trust", "plan")
    told = json.loads(service.done("trust", "plan", "--json"))

    for title in ("WHAT MUST HAPPEN", "ONE LINE OF TIME", "AGENTS", "WHAT IS PUBLISHED"):
        assert title in text
    assert text.count("--- today ---") == 1
    assert told["safe"] is True
    assert told["tasks"] == sorted(told["tasks"], key=lambda one: one["by"])
    assert {one["state"] for one in told["marks"]} >= {"pinned", "in use", "list"}
    assert {one["what"] for one in told["agents"]} == {"mitigation", "feed"}
    assert told["switch"] is None


def test_an_announced_root_goes_out_with_the_next_refresh(service: Service, root_file: Path) -> None:
    """Loudly, where nobody vouches for it; and it can be taken back."""
    words = ("--begins", SOON, "--certificates", str(root_file), "--as", "anna")

    told = service.done("trust", "announce", digits(root_file), *words)
    service.done("feed", "refresh", "--as", "anna")

    assert "NO VOUCHER" in told
    shelf = service.data / "shelf/v1/feeds/exchange-2019/production.xml"
    [announced] = read_feed(shelf.read_bytes()).announced
    assert announced.sha256 == digits(root_file)
    assert "[announced]" in service.done("trust", "plan")
    assert "trust.announce" in service.done("audit", "list")

    service.done("trust", "unannounce", digits(root_file)[:12], "--as", "anna")
    service.done("feed", "refresh", "--as", "anna")
    assert read_feed(shelf.read_bytes()).announced == ()


def test_what_customers_told_is_remembered_and_counts(service: Service, root_file: Path) -> None:
    """Agents that pin another root show in the plan, until they are forgotten."""
    service.done(
        "trust",
        "policy",
        "add",
        "Contoso",
        "--anchors",
        str(root_file),
        "--organisation",
        "X",
        "--as",
        "anna",
    )

    names = [one["name"] for one in json.loads(service.done("trust", "policy", "list", "--json"))]
    assert "Contoso" in names
    assert any(name.startswith("published ") for name in names)
    assert "REFUSED NOW" in service.done("trust", "plan")

    service.done("trust", "policy", "remove", "Contoso", "--as", "anna")
    assert "Contoso" not in service.done("trust", "policy", "list")


def test_dropping_the_only_anchor_is_seen_before(service: Service) -> None:
    """The plan ends with 1 where a switch would strand somebody."""
    anchors = shared_pki() / "anchors.pem"

    result = service.call("trust", "plan", "--drop", digits(anchors), "--on", SOON)

    assert result.exit_code == 1
    assert "!! no anchor would be left to pin" in result.output


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("plan", "--on", SOON), "trust.no_switch"),
        (("plan", "--use", "abcdef0123"), "trust.no_switch"),
        (("plan", "--use", "abcdef0123", "--on", SOON), "key.unknown"),
        (("plan", "--drop", "abcdef0123", "--on", SOON), "trust.unknown_certificate"),
        (("announce", "abcdef0123", "--begins", SOON, "--as", "anna"), "trust.unknown_certificate"),
        (("unannounce", "abcdef0123", "--as", "anna"), "trust.not_announced"),
        (("policy", "remove", "Contoso", "--as", "anna"), "trust.unknown_policy"),
    ],
)
def test_what_cannot_be_is_refused_by_its_code(service: Service, words: tuple[str, ...], code: str) -> None:
    """And changes nothing."""
    before = service.everything()

    result = service.call("trust", *words)

    assert result.exit_code == 1
    assert f"error [{code}]" in result.output
    assert service.everything() == before


@pytest.mark.parametrize("name", ["published 2020-01-01", " ", "x" * 65])
def test_a_name_that_is_ours_or_none_is_refused(service: Service, root_file: Path, name: str) -> None:
    """Names of what was published are given by the service itself."""
    result = service.call("trust", "policy", "add", name, "--anchors", str(root_file), "--as", "anna")

    assert "error [trust.bad_policy]" in result.output
