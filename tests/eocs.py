"""Documents in the shape of the Office Configuration Service, by keys of our own, for tests."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from feedsrv.trust.eocs import EOCS_EKU
from feedsrv.trust.profile import CODE_SIGNING, DS
from tests.pki import key

WORDS: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<EOCS version="1.0.4">\r\n'
    b'  <Config id="PING1" desc="Heartbeat."><ActionList><Action type="DoNothing" scope="Server" desc="P.">'
    b"<Value>DoNothing</Value></Action></ActionList></Config>\r\n</EOCS>"
)
_STAMP: Final = "http://schemas.microsoft.com/xmldsig/timestamp/2003"
_AUTHORITY: Final = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Chain:
    """Root, issuing CA, signer and time-stamping authority."""

    root: x509.Certificate
    issuer: x509.Certificate
    leaf: x509.Certificate
    stamper: x509.Certificate


def _rsa(name: str) -> RSAPrivateKey:
    made = key(f"eocs-{name}")
    assert isinstance(made, RSAPrivateKey)
    return made


def _certificate(  # noqa: PLR0917 -- a table of certificates follows
    name: str,
    issuer: str,
    at: datetime,
    days: int,
    usages: tuple[x509.ObjectIdentifier, ...],
    depth: int | None,
) -> x509.Certificate:
    def named(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"eocs {common}")])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(_rsa(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=30))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(depth is not None, depth), critical=True)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=len(usages) == 1)
    return builder.sign(_rsa(issuer), hashes.SHA256())


@cache
def chain(at: datetime, usages: tuple[x509.ObjectIdentifier, ...] = (CODE_SIGNING, EOCS_EKU)) -> Chain:
    """A chain that is good at that time; its signer ends a year later, and has no key usage."""
    return Chain(
        root=_certificate("root", "root", at, 3650, (), 1),
        issuer=_certificate("issuer", "root", at, 1825, (), 0),
        leaf=_certificate("leaf", "issuer", at, 365, usages, None),
        stamper=_certificate("stamper", "root", at, 3650, (ExtendedKeyUsageOID.TIME_STAMPING,), None),
    )


def sign(folder: Path, one: Chain, words: bytes = WORDS) -> bytes:
    """Sign those words as the service does: unprefixed, inclusive C14N, bare key, countersigned."""
    writer = XMLSigner(c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0)
    writer.namespaces = {None: DS}  # type: ignore[dict-item]  # lxml's name for "no prefix"
    signed = writer.sign(
        etree.fromstring(words),
        key=_rsa("leaf"),
        cert=[one.leaf, one.issuer, one.root],
        always_add_key_value=True,
    )
    tree = etree.fromstring(etree.tostring(signed))
    signature = tree[-1]
    token = stamp(folder, one.stamper, b64decode(signature[1].text or ""))
    holder = etree.SubElement(signature, f"{{{DS}}}Object", Id="ts-countersig")
    data = etree.SubElement(holder, f"{{{DS}}}X509Data")
    certificate = etree.SubElement(data, f"{{{DS}}}X509Certificate")
    certificate.text = b64encode(one.stamper.public_bytes(Encoding.DER)).decode()
    counter = etree.SubElement(
        holder, f"{{{_STAMP}}}CounterSignature", {"ts-format": "cms-timestamp-message"}, {None: _STAMP}
    )
    counter.text = b64encode(token).decode()
    return etree.tostring(tree, xml_declaration=True, encoding="utf-8")


def stamp(folder: Path, authority: x509.Certificate, signature: bytes) -> bytes:
    """A time-stamp token over a signature, by OpenSSL."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tsa.conf").write_text(_AUTHORITY.format(folder=folder), encoding="utf-8")
    (folder / "serial").write_text("01\n", encoding="ascii")
    (folder / "tsa.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    (folder / "tsa.key").write_bytes(
        _rsa("stamper").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    digest = sha256(signature).hexdigest()
    _openssl("-query", "-digest", digest, "-sha256", "-cert", "-out", folder / "query")
    _openssl(
        "-reply", "-queryfile", folder / "query", "-config", folder / "tsa.conf", "-section", "authority",
        "-signer", folder / "tsa.pem", "-inkey", folder / "tsa.key", "-token_out", "-out", folder / "token",
    )  # fmt: skip
    return (folder / "token").read_bytes()


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", "ts", *map(str, words)], check=True, capture_output=True)
