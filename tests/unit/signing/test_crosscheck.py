from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.clock import now
from feedsrv.signing.crosscheck import CrossCheckError, cross_check
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
