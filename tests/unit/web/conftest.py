"""What tests of the doors share."""

from __future__ import annotations

import pytest

from tests.programs import Programs


@pytest.fixture
def programs() -> Programs:
    """A private surface with its API, in memory."""
    return Programs()
