"""Fixtures for everything that changes a configuration tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.adapters.iis_tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A configuration tree without any rewrite rule."""
    return Tree(tmp_path / "machine")
