from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.feed import digest_of
from feedsrv.signing.documents import (
    ChainOrderError,
    KeyMismatchError,
    NotSignableError,
    SignatureFailedError,
    sign_document,
    without_signature,
)
from feedsrv.signing.signer import ends
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.profile import Kind
from tests.pki import Pki, TestSigner, key, sample_feed, sample_mitigation
from tests.unchecked import sign_unchecked


class Elsewhere(rsa.RSAPrivateKey):
    """A key that never leaves its module: it can sign, and nothing else."""

    def __init__(
        self, inner: rsa.RSAPrivateKey, *, broken: Exception | None = None, garbage: bool = False
    ) -> None:
        self.inner = inner
        self.broken = broken
        self.garbage = garbage

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:  # noqa: ANN401 - the library's own types are private
        """What a module can do."""
        if self.broken:
            raise self.broken
        signature = self.inner.sign(data, padding, algorithm)
        return signature[::-1] if self.garbage else signature

    def public_key(self) -> rsa.RSAPublicKey:
        """What a module gives away."""
        return self.inner.public_key()

    @property
    def key_size(self) -> int:
        """Part of what it gives away."""
        return self.inner.key_size

    def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:  # noqa: ANN401 - as above
        """What a module never does."""
        raise NotImplementedError

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """What a module never does."""
        raise NotImplementedError

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002, ANN401 - as above
        """What a module never does."""
        raise NotImplementedError

    def __copy__(self) -> Elsewhere:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Elsewhere:
        return self


def _elsewhere(signer: TestSigner, *, broken: Exception | None = None, garbage: bool = False) -> TestSigner:
    assert isinstance(signer.private_key, rsa.RSAPrivateKey)
    return replace(signer, private_key=Elsewhere(signer.private_key, broken=broken, garbage=garbage))


class TestSigning:
    """What comes out is what was approved, with a signature before its last tag."""

    @pytest.mark.parametrize("kind", Kind)
    def test_cutting_the_signature_out_gives_the_approved_bytes_back(self, pki: Pki, kind: Kind) -> None:
        """Byte for byte, so that "what was approved is what was signed" is a matter of comparing."""
        unsigned = {
            Kind.FEED: write_feed(sample_feed(pki.at)),
            Kind.MITIGATION: write_mitigation(sample_mitigation(pki.at)),
        }[kind]

        signed = sign_document(unsigned, pki.signer(kind))

        assert without_signature(signed) == unsigned
        assert digest_of(without_signature(signed)) == digest_of(unsigned)
        assert signed.startswith(unsigned[: unsigned.rindex(b"</")])
        assert signed.endswith(unsigned[unsigned.rindex(b"</") :])

    def test_what_is_signed_is_trusted(self, pki: Pki) -> None:
        """A receiver reads the very words back."""
        feed, mitigation = sample_feed(pki.at), sample_mitigation(pki.at)

        assert open_feed(pki.sign_feed(feed), pki.policy(), at=pki.at).feed == feed
        opened = open_mitigation(pki.sign_mitigation(mitigation), pki.policy(), at=pki.at)
        assert opened.mitigation == mitigation

    def test_the_same_input_gives_the_same_bytes(self, pki: Pki) -> None:
        """With an RSA key a publication can be repeated by anybody who holds it, and compared."""
        unsigned = write_feed(sample_feed(pki.at))

        assert sign_document(unsigned, pki.signer(Kind.FEED)) == sign_document(
            unsigned, pki.signer(Kind.FEED)
        )

    def test_an_elliptic_key_signs_too(self, pki: Pki) -> None:
        """A publisher's choice, where its agents can verify it."""
        signer = pki.signer(Kind.FEED, leaf={"key_kind": "p256"})

        signed = sign_document(write_feed(sample_feed(pki.at)), signer)

        assert b"ecdsa-sha256" in signed
        assert open_feed(signed, pki.policy(), at=pki.at).feed == sample_feed(pki.at)

    def test_a_key_that_never_leaves_its_module_signs_the_same_bytes(self, pki: Pki) -> None:
        """Nothing but `sign` and the public key is asked of it."""
        unsigned = write_feed(sample_feed(pki.at))
        signer = pki.signer(Kind.FEED)

        assert sign_document(unsigned, _elsewhere(signer)) == sign_document(unsigned, signer)

    def test_the_signature_has_the_shape_that_every_stack_verifies(self, pki: Pki) -> None:
        """`ds:` prefix, exclusive C14N, one reference to everything, leaf then issuer and no bare key."""
        signed = pki.sign_feed(sample_feed(pki.at))

        assert signed.count(b"<ds:Signature ") == 1
        assert signed.count(b'<ds:Reference URI="">') == 1
        assert signed.count(b"http://www.w3.org/2001/10/xml-exc-c14n#") == 2
        assert signed.count(b"<ds:X509Certificate>") == 2
        assert b"KeyValue" not in signed
        assert b"\r" not in signed

    def test_a_chain_ends_with_its_first_certificate_to_end(self, pki: Pki) -> None:
        """That is the date that publishing must look at."""
        signer = pki.signer(Kind.FEED)

        assert ends(signer) == signer.chain[0].not_valid_after_utc


class TestRefusingToSign:
    """Nothing leaves here that would be refused elsewhere."""

    def test_a_key_of_another_certificate(self, pki: Pki) -> None:
        """Signxml does not look; every receiver would refuse."""
        signer = replace(pki.signer(Kind.FEED), private_key=key("stranger"))

        with pytest.raises(KeyMismatchError, match="feed test signer"):
            sign_document(write_feed(sample_feed(pki.at)), signer)

    @pytest.mark.parametrize(("order", "named"), [((0, 2), "in order"), ((0, 1, 1), "stands twice")])
    def test_certificates_out_of_order(self, pki: Pki, order: tuple[int, ...], named: str) -> None:
        """Leaf, issuer, its issuer; each must have issued one before it, and none stands twice."""
        found = pki.certificates(Kind.FEED)
        line = (found["leaf"], found["ca"], found["root"])
        signer = replace(pki.signer(Kind.FEED), chain=tuple(line[place] for place in order))

        with pytest.raises(ChainOrderError, match=named):
            sign_document(write_feed(sample_feed(pki.at)), signer)

    def test_an_issuer_whom_two_roots_vouch_for(self, pki: Pki) -> None:
        """Both certificates of its key may follow the leaf, so that whoever pins either root believes it."""
        signer = pki.signer(Kind.FEED)
        other = pki.certificates(Kind.FEED, root={"key_name": "next root", "common_name": "next root"})
        both = replace(signer, chain=(*signer.chain, other["ca"]))

        signed = sign_document(write_feed(sample_feed(pki.at)), both)

        for root in (pki.anchor(), other["root"]):
            opened = open_feed(signed, replace(pki.policy(), anchors=(root,)), at=pki.at)
            assert opened.feed == sample_feed(pki.at)

    def test_no_certificate_at_all(self, pki: Pki) -> None:
        """A key alone proves nothing to anybody."""
        with pytest.raises(ChainOrderError, match="no certificate"):
            sign_document(write_feed(sample_feed(pki.at)), replace(pki.signer(Kind.FEED), chain=()))

    def test_an_issuer_first(self, pki: Pki) -> None:
        """Reading the wrong certificate first shows as a key that does not belong to it."""
        signer = pki.signer(Kind.FEED)

        with pytest.raises(KeyMismatchError, match="first"):
            sign_document(write_feed(sample_feed(pki.at)), replace(signer, chain=signer.chain[::-1]))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (rb"</Feed>\s*$", b""),
            (rb"</Feed>\s*$", b"</Feed><!-- the end -->"),
            (rb"urn:feedsrv:feed:1", b"urn:someone:else"),
            (rb"</Feed>", b"<broken></Feed>"),
            (rb"<Feed ", b"<!DOCTYPE Feed><Feed "),
        ],
    )
    def test_what_is_no_unsigned_document_of_ours(self, pki: Pki, old: bytes, new: bytes) -> None:
        """A key that signs anything could be made to sign something else."""
        document = re.sub(old, new, write_feed(sample_feed(pki.at)))

        with pytest.raises(NotSignableError):
            sign_document(document, pki.signer(Kind.FEED))

    def test_what_is_signed_already(self, pki: Pki) -> None:
        """Receivers accept one signature, no more."""
        with pytest.raises(NotSignableError, match="already"):
            sign_document(pki.sign_feed(sample_feed(pki.at)), pki.signer(Kind.FEED))

    def test_a_module_that_fails_is_named(self, pki: Pki) -> None:
        """Whatever it raises becomes one refusal, and nothing is signed."""
        signer = _elsewhere(pki.signer(Kind.FEED), broken=ConnectionError("token removed"))

        with pytest.raises(SignatureFailedError, match=r"feed test signer.*token removed"):
            sign_document(write_feed(sample_feed(pki.at)), signer)

    def test_a_module_that_answers_rubbish_is_found_out(self, pki: Pki) -> None:
        """The signature is verified before anybody sees it."""
        signer = _elsewhere(pki.signer(Kind.FEED), garbage=True)

        with pytest.raises(SignatureFailedError, match="would be refused"):
            sign_document(write_feed(sample_feed(pki.at)), signer)

    @pytest.mark.parametrize("document", [b"<Feed/>", b"</ds:Signature>", b""])
    def test_only_our_own_signatures_are_cut_out(self, document: bytes) -> None:
        """Where there is none, that is said instead of guessed."""
        with pytest.raises(NotSignableError):
            without_signature(document)


def test_the_unchecked_signer_of_the_tests_writes_what_the_real_one_writes(pki: Pki) -> None:
    """Else the bad documents of the tests might be refused for another reason than the one meant."""
    unsigned = write_feed(sample_feed(pki.at))
    signer = pki.signer(Kind.FEED)

    assert sign_unchecked(unsigned, signer.private_key, signer.chain) == sign_document(unsigned, signer)
    assert all(isinstance(one, x509.Certificate) for one in signer.chain)
