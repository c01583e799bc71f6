"""The in-memory server of these tests is a verified fake: it keeps every promise of an adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from feedsrv.agent.ports import Target
from feedsrv.model.action import Action, AppPool, UrlRewrite
from tests.contract.adapter_contract import AdapterBench, AdapterContract, NamelessAdapterContract
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
        """Change our rule, or start the pool."""
        match self.action:
            case UrlRewrite() as rewrite:
                self._spot(rewrite)[self.target.rule_name] = "something else"
            case AppPool(pool=name):
                self.adapter.stopped.discard(name)
            case _:
                return False
        return True

    def occupy(self) -> bool:
        """Take our name."""
        if not isinstance(self.action, UrlRewrite):
            return False
        self._spot(self.action)[self.target.rule_name] = "something foreign"
        return True

    def _spot(self, action: UrlRewrite) -> dict[str, str]:
        return self.adapter.rules.setdefault(f"{action.direction} {action.place}", {})


class TestMemoryRules(AdapterContract):
    """Rules in memory."""

    @pytest.fixture
    def bench(self) -> AdapterBench:
        """A rule that is not there yet."""
        return MemoryBench(rule())


class TestMemoryPools(NamelessAdapterContract):
    """Pools in memory."""

    @pytest.fixture
    def bench(self) -> AdapterBench:
        """A pool that runs."""
        return MemoryBench(pool())
