from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from feedsrv.codec.feed import write_feed
from feedsrv.signing.documents import sign_document
from feedsrv.signing.elsewhere import EllipticElsewhere, RsaElsewhere, stand_in
from feedsrv.signing.signer import KeyAwayError, KeyMissingError, OpenedSigner, PrivateKey, SigningError
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import Kind
from tests.modules import sign_by
from tests.pki import Pki, key, sample_feed

NAME = "AWS KMS alias/feed in eu-central-1"
KINDS = {"rsa": "rsa2048", "p256": "p256", "p384": "p384"}


def away(kind: str) -> PrivateKey:
    """A stand-in for a key that is in this process after all."""
    inner = key(f"elsewhere-{kind}", KINDS[kind])
    return stand_in(inner.public_key(), lambda data: sign_by(inner, data), name=NAME)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stand_in_signs_requests_certificates_and_lists(kind: str) -> None:
    """The library takes it for a key, so a CA's key may live elsewhere, too."""
    private = away(kind)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    at = Pki().at

    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, SHA256())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at)
        .sign(private, SHA256())
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name)
        .last_update(at)
        .next_update(at)
        .sign(private, SHA256())
    )

    assert request.is_signature_valid
    certificate.verify_directly_issued_by(certificate)
    assert crl.is_signature_valid(private.public_key())


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_a_refusal_of_the_keys_place_is_told_as_it_is(pki: Pki, kind: str) -> None:
    """Whether to try again must not be lost on the way."""
    signer = pki.signer(Kind.FEED, leaf={"key_kind": kind})
    for refusal in (KeyAwayError(f"{NAME}: try again"), KeyMissingError(f"{NAME}: not there")):

        def refuse(_: bytes, refusal: Exception = refusal) -> bytes:
            raise refusal

        private = stand_in(signer.private_key.public_key(), refuse, name=NAME)

        with pytest.raises(type(refusal)) as met:
            sign_document(write_feed(sample_feed(pki.at)), OpenedSigner(NAME, signer.chain, private))

        assert met.value is refusal


def test_a_document_is_signed_by_a_stand_in(pki: Pki) -> None:
    """And opened by whoever trusts its certificate."""
    signer = pki.signer(Kind.FEED)
    inner = signer.private_key
    private = stand_in(inner.public_key(), lambda data: sign_by(inner, data), name=NAME)

    signed = sign_document(write_feed(sample_feed(pki.at)), OpenedSigner(NAME, signer.chain, private))

    assert open_feed(signed, pki.policy(), at=pki.at).feed == sample_feed(pki.at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [b"", b"\x00" * 256, b"0\x06\x02\x01\x01\x02\x01\x01", b"x" * 10_000])
def test_a_signature_that_does_not_verify_is_never_passed_on(kind: str, wrong: bytes) -> None:
    """Whatever it is: nothing, zeros, well-formed, or far too long."""
    private = stand_in(away(kind).public_key(), lambda _: wrong, name=NAME)

    with pytest.raises(SigningError, match=NAME) as refused:
        sign_by(private)

    assert refused.value.code == "signing.unsound"


def _rsa_asks(private: RsaElsewhere) -> list[Callable[[], object]]:
    return [
        lambda: private.sign(b"", PKCS1v15(), SHA384()),
        lambda: private.sign(b"", PKCS1v15(), SHA1()),  # noqa: S303 - the very thing that must be refused
        lambda: private.sign(b"", PKCS1v15(), Prehashed(SHA256())),
        lambda: private.sign(b"", PSS(MGF1(SHA256()), 32), SHA256()),
        lambda: private.decrypt(b"", PKCS1v15()),
    ]


def _elliptic_asks(private: EllipticElsewhere) -> list[Callable[[], object]]:
    return [
        lambda: private.sign(b"", ec.ECDSA(SHA384())),
        lambda: private.sign(b"", ec.ECDSA(Prehashed(SHA256()))),
        lambda: private.exchange(ec.ECDH(), private.public_key()),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stand_in_signs_by_sha_256_and_does_nothing_else(kind: str) -> None:
    """Everything else is refused by a sentence, and not by the library's silence."""
    private = away(kind)

    for ask in _rsa_asks(private) if isinstance(private, RsaElsewhere) else []:
        with pytest.raises(SigningError, match=NAME) as refused:
            ask()
        assert refused.value.code == "signing.only_signs"
    for ask in _elliptic_asks(private) if isinstance(private, EllipticElsewhere) else []:
        with pytest.raises(SigningError, match=NAME) as refused:
            ask()
        assert refused.value.code == "signing.only_signs"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stand_in_gives_no_private_part(kind: str) -> None:
    """By no method, and not by copying it through bytes; its copies are itself."""
    private = away(kind)

    for ask in (
        private.private_numbers,
        lambda: private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda: pickle.dumps(private),
    ):
        with pytest.raises(SigningError) as refused:
            ask()
        assert refused.value.code == "signing.not_exportable"
    assert copy.copy(private) is private
    assert copy.deepcopy(private) is private
    assert repr(private) == f"<key of {NAME}>"


@pytest.mark.parametrize(
    "public",
    [
        ed25519.Ed25519PrivateKey.generate().public_key(),
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        None,
    ],
)
def test_a_public_key_of_another_kind_is_refused(public: object) -> None:
    """No agent would believe it."""
    with pytest.raises(SigningError, match="P-256") as refused:
        stand_in(public, lambda _: b"", name=NAME)

    assert refused.value.code == "signing.key_kind"
