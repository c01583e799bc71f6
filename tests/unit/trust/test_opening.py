from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from lxml import etree
from signxml.verifier import XMLVerifier

from feedsrv.model.feed import digest_of
from feedsrv.model.mitigation import PRODUCTION
from feedsrv.trust.opening import TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import CODE_SIGNING, EKU, Kind
from feedsrv.trust.refusals import ExpiredFeedError, UntrustedError
from feedsrv.trust.verifying import verify_document
from tests.pki import ORGANISATION, POLICY_OID, Pki, sample_feed
from tests.unchecked import sign_unchecked
from tests.unit.trust.cases import Bench


class TestOpeningFeeds:
    """A genuine, fresh feed is read; what was trusted before decides what is fresh."""

    def test_a_genuine_feed_gives_its_words_its_proof_and_its_digest(self, bench: Bench) -> None:
        """Words, signer, anchor and the digest of the bytes as they came."""
        opened = bench.open(bench.signed, organisation=ORGANISATION, policy_oid=POLICY_OID)

        leaf, ca, root = bench.chain()
        assert opened.feed == bench.feed
        assert opened.digest == digest_of(bench.signed)
        assert (opened.proof.leaf, opened.proof.chain, opened.proof.anchor) == (leaf, (leaf, ca), root)
        assert opened.proof.issuer == ca
        assert opened.proof.ends == leaf.not_valid_after_utc
        assert opened.trusted == TrustedFeed("exchange-2019", "production", 7, digest_of(bench.signed))

    @pytest.mark.parametrize("version", [1, 5])
    def test_a_feed_may_skip_versions(self, bench: Bench, version: int) -> None:
        """A receiver that slept sees only the newest; it cannot know what lay between."""
        opened = bench.open(
            bench.signed, trusted=bench.trusted(version=version, digest=digest_of(b"long ago"))
        )

        assert opened.feed.version == 7

    def test_the_feed_that_is_trusted_may_be_opened_again(self, bench: Bench) -> None:
        """Same version, same bytes: nothing to refuse."""
        assert bench.open(bench.signed, trusted=bench.trusted()).feed == bench.feed

    def test_the_next_version_names_the_one_before(self, bench: Bench) -> None:
        """Version 7 follows on the very version 6 that is trusted."""
        trusted = bench.trusted(version=6, digest=digest_of(b"version 6"))

        assert bench.open(bench.signed, trusted=trusted).feed == bench.feed

    def test_another_history_is_told_and_is_no_reason_to_stay_behind(self, bench: Bench) -> None:
        """Whoever was once given a false version 6 must not refuse the genuine version 7 for it."""
        trusted = bench.trusted(version=6, digest=digest_of(b"another version 6"))

        opened = bench.open(bench.signed, trusted=trusted)

        assert opened.feed == bench.feed
        assert opened.doubt is not None
        assert opened.doubt.code == "feed.forked"
        assert trusted.digest in str(opened.doubt)

    @pytest.mark.parametrize("version", [5, 6, 7])
    def test_a_history_that_goes_on_leaves_no_doubt(self, bench: Bench, version: int) -> None:
        """The next version, the same one, or one after a gap."""
        digest = digest_of(b"version 6") if version < 7 else digest_of(bench.signed)

        assert bench.open(bench.signed, trusted=bench.trusted(version=version, digest=digest)).doubt is None

    def test_a_feed_may_expire_together_with_its_certificate(self, bench: Bench) -> None:
        """That is what a publisher signs whose certificate is about to end."""
        ends = bench.chain()[0].not_valid_after_utc
        data = bench.pki.sign_feed(replace(bench.feed, expires=ends))

        assert bench.open(data).feed.expires == ends

    def test_an_expired_feed_can_still_be_looked_at(self, bench: Bench) -> None:
        """Expiry is reported; it is no reason to forget what the feed says."""
        with pytest.raises(ExpiredFeedError) as refused:
            bench.open(bench.signed, at=bench.feed.expires)

        assert refused.value.feed == bench.feed

    def test_an_expired_replay_is_called_a_replay(self, bench: Bench) -> None:
        """Whoever looks into the expired feed must know that nothing else is wrong with it."""
        with pytest.raises(UntrustedError) as refused:
            bench.open(bench.signed, at=bench.feed.expires, trusted=bench.trusted(version=8))

        assert refused.value.code == "feed.stale"


class TestOpeningMitigations:
    """A genuine mitigation is read, if it is the one that the feed means."""

    def test_the_mitigation_that_the_feed_names_is_read(self, bench: Bench) -> None:
        """Size, digest, id, revision, channel and product all fit."""
        opened = bench.open_mitigation(
            bench.signed_mitigation,
            entry=bench.entry(),
            channel="production",
            product="exchange-2019",
            held_revision=2,
        )

        assert opened.mitigation == bench.mitigation
        assert opened.digest == bench.entry().digest
        assert opened.proof.kind is Kind.MITIGATION

    def test_a_production_mitigation_is_welcome_in_every_channel(self, bench: Bench) -> None:
        """What is good enough for production is good enough for a preview."""
        opened = bench.open_mitigation(bench.signed_mitigation, channel="preview")

        assert opened.mitigation.channel == PRODUCTION

    def test_a_preview_mitigation_is_read_in_its_own_channel(self, bench: Bench) -> None:
        """The channel that it was signed for."""
        data = bench.mitigation_with(channel="preview")

        assert bench.open_mitigation(data, channel="preview").mitigation.channel == "preview"

    def test_a_mitigation_held_before_may_cease_to_name_the_product(self, bench: Bench) -> None:
        """That is how it is taken back on that product; refusing it would keep the old one for ever."""
        opened = bench.open_mitigation(bench.signed_mitigation, product="exchange-2016", held_revision=1)

        assert "exchange-2016" not in opened.mitigation.products


class TestManyGoodShapes:
    """What other honest tools may do to a document or a chain does not matter."""

    def test_the_order_of_certificates_does_not_matter(self, bench: Bench) -> None:
        """Leaf first, last or in the middle; the root beside them or not."""
        leaf, ca, root = bench.chain()

        for order in ((ca, leaf), (leaf, ca, root), (root, ca, leaf), (ca, leaf, root), (leaf, ca, ca)):
            assert bench.open(bench.with_certificates(*order)).feed == bench.feed

    @pytest.mark.parametrize(
        "kinds", [("p256", "p256", "p256"), ("rsa2048", "p384", "p256"), ("p256", "rsa3072", "rsa3072")]
    )
    def test_elliptic_curves_are_accepted(self, bench: Bench, kinds: tuple[str, str, str]) -> None:
        """P-256 and P-384, mixed with RSA as a publisher likes."""
        root, ca, leaf = ({"key_kind": kind} for kind in kinds)
        chain = bench.pki.certificates(Kind.FEED, None, root=root, ca=ca, leaf=leaf)
        signer = bench.pki.signer(Kind.FEED, None, root=root, ca=ca, leaf=leaf)
        data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

        assert open_feed(data, TrustPolicy((chain["root"],)), at=bench.at).feed == bench.feed

    def test_a_default_namespace_signature_is_accepted(self, bench: Bench) -> None:
        """`<Signature xmlns=...>` instead of `<ds:Signature>`."""
        data = bench.shaped(prefix=None)

        assert b"<Signature xmlns=" in data
        assert bench.open(data).feed == bench.feed

    def test_a_file_converted_to_crlf_is_accepted(self, bench: Bench) -> None:
        """An editor or an FTP client may do that; the digest in the feed would still tell."""
        data = bench.signed.replace(b"\n", b"\r\n")

        assert data != bench.signed
        assert bench.open(data).feed == bench.feed

    def test_a_comment_before_the_root_is_accepted_and_not_read(self, bench: Bench) -> None:
        """Comments are outside what is signed, and outside what is read."""
        data = bench.altered(b"<Feed ", b"<!-- kept by a mirror --><Feed ")

        assert bench.open(data).feed == bench.feed

    def test_white_space_around_the_signature_is_accepted(self, bench: Bench) -> None:
        """A line end after it, and one after the document."""
        data = bench.altered(b"</Feed>", b"</Feed>\n\n")

        assert bench.open(data).feed == bench.feed

    def test_code_signing_may_stand_beside_our_usage(self, bench: Bench) -> None:
        """Some CAs will not issue a document signer without it."""
        signer = bench.pki.signer(Kind.FEED, leaf={"extended": (EKU[Kind.FEED], CODE_SIGNING)})

        data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

        assert bench.open(data).feed == bench.feed

    def test_a_publisher_may_use_usages_of_its_own(self, bench: Bench) -> None:
        """The OIDs are the policy's; the built-in ones then count for nothing."""
        own = {Kind.FEED: POLICY_OID, Kind.MITIGATION: CODE_SIGNING}
        signer = bench.pki.signer(Kind.FEED, ca={"extended": (POLICY_OID,)}, leaf={"extended": (POLICY_OID,)})
        data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

        assert bench.open(data, eku=own).feed == bench.feed
        with pytest.raises(UntrustedError, match=re.escape(POLICY_OID.dotted_string)):
            bench.open(bench.signed, eku=own)

    def test_two_anchors_may_be_pinned_while_a_publisher_rotates(self, bench: Bench) -> None:
        """Documents under the old root and the new one are both accepted."""
        changes = {"root": {"common_name": "next root", "key_name": "next-root"}}
        following = bench.pki.certificates(Kind.FEED, None, **changes)["root"]
        signer = bench.pki.signer(Kind.FEED, None, **changes)
        both = TrustPolicy((*bench.pki.policy().anchors, following))

        for data in (bench.signed, sign_unchecked(bench.unsigned, signer.private_key, signer.chain)):
            assert open_feed(data, both, at=bench.at).feed == bench.feed

    def test_an_issuing_ca_renewed_beside_its_expired_self_is_accepted(self, bench: Bench) -> None:
        """Two certificates of one CA: one good path is enough."""
        leaf, ca, _ = bench.chain()
        old = bench.pki.certificates(Kind.FEED, "ca-expired")["ca"]

        assert bench.open(bench.with_certificates(leaf, old, ca)).proof.issuer == ca


class TestTwoRoots:
    """The issuing CA's key certified by two roots, so that a publisher can change its root."""

    OTHER: Final[dict[str, Any]] = {"root": {"common_name": "next root", "key_name": "next-root"}}

    @pytest.mark.parametrize("turned", [False, True], ids=["old first", "next first"])
    @pytest.mark.parametrize("roots_too", [False, True], ids=["", "with roots"])
    def test_whoever_pins_either_root_accepts(self, bench: Bench, turned: bool, roots_too: bool) -> None:
        """Whatever the order of the two, with the roots in the document or not."""
        leaf, ca, root = bench.chain()
        following = bench.pki.certificates(Kind.FEED, None, **self.OTHER)
        pairs = [(ca, root), (following["ca"], following["root"])]
        beside = [one for pair in (pairs[::-1] if turned else pairs) for one in pair[: 2 if roots_too else 1]]
        data = bench.with_certificates(leaf, *beside)

        for issuer, anchor in pairs:
            opened = open_feed(data, TrustPolicy((anchor,)), at=bench.at)
            assert (opened.proof.issuer, opened.proof.anchor) == (issuer, anchor)

    def test_whoever_pins_neither_refuses(self, bench: Bench) -> None:
        """Two roots that nobody knows are worth no more than one."""
        leaf, ca, _ = bench.chain()
        following = bench.pki.certificates(Kind.FEED, None, **self.OTHER)
        data = bench.with_certificates(leaf, ca, following["ca"])
        stranger = Pki(organisation="Somebody Else").policy()

        with pytest.raises(UntrustedError) as refused:
            open_feed(data, stranger, at=bench.at)

        assert refused.value.code == "trust.anchor_unknown"

    def test_one_of_the_two_may_be_bad(self, bench: Bench) -> None:
        """Whoever pins both takes the good one; whoever pins the bad one's root alone refuses."""
        leaf, ca, root = bench.chain()
        changes: dict[str, Any] = {**self.OTHER, "ca": {"extended": None}}
        following = bench.pki.certificates(Kind.FEED, None, **changes)
        data = bench.with_certificates(leaf, following["ca"], ca)

        assert open_feed(data, TrustPolicy((following["root"], root)), at=bench.at).proof.issuer == ca
        with pytest.raises(UntrustedError) as refused:
            open_feed(data, TrustPolicy((following["root"],)), at=bench.at)
        assert refused.value.code == "trust.issuer_eku_missing"


@pytest.mark.parametrize("which", ["leaf", "ca", "root"])
def test_certificate_policies_may_be_critical(bench: Bench, which: str) -> None:
    """They limit nothing for a receiver who asks for none; the issuing CA's are still looked at."""
    changes = {which: {"policies": (POLICY_OID,), "turned": frozenset({"policies"})}}
    signer = bench.pki.signer(Kind.FEED, None, **changes)
    data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)
    policy = TrustPolicy((bench.pki.certificates(Kind.FEED, None, **changes)["root"],), policy_oid=POLICY_OID)

    assert open_feed(data, policy, at=bench.at).feed == bench.feed


def test_what_is_read_is_exactly_what_plain_signxml_finds_signed(bench: Bench) -> None:
    """Leaving out signxml's copies of the tree changes nothing in what it answers."""
    plain = XMLVerifier().verify(bench.signed, x509_cert=bench.chain()[0])

    ours = verify_document(bench.signed, bench.pki.policy(), kind=Kind.FEED, at=bench.at)

    assert not isinstance(plain, list)
    assert etree.tostring(ours.element, method="c14n", exclusive=True) == plain.signed_data


def test_what_is_read_lies_outside_no_signature(bench: Bench) -> None:
    """The element that is handed on holds neither signature nor comments."""
    commented = sign_unchecked(
        bench.unsigned.replace(b"<Entry", b"<!-- not signed --><Entry", 1),
        bench.pki.signer(Kind.FEED).private_key,
        bench.pki.signer(Kind.FEED).chain,
    )

    found = verify_document(commented, bench.pki.policy(), kind=Kind.FEED, at=bench.at)

    assert not [one for one in found.element.iter() if not isinstance(one.tag, str)]
    assert found.element.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is None
    assert found.proof.leaf == found.leaf


def test_a_moment_without_a_time_zone_is_a_mistake_of_the_caller(bench: Bench) -> None:
    """It is not taken for UTC in silence."""
    with pytest.raises(ValueError, match="time zone"):
        bench.open(bench.signed, at=bench.at.replace(tzinfo=None))


def test_each_kind_of_document_needs_its_own_key(bench: Bench) -> None:
    """Whoever holds the feed key cannot write mitigations, nor the other way round."""
    mitigation = bench.pki.sign_mitigation(bench.mitigation)
    by_feed_key = sign_unchecked(
        mitigation[: mitigation.index(b"<ds:Signature")] + b"</Mitigation>\n",
        bench.pki.signer(Kind.FEED).private_key,
        bench.pki.signer(Kind.FEED).chain,
    )

    with pytest.raises(UntrustedError) as refused:
        open_mitigation(by_feed_key, bench.pki.policy(), at=bench.at)

    assert refused.value.code == "trust.eku_missing"


def test_the_time_of_judging_is_the_stated_one(bench: Bench) -> None:
    """Not this machine's clock: the past and the future can be judged."""
    then = bench.at + timedelta(days=300)
    data = bench.pki.sign_feed(sample_feed(then))

    assert bench.open(data, at=then).proof.at == then
    with pytest.raises(UntrustedError) as refused:
        bench.open(data, at=bench.at + timedelta(days=366))
    assert refused.value.code == "trust.certificate_expired"


def test_a_crl_of_nobody_concerned_is_passed_over(bench: Bench) -> None:
    """Stale or not, it says nothing of this chain; a good one of ours says that all is well."""
    foreign = bench.pki.crl(Kind.MITIGATION, ends=timedelta(hours=-1))
    ours = bench.pki.crl(Kind.FEED, revoked=[12345])
    older = bench.pki.crl(
        Kind.FEED,
        revoked=[bench.chain()[0].serial_number],
        begins=timedelta(days=-9),
        ends=timedelta(days=-2),
    )

    policy = replace(bench.pki.policy(), crls=(foreign, older, ours))

    assert open_feed(bench.signed, policy, at=bench.at).feed == bench.feed


def test_a_crl_counts_from_a_ca_that_may_sign_crls(bench: Bench) -> None:
    """A CA without that key usage cannot clear its own leaf."""
    changes = {"ca": {"usage": frozenset({"key_cert_sign"})}}
    signer = bench.pki.signer(Kind.FEED, None, **changes)
    data = sign_unchecked(bench.unsigned, signer.private_key, signer.chain)

    with pytest.raises(UntrustedError) as refused:
        bench.open(data, crls=(bench.pki.crl(Kind.FEED),))

    assert refused.value.code == "trust.crl_forged"
