"""Certificates that break one rule: constraints, key usages, algorithms, keys, names, policies."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from tests.hostile.chains import (
    UNKNOWN_EXTENSION,
    between,
    broken,
    ca_with_modulus,
    policy_with_root,
)
from tests.hostile.flaws import Context, Flaw
from tests.hostile.genuine import Genuine
from tests.pki import ORGANISATION

_NAMES: Final = x509.NameConstraints(
    permitted_subtrees=None,
    excluded_subtrees=[
        x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, ORGANISATION)]))
    ],
)
_DNS: Final = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)
_ELSEWHERE: Final = x509.SubjectAlternativeName([x509.DNSName("elsewhere.test")])


def _huge_key(one: Genuine) -> bytes:
    return one.resigned(certificates=(one.signer.chain[0], ca_with_modulus(one, 16_384)))


RULES: Final = (
    Flaw(
        "ca-is-none",
        "the issuing CA says that it is no CA",
        "trust.issuer_not_ca",
        lambda g: g.under("ca-is-no-ca"),
    ),
    Flaw(
        "ca-without-constraints",
        "the issuing CA does not say that it is a CA",
        "trust.issuer_not_ca",
        lambda g: g.under("ca-without-constraints"),
    ),
    Flaw(
        "root-is-no-ca",
        "the pinned root says that it is no CA",
        "trust.issuer_not_ca",
        context=Context(
            policy=lambda g: policy_with_root(g, ca=False, path_length=None), fits_settings=False
        ),
    ),
    Flaw(
        "one-ca-too-many",
        "there are two CAs below a root that permits one",
        "trust.path_length",
        between,
    ),
    Flaw(
        "root-permits-none",
        "the root permits no CA below itself",
        "trust.path_length",
        context=Context(policy=lambda g: g.policy("root-path-length")),
    ),
    Flaw(
        "signer-without-usage",
        "the signer has no key usage",
        "trust.key_usage",
        lambda g: g.under("leaf-without-key-usage"),
    ),
    Flaw(
        "signer-enciphers",
        "the signer's key enciphers only",
        "trust.key_usage",
        lambda g: g.under("leaf-cannot-sign"),
    ),
    broken(
        "signer-signs-content-only",
        "the signer's key usage is content commitment alone",
        "trust.key_usage",
        leaf={"usage": frozenset({"content_commitment"})},
    ),
    Flaw(
        "signer-signs-certificates",
        "the signer's key may sign certificates, too",
        "trust.key_usage",
        lambda g: g.under("leaf-signs-certificates"),
    ),
    broken(
        "signer-signs-crls",
        "the signer's key may sign revocation lists, too",
        "trust.key_usage",
        leaf={"usage": frozenset({"digital_signature", "crl_sign"})},
    ),
    Flaw(
        "ca-signs-no-certificates",
        "the issuing CA's key may not sign certificates",
        "trust.key_usage",
        lambda g: g.under("ca-cannot-sign-certificates"),
    ),
    broken("ca-without-usage", "the issuing CA has no key usage", "trust.key_usage", ca={"usage": None}),
    broken(
        "signer-unknown-critical",
        "the signer has a critical extension that nobody knows",
        "trust.critical_extension",
        leaf={"extra": ((UNKNOWN_EXTENSION, True),)},
    ),
    broken(
        "ca-unknown-critical",
        "the issuing CA has a critical extension that nobody knows",
        "trust.critical_extension",
        ca={"extra": ((UNKNOWN_EXTENSION, True),)},
    ),
    broken(
        "ca-names-excluded",
        "the issuing CA may not name the publisher, and says so without stress",
        "trust.critical_extension",
        ca={"extra": ((_NAMES, False),)},
    ),
    broken(
        "ca-names-excluded-critical",
        "the issuing CA may not name the publisher",
        "trust.critical_extension",
        ca={"extra": ((_NAMES, True),)},
    ),
    broken(
        "ca-names-of-hosts",
        "the signer has a host name outside those of its CA",
        "trust.chain_rejected",
        ca={"extra": ((_DNS, True),)},
        leaf={"extra": ((_ELSEWHERE, False),)},
    ),
    Flaw(
        "signer-by-sha1",
        "the signer's certificate is by SHA-1",
        "trust.certificate_algorithm",
        lambda g: g.under("leaf-by-sha1"),
    ),
    Flaw(
        "ca-by-sha1",
        "the issuing CA's certificate is by SHA-1",
        "trust.certificate_algorithm",
        lambda g: g.under(ca={"digest": "sha1"}),
    ),
    broken(
        "signer-by-sha224",
        "the signer's certificate is by SHA-224",
        "trust.certificate_algorithm",
        leaf={"digest": "sha224"},
    ),
    Flaw(
        "signer-rsa-1024",
        "the signer's key has 1024 bits",
        "trust.key_size",
        lambda g: g.under("leaf-rsa1024"),
    ),
    Flaw(
        "ca-rsa-1024", "the issuing CA's key has 1024 bits", "trust.key_size", lambda g: g.under("ca-rsa1024")
    ),
    Flaw("signer-p521", "the signer's key is on P-521", "trust.key_size", lambda g: g.under("leaf-p521")),
    Flaw("ca-p521", "the issuing CA's key is on P-521", "trust.key_size", lambda g: g.under("ca-p521")),
    Flaw("ca-rsa-16384", "the issuing CA's key has 16384 bits", "trust.key_size", _huge_key),
    Flaw(
        "signer-slow-exponent",
        "the signer's exponent is as long as its modulus",
        "trust.key_size",
        lambda g: g.under("leaf-slow-exponent"),
    ),
    Flaw(
        "ca-slow-exponent",
        "the issuing CA's exponent is as long as its modulus",
        "trust.key_size",
        lambda g: g.under("ca-slow-exponent"),
    ),
    Flaw(
        "ca-of-others",
        "the issuing CA belongs to somebody else",
        "trust.issuer_organisation",
        lambda g: g.under("ca-of-others"),
    ),
    Flaw(
        "ca-of-nobody",
        "the issuing CA names no organisation",
        "trust.issuer_organisation",
        lambda g: g.under("ca-without-organisation"),
    ),
    broken(
        "ca-of-nearly-us",
        "the issuing CA's organisation only begins as the publisher's",
        "trust.issuer_organisation",
        ca={"organisation": ORGANISATION + " Ltd"},
    ),
    Flaw(
        "ca-without-policy",
        "the issuing CA does not carry the policy that is asked for",
        "trust.issuer_policy",
        lambda g: g.under("ca-without-policy"),
    ),
    Flaw(
        "policy-of-another-root",
        "the receiver pins another root",
        "trust.anchor_unknown",
        context=Context(policy=lambda g: policy_with_root(g, common_name="another root")),
    ),
    Flaw(
        "policy-of-a-namesake",
        "the receiver pins a root of the same name with another key",
        "trust.chain_signature",
        context=Context(policy=lambda g: policy_with_root(g, key_name="stranger")),
    ),
)
