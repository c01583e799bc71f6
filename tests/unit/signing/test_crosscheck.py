from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from feedsrv.clock import now
from feedsrv.signing.crosscheck import CrossCheckError, cross_check
from feedsrv.signing.documents import sign_document
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import Kind
from tests.pki import Pki, key, sample_feed, sample_mitigation
from tests.unchecked import sign_unchecked


def test_the_second_implementation_accepts_what_the_first_one_signed(pki: Pki) -> None:
    """Signature and chain, for both kinds."""
    for document in (pki.sign_feed(sample_feed(pki.at)), pki.sign_mitigation(sample_mitigation(pki.at))):
        assert cross_check(document, [pki.anchor()], pki.at) is True


def test_an_elliptic_signature_is_accepted(pki: Pki) -> None:
    """A publisher's choice."""
    signer = pki.signer(Kind.FEED, leaf={"key_kind": "p256"})
    document = sign_unchecked(_unsigned(pki), signer.private_key, signer.chain)

    assert cross_check(document, [pki.anchor()], pki.at) is True


def _unsigned(pki: Pki) -> bytes:
    signed = pki.sign_feed(sample_feed(pki.at))
    return signed[: signed.index(b"<ds:Signature ")] + b"</Feed>\n"


@pytest.mark.parametrize(
    "change", [(b"M0001", b"M0002"), (b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA")]
)
def test_a_changed_document_is_refused(pki: Pki, change: tuple[bytes, bytes]) -> None:
    """One byte of the content, or of the signature."""
    document = pki.sign_feed(sample_feed(pki.at)).replace(*change, 1)

    with pytest.raises(CrossCheckError, match="the signature"):
        cross_check(document, [pki.anchor()], pki.at)


def test_a_signature_by_another_key_is_refused(pki: Pki) -> None:
    """The certificates beside it are genuine; the key is not theirs."""
    document = sign_unchecked(_unsigned(pki), key("stranger"), pki.signer(Kind.FEED).chain)

    with pytest.raises(CrossCheckError, match="the signature"):
        cross_check(document, [pki.anchor()], pki.at)


def test_a_chain_to_another_root_is_refused(pki: Pki) -> None:
    """The signature holds, the anchor is not ours."""
    other = pki.certificates(Kind.FEED, None, root={"common_name": "another root", "key_name": "stranger"})

    with pytest.raises(CrossCheckError, match="the chain"):
        cross_check(pki.sign_feed(sample_feed(pki.at)), [other["root"]], pki.at)


def test_what_is_not_of_our_shape_is_refused(pki: Pki) -> None:
    """The second opinion is asked about our documents only."""
    with pytest.raises(CrossCheckError, match="shape"):
        cross_check(_unsigned(pki), [pki.anchor()], pki.at)


def test_a_certificate_that_is_not_valid_when_signing_is_refused(pki: Pki) -> None:
    """Whatever this machine's clock says."""
    with pytest.raises(CrossCheckError, match="not valid"):
        cross_check(pki.sign_feed(sample_feed(pki.at)), [pki.anchor()], pki.at + timedelta(days=366))


def test_the_chain_of_another_time_is_not_asked(pki: Pki) -> None:
    """libxmlsec1 knows only this machine's clock; that the chain was not asked is said."""
    past = Pki(at=now() - timedelta(days=5 * 365))

    assert cross_check(past.sign_feed(sample_feed(past.at)), [past.anchor()], past.at) is False


class TestTwoRootsForOneCa:
    """A CA that two roots vouch for stands in the document twice, while a root is exchanged."""

    def bridged(self, pki: Pki, *, new_first: bool, old_ended: bool = False) -> bytes:
        """A feed with both certificates of the issuing CA."""
        signer = pki.signer(Kind.FEED)
        bridge = pki.certificates(
            Kind.FEED,
            root={"key_name": "old root", "common_name": "old root"},
            ca={"ends": timedelta(days=-1 if old_ended else 30)},
        )["ca"]
        cas = (signer.chain[1], bridge) if new_first else (bridge, signer.chain[1])
        return sign_document(_unsigned(pki), replace(signer, chain=(signer.chain[0], *cas)))

    def test_whoever_pins_the_first_ones_root_is_asked_for(self, pki: Pki) -> None:
        """As libxmlsec1 and OpenSSL go: by the first certificate that fits."""
        assert cross_check(self.bridged(pki, new_first=True), [pki.anchor()], pki.at) is True

    def test_whoever_pins_the_other_root_is_left_to_our_own_verifier(self, pki: Pki) -> None:
        """Which goes back and tries the second; here the signature alone is checked, and that is said."""
        document = self.bridged(pki, new_first=False)

        assert cross_check(document, [pki.anchor()], pki.at) is False
        assert open_feed(document, pki.policy(), at=pki.at).feed == sample_feed(pki.at)
        with pytest.raises(CrossCheckError, match="the signature"):
            cross_check(document.replace(b"M0001", b"M0002"), [pki.anchor()], pki.at)

    def test_a_bridge_that_ended_is_no_reason_to_refuse(self, pki: Pki) -> None:
        """Those who pin the new root lose nothing by it."""
        document = self.bridged(pki, new_first=True, old_ended=True)

        assert cross_check(document, [pki.anchor()], pki.at) is False
