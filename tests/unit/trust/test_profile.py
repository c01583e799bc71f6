from __future__ import annotations

import re
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from feedsrv.errors import BadInputError
from feedsrv.trust.profile import (
    ANY_USAGE,
    CLIENT_AUTH,
    CODE_SIGNING,
    EKU,
    ISSUERS,
    KEY_USAGES,
    PROFILES,
    SERVER_AUTH,
    SIGNERS,
    TIME_STAMPING,
    KeyKind,
    Kind,
    Role,
    UnknownRoleError,
    fingerprint,
    role_at,
    role_of,
    spki_id,
    usage_names,
)
from tests.pki import key
from tests.unit.trust.cases import Bench


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
        assert not profile.forbidden & (profile.key_usage | profile.tolerated)
        assert profile.key_usage | profile.tolerated | profile.forbidden <= set(KEY_USAGES)
        assert profile.key_kinds
        assert set(profile.key_kinds) <= set(KeyKind)


def test_every_role_but_a_root_has_exactly_one_purpose() -> None:
    """Issuing CAs too: another CA under the same root cannot make signers that are believed."""
    for role, profile in PROFILES.items():
        assert len(profile.extended_key_usage) == (0 if role is Role.ROOT else 1)
        assert ANY_USAGE not in profile.extended_key_usage | (profile.extended_tolerated or frozenset())
    for kind in Kind:
        for role in (SIGNERS[kind], ISSUERS[kind]):
            assert PROFILES[role].extended_key_usage == PROFILES[role].usages() == {EKU[kind]}
            assert PROFILES[role].usages({kind: CODE_SIGNING}) == {CODE_SIGNING}
    assert PROFILES[Role.TLS_SERVER].usages({}) == {SERVER_AUTH}
    assert PROFILES[Role.TLS_AGENT].usages({}) == {CLIENT_AUTH}


def test_a_time_stamps_purpose_is_critical_and_alone_and_no_other_is() -> None:
    """RFC 3161 wants it so; elsewhere some programs refuse a critical one."""
    stamping = PROFILES[Role.TIME_STAMPING]

    assert stamping.extended_key_usage == {TIME_STAMPING}
    assert stamping.extended_tolerated == frozenset()
    assert [role for role, profile in PROFILES.items() if profile.extended_critical] == [Role.TIME_STAMPING]


def test_a_certificate_lives_shorter_than_its_issuer() -> None:
    """So that no chain is cut off from above; the feed key, which is online, lives shortest."""
    for kind in Kind:
        leaf, issuer, root = (PROFILES[role_at(place, kind)].lifetime for place in range(3))
        assert leaf < issuer < root
    assert PROFILES[Role.FEED_SIGNER].lifetime < PROFILES[Role.MITIGATION_SIGNER].lifetime
    assert max(profile.lifetime for profile in PROFILES.values()) == PROFILES[Role.ROOT].lifetime


def test_a_role_is_named_by_a_slug_in_commands() -> None:
    """There and back; slugs are words that a shell leaves alone."""
    for role in Role:
        assert role_of(role.slug) is role
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", role.slug)


@pytest.mark.parametrize("slug", ["", "feed", "Feed-Signer", "feed signer", "x" * 1000])
def test_a_role_that_does_not_exist_is_refused_with_those_that_do(slug: str) -> None:
    """And what was typed is not repeated at any length."""
    with pytest.raises(UnknownRoleError, match="root, mitigation-ca, feed-ca") as refused:
        role_of(slug)

    assert isinstance(refused.value, BadInputError)
    assert len(str(refused.value)) < 300


def test_keys_and_certificates_are_named_by_their_digests(bench: Bench) -> None:
    """A renewed certificate has another name, its key the same one."""
    leaf = bench.chain()[0]
    public = key("feed-leaf").public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert fingerprint(leaf) == leaf.fingerprint(SHA256()).hex()
    assert spki_id(leaf.public_key()) == spki_id(public) == sha256(spki).hexdigest()


def test_key_usages_are_told_in_the_words_of_x509() -> None:
    """As every other tool calls them."""
    assert usage_names({"crl_sign", "digital_signature"}) == "cRLSign, digitalSignature"
    assert usage_names(set()) == "none"
