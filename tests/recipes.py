"""Recipes for certificates: the good chain, each bad one by name, and how one is issued from its recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from feedsrv.signing.signer import PrivateKey
from feedsrv.trust.profile import ANY_USAGE, CODE_SIGNING, EKU, KEY_USAGES, SERVER_AUTH, Kind

ORGANISATION: Final = "Example Software"
POLICY_OID: Final = x509.ObjectIdentifier("1.2.840.113556.1.8000.2554.1.1")
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
    subject_key: bool = True
    authority_key: bool = True
    """Whether it identifies its own key, and its issuer's."""
    names: tuple[str, ...] = ()
    """DNS names."""
    turned: frozenset[str] = frozenset()
    """Extensions that are critical where they should not be, or the other way round: `subject-key`,
    `authority-key`, `constraints`, `usage`, `extended`, `policies`, `names`."""


CA_USAGE: Final = frozenset({"key_cert_sign", "crl_sign"})


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


def issue(name: str, recipes: Mapping[str, Recipe], at: datetime) -> x509.Certificate:
    """The certificate of that name, as its recipe says, around that moment."""
    recipe = recipes[name]
    issuer = recipes[recipe.issuer]
    public = key(recipe.key_name, recipe.key_kind).public_key()
    authority = key(issuer.key_name, issuer.key_kind)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of_recipe(recipe))
        .issuer_name(name_of_recipe(issuer))
        .public_key(public)
        .serial_number(_serial(recipe))
        .not_valid_before(at + recipe.begins)
        .not_valid_after(at + recipe.ends)
    )
    if recipe.subject_key:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical="subject-key" in recipe.turned
        )
    if recipe.authority_key:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical="authority-key" in recipe.turned,
        )
    for extension, critical in (*_extensions(recipe), *recipe.extra):
        builder = builder.add_extension(extension, critical=critical)
    signing_key = key(*recipe.signed_by) if recipe.signed_by else authority
    if recipe.digest == "sha1":
        return _by_sha1(builder.sign(signing_key, hashes.SHA256()), signing_key)
    return builder.sign(signing_key, hashes.SHA224() if recipe.digest == "sha224" else hashes.SHA256())


def name_of_recipe(recipe: Recipe) -> x509.Name:
    """The subject that it gives."""
    organisation = (
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, recipe.organisation)] if recipe.organisation else []
    )
    common_name = [x509.NameAttribute(NameOID.COMMON_NAME, recipe.common_name)] if recipe.common_name else []
    return x509.Name([*organisation, *common_name])


def _serial(recipe: Recipe) -> int:
    """The same for the same recipe, so that a CRL may name it."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(repr(recipe).encode())
    return int.from_bytes(digest.finalize()[:15]) + 1


def _extensions(recipe: Recipe) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if recipe.ca is not None:
        yield x509.BasicConstraints(recipe.ca, recipe.path_length), "constraints" not in recipe.turned
    if recipe.usage is not None:
        usage = x509.KeyUsage(**{name: name in recipe.usage for name in KEY_USAGES})
        yield usage, "usage" not in recipe.turned
    if recipe.extended is not None:
        yield x509.ExtendedKeyUsage(recipe.extended), "extended" in recipe.turned
    if recipe.policies:
        policies = [x509.PolicyInformation(one, None) for one in recipe.policies]
        yield x509.CertificatePolicies(policies), "policies" in recipe.turned
    if recipe.names:
        names = [x509.DNSName(name) for name in recipe.names]
        yield x509.SubjectAlternativeName(names), "names" in recipe.turned


def _by_sha1(certificate: x509.Certificate, signing_key: PrivateKey) -> x509.Certificate:
    """The certificate truly signed by RSA with SHA-1, which the builder will not do any more."""
    assert isinstance(signing_key, rsa.RSAPrivateKey)
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    renamed = x509.load_der_x509_certificate(certificate.public_bytes(Encoding.DER).replace(sha256, sha1))
    signature = signing_key.sign(renamed.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the very thing that must be refused
    body = renamed.public_bytes(Encoding.DER)[: -len(renamed.signature)]
    return x509.load_der_x509_certificate(body + signature)
