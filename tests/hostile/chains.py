"""Chains that are wrong in one field, or whose keys nobody has: what several tables are made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU
from tests.hostile.flaws import Flaw
from tests.hostile.genuine import Genuine
from tests.pki import ORGANISATION, POLICY_OID, key

UNKNOWN_EXTENSION: Final = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.9.9"), b"\x05\x00"
)


def broken(name: str, wrong: str, code: str, **changes: Mapping[str, Any]) -> Flaw:
    """A row for documents signed under a chain with these fields changed."""
    return Flaw(name, wrong, code, lambda one: one.under(None, **changes))


def ca_with_modulus(one: Genuine, bits: int, *, exponent: int = 65_537, number: int = 1) -> x509.Certificate:
    """The issuing CA's certificate by the root, for a key of that size; nobody has its private half."""
    modulus = (1 << (bits - 1)) + (1 << (bits // 2)) + 2 * number + 1
    ca = one.signer.chain[1]
    builder = (
        x509.CertificateBuilder()
        .subject_name(ca.subject)
        .issuer_name(ca.issuer)
        .public_key(rsa.RSAPublicNumbers(exponent, modulus).public_key())
        .serial_number(number)
        .not_valid_before(ca.not_valid_before_utc)
        .not_valid_after(ca.not_valid_after_utc)
    )
    for extension in ca.extensions:
        if not isinstance(extension.value, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(key("root"), hashes.SHA256())


def self_signed(one: Genuine) -> x509.Certificate:
    """A stranger's certificate that only it vouches for, with our usage."""
    return one.certificate(
        "root",
        root={
            "common_name": "self-made",
            "key_name": "stranger",
            "ca": False,
            "path_length": None,
            "usage": frozenset({"digital_signature"}),
            "extended": (EKU[one.kind],),
        },
    )


def between(one: Genuine, **upper: Any) -> bytes:  # noqa: ANN401 - fields of a recipe
    """A chain with one more CA between root and issuing CA."""
    above = {"common_name": "upper CA", "key_name": "upper", "path_length": 1, "extended": None, **upper}
    middle = one.certificate("ca", ca=above)
    below = one.pki.certificates(one.kind, None, root={"common_name": "upper CA", "key_name": "upper"})
    return one.resigned(certificates=(below["leaf"], below["ca"], middle))


def policy_with_root(one: Genuine, **root: Any) -> TrustPolicy:  # noqa: ANN401 - fields of a recipe
    """Pins the root with these fields changed."""
    return TrustPolicy(
        (one.certificate("root", root=root),), organisation=ORGANISATION, policy_oid=POLICY_OID
    )
