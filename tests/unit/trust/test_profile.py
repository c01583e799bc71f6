from __future__ import annotations

from feedsrv.trust.profile import EKU, ISSUERS, PROFILES, SIGNERS, Kind, Role, role_at


def test_usages_are_our_own_and_different() -> None:
    """No arc of 2^24 or more: older .NET does not find such an OID in a certificate."""
    texts = [EKU[kind].dotted_string for kind in Kind]

    assert len(set(texts)) == len(texts)
    assert all(int(arc) < 2**24 for text in texts for arc in text.split("."))


def test_every_role_has_a_profile_and_every_kind_its_roles() -> None:
    """A role that is added must be described; what is needed is also issued, what is forbidden is not."""
    assert set(PROFILES) == set(Role)
    for kind in Kind:
        assert PROFILES[SIGNERS[kind]].kind is kind
        assert PROFILES[ISSUERS[kind]].kind is kind
        assert PROFILES[ISSUERS[kind]].is_ca
        assert not PROFILES[SIGNERS[kind]].is_ca
    for profile in PROFILES.values():
        assert profile.needed <= profile.key_usage
        assert not profile.forbidden & profile.key_usage


def test_a_certificate_lives_shorter_than_its_issuer() -> None:
    """So that no chain is cut off from above; the feed key, which is online, lives shortest."""
    for kind in Kind:
        leaf, issuer, root = (PROFILES[role_at(place, kind)].lifetime for place in range(3))
        assert leaf < issuer < root
    assert PROFILES[Role.FEED_SIGNER].lifetime < PROFILES[Role.MITIGATION_SIGNER].lifetime
