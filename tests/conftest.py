"""What every test may ask for, and the last word of a run: what this machine could not run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import pytest

MISSING: Final = "missing on this machine:"
"""How a test begins the reason of a skip when a program or a right is absent."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that was skipped: a hole that nobody sees is worse than a red line."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("not run on this machine")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _what_is_logged_is_no_other_tests_doing() -> None:
    """A command that is called in this process sets the level for itself; the next test has the usual one."""
    logging.getLogger().setLevel(logging.WARNING)
