"""Certification authorities for tests, good and bad, and keys that live elsewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.signing.elsewhere import EllipticElsewhere, RsaElsewhere
from feedsrv.signing.issuing import (
    Authority,
    issue,
    issue_root,
)
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import Role
from tests.pki import key

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
ORGANISATION: Final = "Example Software"
_CA_OF: Final = {Role.MITIGATION_SIGNER: Role.MITIGATION_CA, Role.FEED_SIGNER: Role.FEED_CA}
BELOW_A_ROOT: Final = tuple(role for role in Role if role is not Role.ROOT)


def elsewhere(real: PrivateKey) -> PrivateKey:
    """A stand-in for a key in a module: it signs, and knows its public key, and that is all."""
    if isinstance(real, rsa.RSAPrivateKey):
        return RsaElsewhere(
            real.public_key(), lambda data: real.sign(data, PKCS1v15(), hashes.SHA256()), name="module"
        )
    return EllipticElsewhere(
        real.public_key(), lambda data: real.sign(data, ec.ECDSA(hashes.SHA256())), name="module"
    )


def make_root(name: str = "root", kind: str = "p256", *, now: datetime = NOW) -> Authority:
    """A root with a key of that name."""
    return Authority(issue_root(key(name, kind), organisation=f"Example {name}", now=now), key(name, kind))


def make_ca(role: Role, root: Authority, *, now: datetime = NOW, name: str = "") -> Authority:
    """An issuing CA below that root."""
    own = key(name or role.slug, "p256")
    certificate = issue(role, own.public_key(), root, organisation=ORGANISATION, now=now)
    return Authority(certificate, own)


def issued(role: Role, *, now: datetime = NOW) -> tuple[x509.Certificate, Sequence[x509.Certificate]]:
    """A certificate of that role, and its issuers."""
    root = make_root(now=now)
    if role is Role.ROOT:
        return root.certificate, ()
    issuers = [root]
    if role in _CA_OF:
        issuers.insert(0, make_ca(_CA_OF[role], root, now=now))
    names = ["ems.example.com"] if role is Role.TLS_SERVER else []
    public_key = key(f"leaf {role.slug}", "p256").public_key()
    found = issue(role, public_key, issuers[0], organisation=ORGANISATION, now=now, names=names)
    return found, [one.certificate for one in issuers]


def pem(*certificates: x509.Certificate) -> bytes:
    """As a file's content."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def openssl(*arguments: str | Path, cwd: Path) -> str:
    """What openssl says, refusals included."""
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


def usage_of(*granted: str) -> x509.KeyUsage:
    """A key usage of just these."""
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in granted for name in names})


def any_authority(
    *,
    usage: Sequence[str] = ("key_cert_sign", "crl_sign"),
    extended: Sequence[x509.ObjectIdentifier] | None = None,
    is_ca: bool = True,
    path_length: int | None = None,
    begins: datetime = NOW - timedelta(days=9),
    ends: datetime = NOW + timedelta(days=999),
) -> Authority:
    """A CA by any maker."""
    own = key("any maker", "p256")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Any maker")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
        .add_extension(usage_of(*usage), critical=True)
    )
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    return Authority(builder.sign(own, hashes.SHA256()), own)
