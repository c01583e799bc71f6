"""Ways to be refused: for every code one document, or more, made for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from feedsrv.codec.feed import write_feed
from feedsrv.model.feed import Entry, EntryState, digest_of
from feedsrv.trust.opening import OpenedFeed, OpenedMitigation, TrustedFeed, open_feed, open_mitigation
from feedsrv.trust.profile import CODE_SIGNING, EKU, SERVER_AUTH, Kind
from tests.pki import ORGANISATION, POLICY_OID, Pki, key, sample_feed, sample_mitigation
from tests.unchecked import sign_unchecked, splice

SIGNATURE: Final = re.compile(rb"<ds:Signature .*</ds:Signature>", re.DOTALL)
_CERTIFICATE: Final = re.compile(rb"<ds:X509Certificate>[^<]*</ds:X509Certificate>")


class Bench:
    """A publisher with one feed and one mitigation, and a receiver who trusts it."""

    def __init__(self) -> None:
        self.pki = Pki()
        self.at = self.pki.at
        self.feed = sample_feed(self.at)
        self.unsigned = write_feed(self.feed)
        self.signed = self.pki.sign_feed(self.feed)
        self.mitigation = sample_mitigation(self.at)
        self.signed_mitigation = self.pki.sign_mitigation(self.mitigation)

    def open(
        self,
        data: bytes,
        *,
        at: datetime | None = None,
        trusted: TrustedFeed | None = None,
        **policy: Any,  # noqa: ANN401 - passed on to TrustPolicy
    ) -> OpenedFeed:
        """As a receiver does who pins the good root."""
        return open_feed(data, self.pki.policy(**policy), at=at or self.at, trusted=trusted)

    def open_mitigation(self, data: bytes, **context: Any) -> OpenedMitigation:  # noqa: ANN401 - passed on
        """As a receiver does who pins the good root."""
        return open_mitigation(data, self.pki.policy(), at=self.at, **context)

    def under(self, bad: str, **changes: Any) -> OpenedFeed:  # noqa: ANN401 - passed on to Pki.signer
        """A good feed signed under a bad chain, judged by who asks for organisation and policy, too."""
        signer = self.pki.signer(Kind.FEED, bad, **changes)
        data = sign_unchecked(self.unsigned, signer.private_key, signer.chain)
        policy = self.pki.policy(Kind.FEED, bad, organisation=ORGANISATION, policy_oid=POLICY_OID)
        return open_feed(data, policy, at=self.at)

    def shaped(self, **shape: Any) -> bytes:  # noqa: ANN401 - passed on to sign_unchecked
        """The good feed under the good chain, signed in another shape."""
        signer = self.pki.signer(Kind.FEED)
        return sign_unchecked(self.unsigned, signer.private_key, signer.chain, **shape)

    def with_certificates(self, *certificates: x509.Certificate) -> bytes:
        """The good feed by the good key, with these certificates beside it."""
        return sign_unchecked(self.unsigned, self.pki.signer(Kind.FEED).private_key, certificates)

    def chain(self, bad: str | None = None) -> tuple[x509.Certificate, ...]:
        """Leaf, CA, root."""
        found = self.pki.certificates(Kind.FEED, bad)
        return found["leaf"], found["ca"], found["root"]

    def signature(self) -> bytes:
        """The bytes of the good signature."""
        found = SIGNATURE.search(self.signed)
        assert found
        return found[0]

    def altered(self, old: bytes, new: bytes) -> bytes:
        """The signed feed with one thing changed."""
        assert old in self.signed
        return self.signed.replace(old, new, 1)

    def with_crl(self, **crl: Any) -> OpenedFeed:  # noqa: ANN401 - passed on to Pki.crl
        """The good feed, judged by who has a CRL at hand."""
        return self.open(self.signed, crls=(self.pki.crl(**crl),))

    def trusted(self, **changes: Any) -> TrustedFeed:  # noqa: ANN401 - passed on to TrustedFeed
        """What is remembered of the good feed."""
        return replace(TrustedFeed("exchange-2019", "production", 7, digest_of(self.signed)), **changes)

    def entry(self, **changes: Any) -> Entry:  # noqa: ANN401 - passed on to Entry
        """The feed's line for the good mitigation."""
        data = self.signed_mitigation
        return replace(Entry("M0001", 2, EntryState.ACTIVE, digest_of(data), len(data)), **changes)

    def mitigation_with(self, **changes: Any) -> bytes:  # noqa: ANN401 - passed on to Mitigation
        """Another mitigation, just as well signed."""
        return self.pki.sign_mitigation(sample_mitigation(self.at, **changes))


Case = Callable[[Bench], object]


def _many_attributes(bench: Bench) -> bytes:
    return bench.altered(b"<Feed ", b"<Feed " + b" ".join(b'a%d="1"' % n for n in range(80)) + b" ")


def _signature_first(bench: Bench) -> bytes:
    signature = bench.signature()
    return bench.signed.replace(signature, b"").replace(b"<Poll", signature + b"<Poll", 1)


def _content_invalid(bench: Bench) -> OpenedFeed:
    signer = bench.pki.signer(Kind.FEED)
    unsigned = bench.unsigned.replace(b'state="active"', b'state="perhaps"', 1)
    return bench.open(sign_unchecked(unsigned, signer.private_key, signer.chain))


def _other_organisation(bench: Bench) -> OpenedFeed:
    return bench.open(bench.signed, organisation="Example Software Ltd")


def _library_only(bench: Bench) -> OpenedFeed:
    """A DNS name outside the CA's constraints: our own checks do not look at DNS names."""
    limits = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)
    name = x509.SubjectAlternativeName([x509.DNSName("elsewhere.test")])
    signer = bench.pki.signer(Kind.FEED, ca={"extra": ((limits, True),)}, leaf={"extra": ((name, False),)})
    return bench.open(sign_unchecked(bench.unsigned, signer.private_key, signer.chain))


def _ambiguous(bench: Bench) -> OpenedFeed:
    other = bench.pki.certificates(Kind.FEED, leaf={"common_name": "another signer"})["leaf"]
    return bench.open(bench.with_certificates(*bench.chain()[:2], other))


def _unpinned(bench: Bench) -> OpenedFeed:
    return open_feed(bench.signed, replace(bench.pki.policy(), anchors=(_other_root(bench),)), at=bench.at)


def _unpinned_though_embedded(bench: Bench) -> OpenedFeed:
    data = bench.with_certificates(*bench.chain())
    return open_feed(data, replace(bench.pki.policy(), anchors=(_other_root(bench),)), at=bench.at)


def _revoked_ca(bench: Bench) -> OpenedFeed:
    return bench.with_crl(of="root", revoked=[bench.chain()[1].serial_number])


def _outliving(bench: Bench) -> OpenedFeed:
    ends = bench.chain()[0].not_valid_after_utc
    return bench.open(bench.pki.sign_feed(replace(bench.feed, expires=ends + timedelta(seconds=1))))


def _old_mitigation(bench: Bench) -> OpenedMitigation:
    return bench.open_mitigation(bench.signed_mitigation, held_revision=3)


_NOT_CRITICAL: Final = {"turned": frozenset({"constraints"})}
_PREVIEW: Final = {"channel": "preview"}

# For every code at least one way to meet it; `test_refusals` makes sure of "every".
CASES: Final[dict[str, Iterable[Case]]] = {
    "trust.document_limits": [
        lambda b: b.open(_many_attributes(b)),
        lambda b: b.open(b.signed.replace(b"<Poll", b"<Poll" + b' xmlns:a="a"' * 70, 1)),
        lambda b: b.open(b.signed.replace(b"<Poll", b'<a xmlns:b="c"/>' * 70 + b"<Poll", 1)),
        lambda b: b.open(b"<a>" * 100 + b"</a>" * 100),
        lambda b: b.open(b" " * 4_000_000),
        lambda b: b.open(b.altered(b"<ds:X509Certificate>", b"<ds:X509Certificate>" + b"A" * 17_000)),
        lambda b: b.open(b.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>" + b"A" * 5_000)),
    ],
    "trust.document_malformed": [
        lambda b: b.open(b.signed[:-10]),
        lambda b: b.open(b""),
        lambda b: b.open(b"not found"),
        lambda b: b.open(b.altered(b"<Feed", b'<!DOCTYPE Feed [<!ENTITY x "y">]><Feed')),
        lambda b: b.open(b.signed.decode().replace("UTF-8", "UTF-16").encode("utf-16")),
        lambda b: b.open(b.altered(b"<Poll", b"<?evil one?><Poll")),
    ],
    "trust.wrong_kind": [
        lambda b: b.open(b.signed_mitigation),
        lambda b: b.open_mitigation(b.signed),
        lambda b: b.open(b"<html><body>Sign in</body></html>"),
    ],
    "trust.signature_missing": [lambda b: b.open(b.unsigned)],
    "trust.signature_count": [lambda b: b.open(splice(b.signed, b.signature()))],
    "trust.signature_misplaced": [
        lambda b: b.open(_signature_first(b)),
        lambda b: b.open(splice(b.signed, b"<Entry/>")),
        lambda b: b.open(splice(b.signed, b"and more")),
    ],
    "trust.signature_form": [
        lambda b: b.open(b.altered(b"</ds:Signature>", b"<ds:Object/></ds:Signature>")),
        lambda b: b.open(b.altered(b"<ds:SignedInfo>", b'<ds:SignedInfo Id="x">')),
        lambda b: b.open(b.altered(b"<ds:KeyInfo>", b"<ds:KeyInfo>words")),
        lambda b: b.open(b.altered(b"</ds:X509Certificate>", b"</ds:X509Certificate>words")),
        lambda b: b.open(b.altered(b"<ds:SignatureValue>", "<ds:SignatureValue>\u2003".encode())),
        lambda b: b.open(b.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>!")),
        lambda b: b.open(b.altered(b"<ds:DigestValue>", b"<!-- hide --><ds:DigestValue>")),
        lambda b: b.open(b.altered(b"<ds:X509Certificate>", b'<ds:X509Certificate Id="x">')),
    ],
    "trust.signature_reference": [
        lambda b: b.open(b.altered(b'URI=""', b'URI="#a"')),
        lambda b: b.open(b.altered(b' URI=""', b"")),
        lambda b: b.open(b.altered(b'URI=""', b'URI="file:///etc/passwd"')),
        lambda b: b.open(
            b.altered(b"</ds:Transforms>", b'<ds:Transform Algorithm="urn:skip"/></ds:Transforms>')
        ),
        lambda b: b.open(re.sub(rb"(<ds:Reference .*</ds:Reference>)", rb"\1\1", b.signed)),
        lambda b: b.open(re.sub(rb"<ds:Reference .*</ds:Reference>", rb"", b.signed)),
    ],
    "trust.signature_algorithm": [
        lambda b: b.open(b.shaped(method=SignatureMethod.RSA_SHA384)),
        lambda b: b.open(b.shaped(digest=DigestAlgorithm.SHA512)),
        lambda b: b.open(b.altered(b"rsa-sha256", b"hmac-sha256")),
        lambda b: b.open(b.altered(b"rsa-sha256", b"ecdsa-sha256")),
        lambda b: b.open(b.altered(b"2001/10/xml-exc-c14n#", b"2001/10/xml-exc-c14n#WithComments")),
    ],
    "trust.signature_key_info": [
        lambda b: b.open(b.shaped(key_value=True)),
        lambda b: b.open(b.altered(b"<ds:KeyInfo>", b"<ds:KeyInfo><ds:KeyName>a</ds:KeyName>")),
        lambda b: b.open(b.altered(b"<ds:X509Data>", b"<ds:X509Data><ds:X509SubjectName/>")),
    ],
    "trust.certificate_count": [
        lambda b: b.open(_CERTIFICATE.sub(b"", b.signed)),
        lambda b: b.open(b.with_certificates(*b.chain()[:2] * 4)),
    ],
    "trust.certificate_malformed": [
        lambda b: b.open(b.altered(b"<ds:X509Certificate>MII", b"<ds:X509Certificate>AII")),
        lambda b: b.open(b.altered(b"<ds:X509Certificate>MII", b"<ds:X509Certificate>*II")),
        lambda b: b.open(_CERTIFICATE.sub(b"<ds:X509Certificate/>", b.signed)),
        # A no-break space is white to Python, and to nobody else who reads base64.
        lambda b: b.open(b.altered(b"<ds:X509Certificate>", "<ds:X509Certificate>\u00a0".encode())),
    ],
    "trust.signer_ambiguous": [_ambiguous],
    "trust.signature_invalid": [
        lambda b: b.open(b.altered(b'version="7"', b'version="8"')),
        lambda b: b.open(b.altered(b"M0001", b"M0002")),
        lambda b: b.open(sign_unchecked(b.unsigned, key("stranger"), b.chain()[:2])),
        lambda b: b.open(b.altered(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA")),
    ],
    "trust.chain_incomplete": [lambda b: b.open(b.with_certificates(b.chain()[0]))],
    "trust.anchor_unknown": [
        _unpinned,
        _unpinned_though_embedded,
    ],
    "trust.chain_signature": [
        lambda b: b.under("leaf-by-another-key"),
        lambda b: open_feed(b.signed, replace(b.pki.policy(), anchors=(_namesake(b),)), at=b.at),
    ],
    "trust.certificate_expired": [
        lambda b: b.under("leaf-expired"),
        lambda b: b.under("ca-expired"),
        lambda b: b.under("root-expired"),
    ],
    "trust.certificate_not_yet_valid": [
        lambda b: b.under("leaf-not-yet-valid"),
        lambda b: b.open(b.signed, at=b.at - timedelta(days=31)),
    ],
    "trust.signer_is_ca": [
        lambda b: b.under("leaf-is-ca"),
        lambda b: b.open(sign_unchecked(b.unsigned, key("root"), b.chain()[2:])),
        lambda b: b.open(sign_unchecked(b.unsigned, key("feed-ca"), b.chain()[1:2])),
    ],
    "trust.issuer_not_ca": [lambda b: b.under("ca-is-no-ca"), lambda b: b.under("ca-without-constraints")],
    "trust.path_length": [lambda b: b.under("root-path-length")],
    "trust.key_usage": [
        lambda b: b.under("leaf-without-key-usage"),
        lambda b: b.under("leaf-cannot-sign"),
        lambda b: b.under("leaf-signs-certificates"),
        lambda b: b.under("ca-cannot-sign-certificates"),
    ],
    "trust.certificate_algorithm": [lambda b: b.under("leaf-by-sha1"), lambda b: b.under("leaf-by-sha224")],
    "trust.key_size": [
        lambda b: b.under("leaf-rsa1024"),
        lambda b: b.under("leaf-p521"),
        lambda b: b.under("ca-rsa1024"),
        lambda b: b.under("ca-p521"),
        lambda b: b.under("leaf-slow-exponent"),
        lambda b: b.under("ca-slow-exponent"),
    ],
    "trust.critical_extension": [
        lambda b: b.under("leaf-unknown-critical"),
        lambda b: b.under("ca-unknown-critical"),
        lambda b: b.under("ca-name-constraints"),
        lambda b: b.under("ca-name-constraints-critical"),
    ],
    "trust.chain_rejected": [
        _library_only,
        lambda b: b.under("eku-absent", leaf={"extended": (EKU[Kind.FEED],)}, ca=_NOT_CRITICAL),
    ],
    "trust.eku_absent": [lambda b: b.under("eku-absent")],
    "trust.eku_missing": [
        lambda b: b.under("eku-any"),
        lambda b: b.under("eku-server-auth"),
        lambda b: b.under("eku-code-signing-only"),
        lambda b: b.under("eku-absent", leaf={"extended": (EKU[Kind.MITIGATION],)}),
    ],
    "trust.eku_excess": [
        lambda b: b.under("eku-absent", leaf={"extended": (EKU[Kind.FEED], SERVER_AUTH)}),
        lambda b: b.under("eku-absent", leaf={"extended": (EKU[Kind.FEED], EKU[Kind.MITIGATION])}),
        lambda b: b.under("eku-absent", leaf={"extended": (CODE_SIGNING, EKU[Kind.FEED], SERVER_AUTH)}),
    ],
    "trust.issuer_eku_missing": [
        lambda b: b.under("ca-eku-absent"),
        lambda b: b.under("ca-eku-any"),
        lambda b: b.under("ca-eku-server-auth"),
        lambda b: b.under("ca-eku-absent", ca={"extended": (EKU[Kind.MITIGATION],)}),
    ],
    "trust.eku_excluded": [lambda b: b.under("root-eku-excludes")],
    "trust.issuer_organisation": [
        lambda b: b.under("ca-of-others"),
        lambda b: b.under("ca-without-organisation"),
        _other_organisation,
    ],
    "trust.issuer_policy": [lambda b: b.under("ca-without-policy")],
    "trust.signer_revoked": [lambda b: b.with_crl(revoked=[b.chain()[0].serial_number])],
    "trust.issuer_revoked": [_revoked_ca],
    "trust.crl_forged": [
        lambda b: b.with_crl(signed_by=("stranger", "rsa2048")),
        lambda b: b.with_crl(of="root", signed_by=("feed-ca", "rsa2048")),
    ],
    "trust.crl_stale": [lambda b: b.with_crl(begins=timedelta(days=-9), ends=timedelta(days=-1))],
    "trust.crl_not_yet_valid": [lambda b: b.with_crl(begins=timedelta(days=1))],
    "trust.crl_form": [
        lambda b: b.with_crl(extra=[(x509.DeltaCRLIndicator(1), True)]),
        lambda b: b.with_crl(extra=[(x509.DeltaCRLIndicator(1), False)]),
    ],
    "trust.content_invalid": [_content_invalid],
    "feed.stale": [lambda b: b.open(b.signed, trusted=b.trusted(version=8))],
    "feed.forked": [
        lambda b: b.open(b.signed, trusted=b.trusted(digest=digest_of(b"another version 7"))),
    ],
    "feed.other": [
        lambda b: b.open(b.signed, trusted=b.trusted(product="exchange-2016")),
        lambda b: b.open(b.signed, trusted=b.trusted(channel="preview")),
    ],
    "feed.outlives_certificate": [_outliving],
    "feed.expired": [
        lambda b: b.open(b.signed, at=b.at + timedelta(days=3)),
        lambda b: b.open(b.signed, at=b.feed.expires),
    ],
    "mitigation.size_mismatch": [
        lambda b: b.open_mitigation(b.signed_mitigation, entry=b.entry(size=1)),
        lambda b: b.open_mitigation(b.signed_mitigation + b"\n", entry=b.entry()),
    ],
    "mitigation.digest_mismatch": [
        lambda b: b.open_mitigation(b.signed_mitigation, entry=b.entry(digest=digest_of(b"x"))),
    ],
    "mitigation.other": [
        lambda b: b.open_mitigation(b.signed_mitigation, entry=b.entry(id="M0002")),
        lambda b: b.open_mitigation(b.signed_mitigation, entry=b.entry(revision=3)),
    ],
    "mitigation.other_channel": [
        lambda b: b.open_mitigation(b.mitigation_with(**_PREVIEW), channel="production"),
    ],
    "mitigation.other_product": [
        lambda b: b.open_mitigation(b.signed_mitigation, product="exchange-2016"),
    ],
    "mitigation.older_revision": [_old_mitigation],
}


def _other_root(bench: Bench) -> x509.Certificate:
    return bench.pki.certificates(Kind.FEED, root={"common_name": "another root"})["root"]


def _namesake(bench: Bench) -> x509.Certificate:
    """A root of the same name with another key."""
    return bench.pki.certificates(Kind.FEED, root={"key_name": "stranger"})["root"]
