"""What the private surface does for whoever is not signed in: little, and soon."""

from __future__ import annotations

import pytest

from feedsrv.model.lifecycle import Role
from tests.surface import Surface

MUCH = 128 * 1024 + 1
"""Bytes; more than who signs in has to say."""


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/signin", "/publish", "/mitigations/new", "/nothing"])
def test_much_of_a_stranger_is_refused_unread(path: str, kind: str) -> None:
    """Taking four million percent signs apart keeps a thread busy for seconds."""
    surface = Surface.in_memory()

    answer = surface.client(None).post(path, data=b"%" * MUCH, content_type=kind)

    assert answer.status_code == 413


def test_much_of_somebody_who_is_signed_in_is_read() -> None:
    """Words of a mitigation are long; what is wrong with this form is something else."""
    surface = Surface.in_memory()

    answer = surface.client("anna", Role.AUTHOR).post("/mitigations/new", data={"notes": "x" * MUCH})

    assert answer.status_code == 403
    assert "nothing was changed" in answer.text
