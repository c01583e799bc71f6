"""A PKI in memory for tests: the good certificates, and each bad one by name.

`Pki().policy()` trusts it, `Pki().signer(kind)` signs under it, and `Pki().signer(kind, "eku-absent")`
signs under a chain that is wrong in just that. Keys are made once per session; certificates are cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from feedsrv.clock import now
from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.model.action import DoNothing
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.feed import Entry, EntryState, Feed, digest_of
from feedsrv.model.mitigation import Affects, Mitigation, Severity
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from tests.recipes import BAD, ORGANISATION, POLICY_OID, Recipe, good, issue, key, name_of_recipe
from tests.unchecked import sign_unchecked

__all__ = [
    "ORGANISATION",
    "POLICY_OID",
    "Pki",
    "TestSigner",
    "chain_pem",
    "key",
    "pem_of",
    "sample_feed",
    "sample_mitigation",
]


@dataclass(frozen=True)
class TestSigner:
    """A chain and a key in memory; `feedsrv.signing.signer.Signer`."""

    __test__ = False  # pytest would take the name for a test's

    name: str
    chain: tuple[x509.Certificate, ...]
    private_key: PrivateKey


class Pki:
    """One root with an issuing CA and a leaf for each kind. `at` is a moment when all are valid."""

    def __init__(self, *, at: datetime | None = None, organisation: str = ORGANISATION) -> None:
        self.at = at or now()
        self.organisation = organisation

    def certificates(
        self, kind: Kind, bad: str | None = None, **changes: Mapping[str, Any]
    ) -> dict[str, x509.Certificate]:
        """Root, CA and leaf by name, with one bad case or free changes (`leaf={"extended": None}`)."""
        return {
            name: issue(name, self.recipes(kind, bad, **changes), self.at) for name in ("root", "ca", "leaf")
        }

    def recipes(self, kind: Kind, bad: str | None = None, **changes: Mapping[str, Any]) -> dict[str, Recipe]:
        """What `certificates` issues by."""
        recipes = good(kind, self.organisation)
        for differences in (BAD[bad] if bad else {}, changes):
            for name, fields in differences.items():
                recipes[name] = replace(recipes[name], **fields)
        return recipes

    def signer(self, kind: Kind, bad: str | None = None, **changes: Mapping[str, Any]) -> TestSigner:
        """A signer for that kind; its chain is leaf and issuing CA."""
        leaf = self.recipes(kind, bad, **changes)["leaf"]
        found = self.certificates(kind, bad, **changes)
        name = f"{kind} test signer{f' ({bad})' if bad else ''}"
        return TestSigner(name, (found["leaf"], found["ca"]), key(leaf.key_name, leaf.key_kind))

    def anchor(self, kind: Kind = Kind.FEED, bad: str | None = None) -> x509.Certificate:
        """The root; the same for both kinds."""
        return self.certificates(kind, bad)["root"]

    def policy(self, kind: Kind = Kind.FEED, bad: str | None = None, **settings: Any) -> TrustPolicy:  # noqa: ANN401 - passed on to TrustPolicy as it is
        """A policy that pins the root, and whatever else is given (`organisation=`, `crls=` ...)."""
        return TrustPolicy(anchors=(self.anchor(kind, bad),), **settings)

    def anchors_pem(self) -> bytes:
        """The root as a file's content."""
        return self.anchor().public_bytes(Encoding.PEM)

    def sign_feed(self, feed: Feed, bad: str | None = None) -> bytes:
        """Write and sign a feed."""
        return self._sign(write_feed(feed), Kind.FEED, bad)

    def sign_mitigation(self, mitigation: Mitigation, bad: str | None = None) -> bytes:
        """Write and sign a mitigation."""
        return self._sign(write_mitigation(mitigation), Kind.MITIGATION, bad)

    def _sign(self, unsigned: bytes, kind: Kind, bad: str | None) -> bytes:
        signer = self.signer(kind, bad)
        if bad is None:
            return sign_document(unsigned, signer)
        return sign_unchecked(unsigned, signer.private_key, signer.chain)

    def crl(
        self,
        kind: Kind = Kind.FEED,
        *,
        of: str = "ca",
        revoked: Iterable[int] = (),
        begins: timedelta = timedelta(days=-1),
        ends: timedelta = timedelta(days=30),
        signed_by: tuple[str, str] | None = None,
        extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
        **changes: Mapping[str, Any],
    ) -> x509.CertificateRevocationList:
        """A CRL of the issuing CA (`of="ca"`) or the root, with the serial numbers revoked."""
        recipe = self.recipes(kind, None, **changes)[of]
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(name_of_recipe(recipe))
            .last_update(self.at + begins)
            .next_update(self.at + ends)
        )
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.at + begins)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key(*(signed_by or (recipe.key_name, recipe.key_kind))), hashes.SHA256())


def sample_feed(at: datetime, **changes: Any) -> Feed:  # noqa: ANN401 - passed on to Feed as they are
    """A feed issued an hour before `at`, version 7, with two mitigations."""
    feed = Feed(
        product="exchange-2019",
        channel="production",
        version=7,
        issued=at - timedelta(hours=1),
        expires=at + timedelta(days=2),
        previous=digest_of(b"version 6"),
        entries=(
            Entry("M0001", 2, EntryState.ACTIVE, digest_of(b"M0001"), 4096),
            Entry("PING1", 1, EntryState.ACTIVE, digest_of(b"PING1"), 2048),
        ),
    )
    return replace(feed, **changes)


def sample_mitigation(at: datetime, **changes: Any) -> Mitigation:  # noqa: ANN401 - passed on to Mitigation
    """Revision 2 of M0001, issued an hour before `at`; it does nothing."""
    mitigation = Mitigation(
        id="M0001",
        revision=2,
        issued=at - timedelta(hours=1),
        severity=Severity.HIGH,
        title="A heartbeat",
        description="Changes nothing, and so proves that the whole path works.",
        review_by=(at + timedelta(days=60)).date(),
        affects=(Affects("exchange-2019", (BuildRange(Build(15, 2, 221, 12), Build(15, 2, 986, 36)),)),),
        actions=(DoNothing("A1"),),
        change="Says it better.",
    )
    return replace(mitigation, **changes)


def pem_of(private_key: PrivateKey) -> bytes:
    """A private key as a file's content, not encrypted."""
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def chain_pem(chain: Iterable[x509.Certificate]) -> bytes:
    """Certificates as a file's content."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)
