from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from feedsrv.signing.fitness import check_fit
from feedsrv.signing.signer import SigningError
from feedsrv.trust.profile import CODE_SIGNING, EKU, Kind
from tests.pki import POLICY_OID, Pki


@pytest.mark.parametrize("kind", Kind)
def test_a_good_signer_fits_its_own_kind_only(pki: Pki, kind: Kind) -> None:
    """The feed key is refused for mitigations before it signs one, and the other way round."""
    other = next(one for one in Kind if one is not kind)

    check_fit(pki.signer(kind), kind, at=pki.at)

    with pytest.raises(SigningError) as refused:
        check_fit(pki.signer(kind), other, at=pki.at)
    assert refused.value.code == "signing.wrong_usage"


def test_usages_of_the_publishers_own_arc_fit(pki: Pki) -> None:
    """Where the settings name other OIDs, those are asked for."""
    own = {**EKU, Kind.FEED: POLICY_OID}
    leaf: dict[str, Any] = {"extended": (POLICY_OID, CODE_SIGNING)}

    check_fit(pki.signer(Kind.FEED, ca={"extended": (POLICY_OID,)}, leaf=leaf), Kind.FEED, at=pki.at, eku=own)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("leaf-expired", "signing.expired"),
        ("leaf-not-yet-valid", "signing.expired"),
        ("ca-expired", "signing.expired"),
        ("eku-absent", "signing.wrong_usage"),
        ("eku-any", "signing.wrong_usage"),
        ("eku-server-auth", "signing.wrong_usage"),
        ("ca-eku-absent", "signing.wrong_usage"),
        ("leaf-without-key-usage", "signing.wrong_usage"),
        ("leaf-cannot-sign", "signing.wrong_usage"),
        ("leaf-is-ca", "signing.wrong_usage"),
        ("ca-is-no-ca", "signing.wrong_usage"),
    ],
)
def test_a_signer_that_nobody_would_believe_is_refused_before_it_signs(pki: Pki, bad: str, code: str) -> None:
    """The operator hears of it first, with the certificate's name and what to do."""
    with pytest.raises(SigningError, match="Example Software") as refused:
        check_fit(pki.signer(Kind.FEED, bad), Kind.FEED, at=pki.at)

    assert refused.value.code == code


def test_a_signer_with_more_usages_than_ours_is_refused(pki: Pki) -> None:
    """Receivers refuse it, so there is no use in signing."""
    signer = pki.signer(Kind.FEED, None, leaf={"extended": tuple(EKU.values())})

    with pytest.raises(SigningError, match="beside"):
        check_fit(signer, Kind.FEED, at=pki.at)


def test_a_signer_that_ends_is_refused_from_then_on(pki: Pki) -> None:
    """At the stated time, not at this machine's."""
    end = pki.signer(Kind.FEED).chain[0].not_valid_after_utc

    check_fit(pki.signer(Kind.FEED), Kind.FEED, at=end)

    with pytest.raises(SigningError, match="renew it"):
        check_fit(pki.signer(Kind.FEED), Kind.FEED, at=end + timedelta(seconds=1))


def test_a_leaf_alone_is_refused(pki: Pki) -> None:
    """No receiver could build the chain."""
    signer = pki.signer(Kind.FEED)

    with pytest.raises(SigningError, match="issuing CA"):
        check_fit(type(signer)(signer.name, signer.chain[:1], signer.private_key), Kind.FEED, at=pki.at)
