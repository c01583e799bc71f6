from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.errors import OperatorError
from feedsrv.trust.policy import AnchorsError, CrlUnreadableError, TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import Kind
from tests.pki import chain_pem, key, pem_of
from tests.unit.trust.cases import Bench


def test_anchors_are_read_in_order_and_once(bench: Bench) -> None:
    """A file may hold the old root and the new one; a double counts once."""
    root = bench.chain()[2]
    other = bench.pki.certificates(Kind.FEED, root={"common_name": "next"})["root"]

    assert load_anchors(chain_pem([root, other, root]), source="anchors.pem") == (root, other)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_a_certificate_is_refused(content: bytes) -> None:
    """The message names the file."""
    with pytest.raises(AnchorsError, match=r"anchors\.pem"):
        load_anchors(content, source="anchors.pem")


def test_a_private_key_among_anchors_is_refused_and_not_quoted(bench: Bench) -> None:
    """Anchors are published; a key among them would be, too."""
    secret = pem_of(key("root"))

    with pytest.raises(AnchorsError, match="private key") as refused:
        load_anchors(bench.pki.anchors_pem() + secret, source="anchors.pem")

    assert secret.decode().split("\n")[1] not in str(refused.value)


@pytest.mark.parametrize("bad", ["ca-is-no-ca", "ca-without-constraints"])
def test_what_is_no_ca_is_no_anchor(bench: Bench, bad: str) -> None:
    """Pinning a signer's certificate would break at its first renewal; the message names it."""
    certificate = bench.pki.certificates(Kind.FEED, bad)["ca"]

    with pytest.raises(AnchorsError, match="CN=feed CA"):
        load_anchors(chain_pem([certificate]), source="anchors.pem")


def test_a_policy_without_anchors_trusts_nobody_and_says_so() -> None:
    """An empty list of anchors is a mistake, never "anybody"."""
    with pytest.raises(OperatorError, match="no trust anchor"):
        TrustPolicy(anchors=())


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_crl_is_read_in_both_encodings(bench: Bench, encoding: Encoding) -> None:
    """CAs publish DER, people keep PEM."""
    crl = bench.pki.crl()

    assert load_crl(crl.public_bytes(encoding), source="feed-ca.crl") == crl


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"]
)
def test_what_is_no_crl_is_refused(content: bytes) -> None:
    """The message names the file."""
    with pytest.raises(CrlUnreadableError, match=r"feed-ca\.crl"):
        load_crl(content, source="feed-ca.crl")


def test_a_crl_whose_issuer_cannot_be_read_is_refused_when_it_is_loaded(bench: Bench) -> None:
    """Not only when somebody asks for the issuer, which would end a whole sync."""
    content = bench.pki.crl().public_bytes(Encoding.DER).replace(b"feed CA", b"\xffeed CA")

    with pytest.raises(CrlUnreadableError, match=r"feed-ca\.crl"):
        load_crl(content, source="feed-ca.crl")


def test_an_anchor_whose_name_cannot_be_read_is_refused(bench: Bench) -> None:
    """Its name is what a chain is built by."""
    anchor = bench.chain()[2].public_bytes(Encoding.DER)
    spoilt = x509.load_der_x509_certificate(anchor.replace(b"root", b"\xffoot"))

    with pytest.raises(AnchorsError, match=r"anchors\.pem"):
        load_anchors(chain_pem([spoilt]), source="anchors.pem")
