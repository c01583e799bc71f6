"""When a signer's chain ends, where its CA is certified under two roots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from feedsrv.signing.fitness import SignerExpiredError, check_fit
from feedsrv.signing.signer import chain_ends, ends
from feedsrv.trust.profile import Kind
from tests.rotation import make_ca, make_root, make_signer, make_voucher

AT: Final = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)


def test_the_last_certificate_of_one_ca_counts() -> None:
    """A bridge to an old root that ends soon cuts nothing short."""
    old = make_root("Example Root 1", AT, lifetime=20 * DAY)
    ca = make_ca(Kind.FEED, make_root("Example Root 2", AT), AT)
    signer = make_signer(Kind.FEED, ca, AT, beside=[make_voucher(ca, old, AT)])

    assert ends(signer) == signer.chain[0].not_valid_after_utc
    assert chain_ends(signer.chain[:1] + signer.chain[2:]) == AT + 20 * DAY
    check_fit(signer, Kind.FEED, at=AT + 30 * DAY)
    with pytest.raises(SignerExpiredError):
        check_fit(signer, Kind.FEED, at=signer.chain[0].not_valid_after_utc + DAY)
