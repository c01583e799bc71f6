"""One test PKI for all tests of this room: nothing changes it."""

from __future__ import annotations

import pytest

from tests.pki import Pki


@pytest.fixture(scope="session")
def pki() -> Pki:
    """A publisher's PKI in memory."""
    return Pki()
