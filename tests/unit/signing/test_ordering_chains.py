from __future__ import annotations

from itertools import permutations

import pytest
from cryptography import x509

from feedsrv.signing.issuing import Authority, cross_certify, issue
from feedsrv.signing.ordering import (
    KeyAmbiguousError,
    KeyChainIncompleteError,
    KeyNoMatchError,
    order_chain,
)
from feedsrv.trust.profile import Role, spki_id
from tests.authorities import NOW, make_ca, make_root
from tests.pki import key

_MINE = key("mine", "p256").public_key()


def _leaf(ca: Authority, name: str = "mine") -> x509.Certificate:
    public_key = key(name, "p256").public_key()
    return issue(Role.FEED_SIGNER, public_key, ca, organisation="Example", now=NOW)


def test_any_order_becomes_the_one_order() -> None:
    """The key's own certificate, its issuer, the root; whatever stands beside is left out."""
    root = make_root()
    ca = make_ca(Role.FEED_CA, root)
    leaf = _leaf(ca)
    stranger = make_root("stranger").certificate
    wanted = (leaf, ca.certificate, root.certificate)

    for order in permutations((*wanted, stranger)):
        assert order_chain(order, _MINE, source="a") == wanted


def test_a_chain_may_end_below_the_root() -> None:
    """Which others pin."""
    ca = make_ca(Role.FEED_CA, make_root())
    leaf = _leaf(ca)

    assert order_chain([ca.certificate, leaf], _MINE, source="a") == (leaf, ca.certificate)


def test_a_ca_alone_is_whole() -> None:
    """Its root may be pinned by everybody already."""
    ca = make_ca(Role.FEED_CA, make_root())

    found = order_chain([ca.certificate], key(Role.FEED_CA.slug, "p256").public_key(), source="a")

    assert found == (ca.certificate,)


def test_a_second_certificate_of_the_issuers_key_comes_last() -> None:
    """Under another root; the one whose root is here leads the chain."""
    old, new = make_root("old"), make_root("new")
    ca = make_ca(Role.FEED_CA, old)
    twin = cross_certify(ca.certificate, new, now=NOW)
    leaf = _leaf(ca)

    for order in permutations([leaf, ca.certificate, twin, new.certificate]):
        assert order_chain(order, _MINE, source="a") == (leaf, twin, new.certificate, ca.certificate)


def test_roots_that_certify_each_other_end_somewhere() -> None:
    """No certificate is used twice."""
    one, two = make_root("one"), make_root("two")
    ca = make_ca(Role.FEED_CA, one)
    around = [cross_certify(one.certificate, two, now=NOW), cross_certify(two.certificate, one, now=NOW)]
    leaf = _leaf(ca)

    found = order_chain([*around, ca.certificate, leaf], _MINE, source="a")

    assert found[:2] == (leaf, ca.certificate)
    assert set(found[2:]) == set(around)


def test_a_missing_issuer_is_named() -> None:
    """So that the operator can ask for it."""
    leaf = _leaf(make_ca(Role.FEED_CA, make_root()))

    with pytest.raises(
        KeyChainIncompleteError, match=r"a\.pem: the certificate of 'CN=.*issuing CA for feeds"
    ):
        order_chain([leaf, make_root("stranger").certificate], _MINE, source="a.pem")


def test_a_ca_of_the_right_name_with_another_key_is_told_apart() -> None:
    """It did not sign; a CA that was given a new key is the usual reason."""
    root = make_root()
    leaf = _leaf(make_ca(Role.FEED_CA, root))
    rekeyed = make_ca(Role.FEED_CA, root, name="another key")

    with pytest.raises(KeyChainIncompleteError, match="did not sign it"):
        order_chain([leaf, rekeyed.certificate], _MINE, source="a.pem")


def test_a_key_without_a_certificate_is_refused() -> None:
    """The message tells the key, and which certificates there are."""
    ca = make_ca(Role.FEED_CA, make_root())
    other = _leaf(ca, "other")

    with pytest.raises(KeyNoMatchError, match=spki_id(_MINE)) as refused:
        order_chain([other, ca.certificate], _MINE, source="a")

    assert "CN=Example feed signer" in str(refused.value)


def test_two_certificates_of_one_key_are_ambiguous() -> None:
    """One that was renewed, and the one before it."""
    ca = make_ca(Role.FEED_CA, make_root())

    with pytest.raises(KeyAmbiguousError, match="2 certificates are for the same key"):
        order_chain([_leaf(ca), _leaf(ca), ca.certificate], _MINE, source="a")
