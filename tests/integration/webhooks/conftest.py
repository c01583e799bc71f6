from __future__ import annotations

from collections.abc import Iterator

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.wiring import posting
from tests.posting import Post
from tests.receiver import Receiver


@pytest.fixture
def post() -> Post:
    """An office whose administrator, anna, adds webhooks."""
    made = Post()
    made.office.add("anna", Role.ADMINISTRATOR)
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program on this machine."""
    with Receiver().serving() as serving:
        yield serving


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for everything."""
    monkeypatch.setattr(posting, "LONGEST", 0.5)
