from __future__ import annotations

import pytest

from tests.desk import Desk
from tests.publisher import CATALOGUE


@pytest.fixture
def desk() -> Desk:
    """A desk with a catalogue on it."""
    desk = Desk()
    desk.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    return desk
