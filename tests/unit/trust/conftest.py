"""One bench for all tests of this room: nothing changes it."""

from __future__ import annotations

import pytest

from tests.unit.trust.cases import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    """A publisher and a receiver who trusts it."""
    return Bench()
