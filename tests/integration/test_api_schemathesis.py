"""The API against its own description, asked by schemathesis in thousands of ways.

`API_TEST_SECONDS` says for how many seconds each set of roles is asked, and `API_TEST_SEED`
where chance begins: the same place each time, unless somebody looks for more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from feedsrv.model.lifecycle import Role
from tests.e2e.browsing import served
from tests.programs import ROOT, Programs
from tests.unit.web.api_server import furnished

SECONDS = int(os.environ.get("API_TEST_SECONDS", "15"))
SEED = os.environ.get("API_TEST_SEED", "20261122")
SPARE = 30
"""Tokens that are there to be revoked: small numbers are tried first."""
# Whoever keeps to the shapes of the description is never told that a shape is wrong (422); that something
# cannot be, is not there, or has changed, depends on more than shapes.
CONFIGURATION = """
hooks = "{hooks}"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 428]
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """A service with something of everything in it."""
    programs = furnished(tmp_path / "house")
    for _ in range(SPARE):
        programs.token("spare", Role.AUTHOR)
    return programs


@pytest.mark.parametrize(
    "roles",
    [tuple(Role), (Role.AUTHOR,), (Role.REVIEWER, Role.AUDITOR), ()],
    ids=["all", "author", "two", "none"],
)
def test_schemathesis_finds_nothing(programs: Programs, tmp_path: Path, roles: tuple[Role, ...]) -> None:
    """No status, header or body that the description does not say, no 5xx, nothing bad accepted."""
    token = programs.token("somebody", *(roles or (Role.AUTHOR,)), scope=frozenset(roles))
    configuration = tmp_path / "schemathesis.toml"
    hooks = Path(__file__).with_name("api_hooks.py")
    configuration.write_text(CONFIGURATION.format(hooks=hooks), encoding="utf-8")
    root = programs.people.at_command_line(ROOT)
    known = " ".join(one.fingerprint for one in programs.desk.keys(root).list())

    paths = programs.app.test_client().get("/api/openapi.json").get_json()["paths"]
    count = sum(len(methods) for methods in paths.values())

    with served(programs.app) as address:
        found = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "--config-file",
                configuration,
                "run",
                f"{address}/api/openapi.json",
                "--header",
                f"Authorization: Bearer {token}",
                "--max-time",
                str(SECONDS),
                "--seed",
                SEED,
                "--generation-database",
                "none",
                "--no-color",
                # The only header that is needed is the token's, which is given here for every request: where
                # this check means to leave it out, it is sent all the same. `ignored_auth` asks that better.
                "--exclude-checks",
                "missing_required_header",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"KNOWN_FINGERPRINTS": known},
            timeout=SECONDS * 10 + 120,
        )

    assert found.returncode == 0, found.stdout + found.stderr
    assert f"Tested: {count}" in found.stdout
