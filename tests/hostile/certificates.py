"""Certificates that cannot be read, and too few or too many of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.hostile.chains import (
    self_signed,
)
from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine, der, replaced

_MALFORMED: Final = "trust.certificate_malformed"
_COUNT: Final = "trust.certificate_count"

_Spoil = Callable[[bytes], bytes]


def _in_place_of(old: bytes, new: bytes) -> _Spoil:
    assert len(old) == len(new)
    return lambda certificate: replaced(certificate, old, new)


def _negative_serial(certificate: bytes) -> bytes:
    first = certificate.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    return certificate[:first] + bytes([certificate[first] | 0x80]) + certificate[first + 1 :]


# What can be done to the bytes of a certificate, so that a library trips over it now or later.
_SPOILT: Final[dict[str, tuple[str, _Spoil]]] = {
    "cut": ("ends in the middle", lambda one: one[:-20]),
    "with-more": ("has a byte after its end", lambda one: one + b"\0"),
    "not-utf-8": ("has a name that is not UTF-8", _in_place_of(b" signer", b"\xffsigner")),
    "unknown-key": (
        "has a key of an unknown kind",
        _in_place_of(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x7f"),
    ),
    "even-exponent": ("has an even exponent", _in_place_of(b"\x02\x03\x01\x00\x01", b"\x02\x03\x01\x00\x02")),
    "negative-exponent": (
        "has a negative exponent",
        _in_place_of(b"\x02\x03\x01\x00\x01", b"\x02\x03\xff\x00\x01"),
    ),
    "extension-of-nothing": (
        "calls a key identifier an extended key usage",
        _in_place_of(b"\x03\x55\x1d\x0e\x04\x16", b"\x03\x55\x1d\x25\x04\x16"),
    ),
    "doubled-extension": (
        "has the same extension twice",
        _in_place_of(b"\x06\x03\x55\x1d\x23", b"\x06\x03\x55\x1d\x0e"),
    ),
    "negative-serial": ("has a negative serial number", _negative_serial),
    "no-such-month": ("begins in the fourteenth month", _in_place_of(b"260414", b"261414")),
    "version-1": (
        "is of version 1, with extensions",
        _in_place_of(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00"),
    ),
    "pem": ("is PEM and not DER", lambda one: x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM)),
    "base64-twice": ("is encoded twice", b64encode),
}


def _spoilt(spoil: _Spoil) -> Callable[[Genuine], bytes]:
    def make(one: Genuine) -> bytes:
        leaf, ca = one.signer.chain
        return one.with_certificates(spoil(der(leaf)), der(ca))

    return make


def _strange_extension(one: Genuine) -> bytes:
    """The library looks a stranger's number up in a table."""
    feature = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("3003020163")
    )
    return one.under(leaf={"extra": ((feature, False),)})


UNREADABLE: Final = (
    *(
        Flaw(f"signer-{name}", f"the signer's certificate {wrong}", _MALFORMED, _spoilt(spoil))
        for name, (wrong, spoil) in _SPOILT.items()
    ),
    Flaw(
        "unreadable-beside-the-genuine",
        "a certificate beside the genuine ones ends in the middle",
        _MALFORMED,
        lambda g: g.with_certificates(*map(der, g.signer.chain), der(g.signer.chain[0])[:-20]),
    ),
    Flaw(
        "extension-that-trips", "an extension names a number without meaning", _MALFORMED, _strange_extension
    ),
    Flaw(
        "no-base64",
        "a certificate is no base64",
        _MALFORMED,
        lambda g: g.altered(b"<ds:X509Certificate>MII", b"<ds:X509Certificate>*II"),
    ),
    Flaw(
        "wide-blank",
        "a blank that is none in XML stands in a certificate",
        _MALFORMED,
        lambda g: g.altered(b"<ds:X509Certificate>", "<ds:X509Certificate>\u00a0".encode()),
    ),
    Flaw("empty", "there is an empty certificate", _MALFORMED, lambda g: g.with_certificates(b"")),
    Flaw("none", "there is no certificate", _COUNT, lambda g: g.with_certificates()),
    Flaw(
        "seven",
        "there are seven certificates",
        _COUNT,
        lambda g: g.with_certificates(*map(der, g.signer.chain * 4)),
    ),
    Flaw(
        "hundreds",
        "there are three hundred certificates",
        _COUNT,
        lambda g: g.with_certificates(*map(der, g.signer.chain * 150)),
    ),
    Flaw(
        "signer-alone",
        "the issuing CA's certificate is missing",
        "trust.chain_incomplete",
        lambda g: g.resigned(certificates=g.signer.chain[:1]),
    ),
    Flaw(
        "issuer-alone",
        "the signer's certificate is missing",
        "trust.signature_invalid",
        lambda g: g.resigned(certificates=g.signer.chain[1:]),
    ),
    Flaw(
        "two-signers",
        "two certificates could be the signer's",
        "trust.signer_ambiguous",
        lambda g: g.resigned(
            certificates=(*g.signer.chain, g.certificate("leaf", leaf={"common_name": "another signer"}))
        ),
    ),
    Flaw(
        "a-strangers-beside",
        "a stranger's own certificate stands beside the genuine ones",
        "trust.signer_ambiguous",
        lambda g: g.resigned(certificates=(*g.signer.chain, self_signed(g))),
    ),
)
