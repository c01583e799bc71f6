"""Changing application pools of an IIS server."""

from __future__ import annotations

from pathlib import Path

from feedsrv.agent.adapters.runner import Runner
from feedsrv.agent.ports import AdapterError, Sight, Target, Undo


class AppPools:
    """One kind of change to a server."""

    def __init__(self, config_root: Path, runner: Runner) -> None:
        self._config_root = config_root
        self._runner = runner

    def look(self, target: Target) -> Sight:
        """Say what is there now."""
        raise AdapterError(f"{target.rule_name}: application pools cannot be changed yet")

    def capture(self, target: Target) -> Undo:
        """Return how to get back."""
        raise AdapterError(f"{target.rule_name}: application pools cannot be changed yet")

    def apply(self, target: Target) -> None:
        """Make the change."""
        raise AdapterError(f"{target.rule_name}: application pools cannot be changed yet")

    def undo(self, target: Target, undo: Undo) -> None:
        """Take the change back."""
        raise AdapterError(f"{target.rule_name}: application pools cannot be changed yet")

    def foretell(self, target: Target) -> str:
        """Say what would be changed, and where."""
        raise AdapterError(f"{target.rule_name}: application pools cannot be changed yet")
