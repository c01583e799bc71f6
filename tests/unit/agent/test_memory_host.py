"""The in-memory server of these tests is a verified fake: it keeps every promise of an adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from feedsrv.agent.ports import Target
from feedsrv.model.action import Action, UrlRewrite
from tests.contract.adapter_contract import AdapterBench, AdapterContract
from tests.unit.agent.making import pool, rule
from tests.unit.agent.memory_host import MemoryHost


@dataclass
class MemoryBench:
    """A memory host and one target."""

    action: Action
    adapter: MemoryHost = field(default_factory=MemoryHost)

    @property
    def target(self) -> Target:
        """What is to be put there."""
        return Target("M0001", 1, self.action, "feedsrv M0001.A1 test")

    def snapshot(self) -> object:
        """Everything there."""
        return self.adapter.snapshot()

    def spoil(self) -> bool:
        """Change our rule."""
        return self._write("something else")

    def occupy(self) -> bool:
        """Take our name."""
        return self._write("something foreign")

    def _write(self, what: str) -> bool:
        if not isinstance(self.action, UrlRewrite):
            return False
        self.adapter.rules.setdefault(f"{self.action.direction} {self.action.place}", {})[
            self.target.rule_name
        ] = what
        return True


class TestMemoryRules(AdapterContract):
    """Rules in memory."""

    @pytest.fixture
    def bench(self) -> AdapterBench:
        """A rule that is not there yet."""
        return MemoryBench(rule())


class TestMemoryPools(AdapterContract):
    """Pools in memory."""

    @pytest.fixture
    def bench(self) -> AdapterBench:
        """A pool that runs."""
        return MemoryBench(pool())
