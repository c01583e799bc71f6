"""Certificates that no CA would issue: strangers write what they like into a document's `KeyInfo`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.trust import certificates, chain
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from tests.recipes import CA_USAGE
from tests.unit.trust.cases import Bench

_TLS_FEATURE: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")


def _in_place_of(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    assert len(old) == len(new)

    def spoil(certificate: bytes) -> bytes:
        assert old in certificate
        return certificate.replace(old, new)

    return spoil


def _negative_serial(certificate: bytes) -> bytes:
    first = certificate.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    return certificate[:first] + bytes([certificate[first] | 0x80]) + certificate[first + 1 :]


# What each is called, and how it is made of a genuine certificate. The library reads a field when it is
# first asked for, so each of these was once an error of the library's own, far from where it was loaded.
STRANGE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "a name that is not UTF-8": _in_place_of(b"feed signer", b"\xffeed signer"),
    "a name made of bits": _in_place_of(b"\x0c\x0bfeed signer", b"\x03\x0b\x00eed signer"),
    "a key of an unknown kind": _in_place_of(
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x7f"
    ),
    "an even exponent": _in_place_of(b"\x02\x03\x01\x00\x01", b"\x02\x03\x01\x00\x02"),
    "a negative exponent": _in_place_of(b"\x02\x03\x01\x00\x01", b"\x02\x03\xff\x00\x01"),
    "an extension that is none": _in_place_of(b"\x03\x55\x1d\x0e\x04\x16", b"\x03\x55\x1d\x25\x04\x16"),
    "a negative serial number": _negative_serial,
    "something after its end": lambda certificate: certificate + b"\0",
}


def _with(bench: Bench, *certificates_: bytes) -> bytes:
    """The good feed with these in its KeyInfo, readable or not."""
    data = b"".join(
        b"<ds:X509Certificate>" + b64encode(one) + b"</ds:X509Certificate>" for one in certificates_
    )
    return re.sub(
        rb"(<ds:X509Data>).*(</ds:X509Data>)", rb"\1" + data + rb"\2", bench.signed, flags=re.DOTALL
    )


@pytest.mark.parametrize("spoil", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("beside", [False, True], ids=["in its place", "beside the genuine"])
def test_a_certificate_that_cannot_be_read_is_refused_as_one(
    bench: Bench, spoil: Callable[[bytes], bytes], beside: bool
) -> None:
    """By a refusal, whatever the library made of it: an agent's sync goes on."""
    leaf, ca = (one.public_bytes(Encoding.DER) for one in bench.chain()[:2])
    strange = spoil(leaf)

    with pytest.raises(UntrustedError) as refused:
        bench.open(_with(bench, *([leaf] if beside else []), strange, ca))

    assert refused.value.code == "trust.certificate_malformed"


def test_a_certificate_with_an_extension_that_the_library_trips_over_is_refused(bench: Bench) -> None:
    """Its readers raise whatever they like; this one looks a stranger's number up in a table."""
    feature = x509.UnrecognizedExtension(_TLS_FEATURE, bytes.fromhex("3003020163"))
    leaf = bench.pki.certificates(Kind.FEED, leaf={"extra": ((feature, False),)})["leaf"]

    with pytest.raises(UntrustedError) as refused:
        bench.open(_with(bench, leaf.public_bytes(Encoding.DER)))

    assert refused.value.code == "trust.certificate_malformed"


def test_a_maze_of_certificates_is_walked_with_few_questions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five CAs of one name and key make 325 ways; every pair is asked only once."""
    asked: list[x509.Certificate] = []

    def counting(certificate: x509.Certificate, issuer: certificates.Party) -> bool:
        asked.append(certificate)
        return certificates.is_issued_by(certificate, issuer)

    monkeypatch.setattr(chain, "is_issued_by", counting)
    maze = {"common_name": "maze", "key_name": "maze", "issuer": "ca", "ca": True, "usage": CA_USAGE}
    walls = [
        bench.pki.certificates(Kind.FEED, ca={**maze, "path_length": number})["ca"] for number in range(5)
    ]
    leaf = bench.pki.certificates(Kind.FEED, ca=maze)["leaf"]

    with pytest.raises(UntrustedError) as refused:
        bench.open(bench.with_certificates(leaf, *walls))

    assert refused.value.code == "trust.anchor_unknown"
    assert len(asked) <= 6 * 5


@pytest.mark.parametrize("bad", ["ca-p521", "ca-slow-exponent", "ca-rsa1024"])
def test_no_signature_is_checked_by_a_key_that_is_not_allowed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """Strangers choose the slowest."""

    def never(_certificate: x509.Certificate, _issuer: certificates.Party) -> bool:
        raise AssertionError

    monkeypatch.setattr(chain, "is_issued_by", never)

    with pytest.raises(UntrustedError) as refused:
        bench.under(bad)

    assert refused.value.code == "trust.key_size"
