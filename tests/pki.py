"""A PKI in memory for tests: the good certificates, and each bad one by name.

`Pki().policy()` trusts it, `Pki().signer(kind)` signs under it, and `Pki().signer(kind, "eku-absent")`
signs under a chain that is wrong in just that. Keys are made once per session; certificates are cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

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
from feedsrv.trust.profile import ANY_USAGE, CODE_SIGNING, EKU, Kind
from tests.unchecked import sign_unchecked

ORGANISATION: Final = "Example Software"
POLICY_OID: Final = x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.1.1")
_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_YEAR: Final = timedelta(days=365)


def key(name: str, kind: str = "rsa2048") -> PrivateKey:
    """The key of that name, made once per session: `rsa<bits>`, `p256`, `p384` or `p521`.

    `rsa2048-slow` is one whose public exponent is as long as its modulus.
    """
    return _made(name, kind)


@cache
def _made(_name: str, kind: str) -> PrivateKey:
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    if kind == "rsa2048-slow":
        return _slow(rsa.generate_private_key(65537, 2048).private_numbers())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


def _slow(numbers: rsa.RSAPrivateNumbers) -> rsa.RSAPrivateKey:
    """The same primes, with the two exponents in each other's place."""
    swapped = rsa.RSAPublicNumbers(numbers.d, numbers.public_numbers.n)
    d = numbers.public_numbers.e
    p, q = numbers.p, numbers.q
    return rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), numbers.iqmp, swapped
    ).private_key()


@dataclass(frozen=True)
class Recipe:
    """One certificate, in the words of the bad cases below."""

    common_name: str
    key_name: str
    issuer: str
    """Name of the recipe of its issuer, or its own for a root."""
    organisation: str | None = ORGANISATION
    key_kind: str = "rsa2048"
    ca: bool | None = False
    """None leaves basic constraints out."""
    path_length: int | None = None
    usage: frozenset[str] | None = frozenset({"digital_signature"})
    extended: tuple[x509.ObjectIdentifier, ...] | None = None
    policies: tuple[x509.ObjectIdentifier, ...] = ()
    begins: timedelta = timedelta(days=-30)
    ends: timedelta = _YEAR
    digest: str = "sha256"
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    signed_by: tuple[str, str] | None = None
    """Name and kind of a key to sign with instead of the issuer's."""


CA_USAGE: Final = frozenset({"key_cert_sign", "crl_sign"})
SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH


def good(kind: Kind, organisation: str = ORGANISATION) -> dict[str, Recipe]:
    """The chain as the profile wants it: root, issuing CA, leaf."""
    return {
        "root": Recipe(
            "root",
            "root",
            "root",
            organisation,
            ca=True,
            path_length=1,
            usage=CA_USAGE,
            ends=10 * _YEAR,
        ),
        "ca": Recipe(
            f"{kind} CA",
            f"{kind}-ca",
            "root",
            organisation,
            ca=True,
            path_length=0,
            usage=CA_USAGE,
            extended=(EKU[kind],),
            policies=(POLICY_OID,),
            ends=5 * _YEAR,
        ),
        "leaf": Recipe(f"{kind} signer", f"{kind}-leaf", "ca", organisation, extended=(EKU[kind],)),
    }


_OTHER: Final = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.9.9"), b"\x05\x00"
)
_NAMES: Final = x509.NameConstraints(
    permitted_subtrees=[
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody Else")]))
    ],
    excluded_subtrees=None,
)
_PAST: Final = {"begins": timedelta(days=-90), "ends": timedelta(days=-1)}
_FUTURE: Final = {"begins": timedelta(days=1)}

# name: recipe -> what is different from the good chain.
BAD: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "leaf-expired": {"leaf": _PAST},
    "leaf-not-yet-valid": {"leaf": _FUTURE},
    "ca-expired": {"ca": _PAST},
    "root-expired": {"root": _PAST},
    "leaf-is-ca": {
        "ca": {"path_length": 1},
        "leaf": {"ca": True, "path_length": 0, "usage": CA_USAGE | {"digital_signature"}},
    },
    "ca-is-no-ca": {"ca": {"ca": False, "path_length": None}},
    "ca-without-constraints": {"ca": {"ca": None, "path_length": None}},
    "root-path-length": {"root": {"path_length": 0}},
    "leaf-without-key-usage": {"leaf": {"usage": None}},
    "leaf-cannot-sign": {"leaf": {"usage": frozenset({"key_encipherment"})}},
    "leaf-signs-certificates": {"leaf": {"usage": frozenset({"digital_signature", "key_cert_sign"})}},
    "ca-cannot-sign-certificates": {"ca": {"usage": frozenset({"crl_sign"})}},
    "leaf-by-sha1": {"leaf": {"digest": "sha1"}},
    "leaf-by-sha224": {"leaf": {"digest": "sha224"}},
    "leaf-rsa1024": {"leaf": {"key_kind": "rsa1024"}},
    "leaf-p521": {"leaf": {"key_kind": "p521"}},
    "ca-p521": {"ca": {"key_kind": "p521"}},
    "ca-rsa1024": {"ca": {"key_kind": "rsa1024"}},
    "leaf-slow-exponent": {"leaf": {"key_kind": "rsa2048-slow"}},
    "ca-slow-exponent": {"ca": {"key_kind": "rsa2048-slow"}},
    "leaf-unknown-critical": {"leaf": {"extra": ((_OTHER, True),)}},
    "ca-unknown-critical": {"ca": {"extra": ((_OTHER, True),)}},
    "ca-name-constraints": {"ca": {"extra": ((_NAMES, False),)}},
    "ca-name-constraints-critical": {"ca": {"extra": ((_NAMES, True),)}},
    "leaf-by-another-key": {"leaf": {"signed_by": ("stranger", "rsa2048")}},
    "eku-absent": {"leaf": {"extended": None}},
    "eku-any": {"leaf": {"extended": (ANY_USAGE,)}},
    "eku-server-auth": {"leaf": {"extended": (SERVER_AUTH,)}},
    "eku-code-signing-only": {"leaf": {"extended": (CODE_SIGNING,)}},
    "ca-eku-absent": {"ca": {"extended": None}},
    "ca-eku-any": {"ca": {"extended": (ANY_USAGE,)}},
    "ca-eku-server-auth": {"ca": {"extended": (SERVER_AUTH,)}},
    "root-eku-excludes": {"root": {"extended": (SERVER_AUTH,)}},
    "ca-of-others": {"ca": {"organisation": "Somebody Else"}},
    "ca-without-organisation": {"ca": {"organisation": None}},
    "ca-without-policy": {"ca": {"policies": ()}},
}


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
            name: self._issue(name, self.recipes(kind, bad, **changes)) for name in ("root", "ca", "leaf")
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
            .issuer_name(_name(recipe))
            .last_update(self.at + begins)
            .next_update(self.at + ends)
        )
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.at + begins)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key(*(signed_by or (recipe.key_name, recipe.key_kind))), hashes.SHA256())

    def _issue(self, name: str, recipes: Mapping[str, Recipe]) -> x509.Certificate:
        recipe = recipes[name]
        issuer = recipes[recipe.issuer]
        public = key(recipe.key_name, recipe.key_kind).public_key()
        authority = key(issuer.key_name, issuer.key_kind)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(recipe))
            .issuer_name(_name(issuer))
            .public_key(public)
            .serial_number(_serial(recipe))
            .not_valid_before(self.at + recipe.begins)
            .not_valid_after(self.at + recipe.ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
            )
        )
        for extension, critical in (*_extensions(recipe), *recipe.extra):
            builder = builder.add_extension(extension, critical=critical)
        signing_key = key(*recipe.signed_by) if recipe.signed_by else authority
        if recipe.digest == "sha1":
            return _by_sha1(builder.sign(signing_key, hashes.SHA256()), signing_key)
        return builder.sign(signing_key, hashes.SHA224() if recipe.digest == "sha224" else hashes.SHA256())


def _name(recipe: Recipe) -> x509.Name:
    organisation = (
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, recipe.organisation)] if recipe.organisation else []
    )
    return x509.Name([*organisation, x509.NameAttribute(NameOID.COMMON_NAME, recipe.common_name)])


def _serial(recipe: Recipe) -> int:
    """The same for the same recipe, so that a CRL may name it."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(repr(recipe).encode())
    return int.from_bytes(digest.finalize()[:15]) + 1


def _extensions(recipe: Recipe) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if recipe.ca is not None:
        yield x509.BasicConstraints(recipe.ca, recipe.path_length), True
    if recipe.usage is not None:
        yield x509.KeyUsage(**{name: name in recipe.usage for name in _KEY_USAGES}), True
    if recipe.extended is not None:
        yield x509.ExtendedKeyUsage(recipe.extended), False
    if recipe.policies:
        yield x509.CertificatePolicies([x509.PolicyInformation(one, None) for one in recipe.policies]), False


def _by_sha1(certificate: x509.Certificate, signing_key: PrivateKey) -> x509.Certificate:
    """The certificate truly signed by RSA with SHA-1, which the builder will not do any more."""
    assert isinstance(signing_key, rsa.RSAPrivateKey)
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    renamed = x509.load_der_x509_certificate(certificate.public_bytes(Encoding.DER).replace(sha256, sha1))
    signature = signing_key.sign(renamed.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the very thing that must be refused
    body = renamed.public_bytes(Encoding.DER)[: -len(renamed.signature)]
    return x509.load_der_x509_certificate(body + signature)


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
