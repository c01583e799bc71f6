"""Rewrite rules, asked what every adapter is asked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from feedsrv.agent.ports import Adapter, Target
from feedsrv.model.action import UrlRewrite
from tests.contract.adapter_contract import AdapterBench, AdapterContract
from tests.unit.agent.adapters.iis_tree import OWA, SERVER, SITE, Tree, inbound, outbound, target

KINDS = {
    "inbound, server": inbound(SERVER),
    "inbound, site": inbound(SITE),
    "inbound, application": inbound(OWA),
    "outbound, server": outbound(SERVER),
    "outbound, application": outbound(OWA),
}


@dataclass(frozen=True)
class RewriteBench:
    """A rule and the file it is written to."""

    tree: Tree
    adapter: Adapter
    target: Target

    def snapshot(self) -> object:
        """The file's bytes."""
        return self.tree.host.read_bytes()

    def spoil(self) -> bool:
        """Somebody makes the rule look for something else."""
        self._change(b'type="AbortRequest"', b'type="None"', b"'none'", b"'self'")
        return True

    def occupy(self) -> bool:
        """Somebody has a rule of our name that does something else."""
        self.adapter.apply(self.target)
        return self.spoil()

    def _change(self, *pairs: bytes) -> None:
        raw = self.tree.host.read_bytes()
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            raw = raw.replace(old, new)
        self.tree.host.write_bytes(raw)


class TestRewriteRulesKeepThePromises(AdapterContract):
    """Every kind of rule at every kind of place."""

    @pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
    def bench(self, tree: Tree, request: pytest.FixtureRequest) -> AdapterBench:
        """One kind of rule, on a server without any."""
        action = request.param
        assert isinstance(action, UrlRewrite)
        return RewriteBench(tree, tree.rewrite, target(action))
