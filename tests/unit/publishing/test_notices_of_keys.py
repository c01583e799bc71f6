"""What people hear of keys: every act that matters, and no refused one."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedsrv.errors import FeedsrvError
from feedsrv.trust.profile import Role
from tests.own_keys import KeyHouse


def heard(house: KeyHouse) -> list[tuple[str, str]]:
    """Every notice: its kind and its sentence, oldest first."""
    with house.store.look() as work:
        return [(one.kind, one.sentence) for one in work.notices.after(0, 100)]


def test_a_keys_life_is_told_act_by_act(tmp_path: Path) -> None:
    """Requested, issued, put to use, revoked; whoever reads it knows who and which."""
    house = KeyHouse(tmp_path)
    house.furnish()
    before = len(heard(house))
    new = house.issued(Role.FEED_SIGNER, "new")
    house.desk.use(new.id, by="ben")
    house.desk.revoke(new.id, reason="key_compromise", by="ben")

    told = heard(house)[before:]

    assert [kind for kind, _ in told] == ["key.changed"] * (len(told) - 1) + ["key.revoked"]
    assert told[-1][1].startswith("ben revoked ")
    assert "ben put to use:" in told[-2][1]
    assert any("requested a certificate" in sentence for _, sentence in told)


def test_what_was_refused_is_no_news(tmp_path: Path) -> None:
    """It stands in the audit log; nothing changed."""
    house = KeyHouse(tmp_path)
    house.furnish()
    before = heard(house)

    with pytest.raises(FeedsrvError):
        house.desk.use("00" * 32, by="ben")

    assert heard(house) == before
