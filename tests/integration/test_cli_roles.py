"""Whose act a command is: asked of registered people, by every command that changes something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Service, new_service

FINGERPRINT = "00" * 32
ACTS = {
    "publish": ("feed", "publish"),
    "refresh": ("feed", "refresh", "--force"),
    "import": ("mitigation", "import", "{file}"),
    "submit": ("mitigation", "submit", "M0001"),
    "withdraw": ("mitigation", "withdraw", "M0001", "--reason", "It breaks things."),
    "register": (
        *("cu", "register", "--product", "exchange-se", "--build", "15.2.2562.99"),
        *("--name", "A security update", "--date", "2026-11-30"),
    ),
    "release": ("cu", "release", "--product", "exchange-se", "--build", "15.2.2562.99"),
    "catalogue": ("catalogue", "import", "{products}"),
    "key": ("key", "retire", FINGERPRINT),
    "revoke": ("key", "revoke", FINGERPRINT, "--reason", "superseded"),
    "trust": ("trust", "unannounce", FINGERPRINT),
    "people": ("user", "add", "eve", "--role", "author", "--no-password"),
    "webhook": ("webhook", "add", "https://hooks.example.com/"),
}


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """One with an administrator and an auditor, who may read and nothing else."""
    made = new_service(tmp_path)
    made.done("user", "add", "ada", "--role", "administrator", "--no-password", "--as", "ada")
    made.done("user", "add", "otto", "--role", "auditor", "--no-password", "--as", "ada")
    return made


def test_whoever_has_not_the_role_is_refused_by_every_command(service: Service) -> None:
    """With what they have and who gives roles; nothing is changed."""
    before = service.everything()
    places = {
        "file": str(Path("mitigations/M0004.xml").absolute()),
        "products": str(Path("mitigations/products.xml").absolute()),
    }

    refused = {}
    for name, words in ACTS.items():
        result = service.call(*(word.format(**places) for word in words), "--as", "otto")
        refused[name] = (result.exit_code, result.stderr.partition("]")[0])

    assert refused == dict.fromkeys(ACTS, (1, "error [access.missing_role"))
    assert service.everything() == before


def test_whoever_is_not_registered_is_refused_once_somebody_is(service: Service) -> None:
    """A name that nobody has is a slip, or a stranger's."""
    result = service.call("feed", "publish", "--as", "nobody")

    assert result.exit_code == 1
    assert "error [access.unknown_person]: nobody called nobody works here" in result.stderr


def test_before_the_first_person_nobody_is_asked(tmp_path: Path) -> None:
    """A first start has nobody who could give roles."""
    assert "nothing to publish" in new_service(tmp_path).done("feed", "publish", "--as", "whoever")
