from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from feedsrv.signing.entitlement import IssuerUnfitError
from feedsrv.signing.issuing import (
    Authority,
    LifetimeError,
    certify,
    cross_certify,
    issue,
)
from feedsrv.signing.requesting import (
    RequestNameError,
    RequestRoleError,
    RequestSignatureError,
    make_request,
    read_request,
)
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import EKU, Kind, Role
from feedsrv.trust.vouching import check_voucher
from tests.authorities import (
    NOW,
    any_authority,
    issued,
    make_ca,
    make_root,
    openssl,
    pem,
    usage_of,
)
from tests.pki import key


class TestAnsweringRequests:
    """A request brings key and subject; the profile decides the rest."""

    def test_its_key_and_subject_are_certified(self) -> None:
        """As they stand, by the profile of the role that the CA's operator names."""
        ca, own = make_ca(Role.FEED_CA, make_root()), key("asks", "p256")
        request = read_request(
            make_request(own, Role.FEED_SIGNER, organisation="Example", common_name="Feed 2026"), source="r"
        )

        certificate = certify(request, Role.FEED_SIGNER, ca, now=NOW)

        assert certificate.public_key() == own.public_key()
        assert certificate.subject.rfc4514_string() == "CN=Feed 2026,O=Example"
        assert lint_certificate(certificate, [Role.FEED_SIGNER], at=NOW, issuers=[ca.certificate]) == ()

    def test_what_it_asks_beyond_the_profile_it_does_not_get(self) -> None:
        """A CA, any usage, names of machines: whoever asks for these is certified as a signer alone."""
        ca, own = make_ca(Role.FEED_CA, make_root()), key("greedy", "p256")
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Greedy")]))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage_of("key_cert_sign", "digital_signature"), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
            .sign(own, hashes.SHA256())
        )

        certificate = certify(request, Role.FEED_SIGNER, ca, now=NOW)

        assert lint_certificate(certificate, [Role.FEED_SIGNER], at=NOW, issuers=[ca.certificate]) == ()
        with pytest.raises(x509.ExtensionNotFound):
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)

    def test_a_tls_end_keeps_the_names_of_machines_and_no_others(self) -> None:
        """Addresses of mail or of pages name no machine."""
        root, own = make_root(), key("tls", "p256")
        names: list[x509.GeneralName] = [
            x509.DNSName("ems.example.com"),
            x509.UniformResourceIdentifier("https://example.com/"),
            x509.RFC822Name("ceo@example.com"),
        ]
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ems.example.com")]))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(own, hashes.SHA256())
        )

        certificate = certify(request, Role.TLS_SERVER, root, now=NOW)

        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(found) == [x509.DNSName("ems.example.com")]

    def test_a_request_without_subject_or_names_is_refused(self) -> None:
        """There is nobody to certify; and clients would not find a server by it."""
        root, own = make_root(), key("nobody", "p256")
        nameless = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])

        with pytest.raises(RequestNameError, match="no subject"):
            certify(nameless.sign(own, hashes.SHA256()), Role.TLS_AGENT, root, now=NOW)
        with pytest.raises(RequestNameError, match="no machine"):
            certify(
                x509.CertificateSigningRequestBuilder().subject_name(subject).sign(own, hashes.SHA256()),
                Role.TLS_SERVER,
                root,
                now=NOW,
            )

    def test_a_request_for_a_root_is_refused(self) -> None:
        """No request makes a root."""
        request = read_request(make_request(key("x", "p256"), Role.FEED_CA, organisation="E"), source="r")

        with pytest.raises(RequestRoleError):
            certify(request, Role.ROOT, make_root(), now=NOW)

    def test_a_request_that_its_key_did_not_sign_is_refused(self) -> None:
        """Whoever asks shows to hold the key."""
        der = bytearray(make_request(key("x", "p256"), Role.FEED_CA, organisation="E"))
        der[der.index(b"issuing CA")] ^= 0x20
        changed = x509.load_der_x509_csr(bytes(der))

        with pytest.raises(RequestSignatureError):
            certify(changed, Role.FEED_CA, make_root(), now=NOW)


class TestCrossCertificates:
    """The same CA under another root."""

    def test_an_issuing_ca_is_believed_under_either_root(self, tmp_path: Path) -> None:
        """What it issued verifies by the one root and by the other."""
        old, new = make_root("old"), make_root("new")
        ca = make_ca(Role.FEED_CA, old)
        leaf = issue(Role.FEED_SIGNER, key("x", "p256").public_key(), ca, organisation="E", now=NOW)

        twin = cross_certify(ca.certificate, new, now=NOW)

        (tmp_path / "leaf.pem").write_bytes(pem(leaf))
        (tmp_path / "twin.pem").write_bytes(pem(twin))
        (tmp_path / "new.pem").write_bytes(pem(new.certificate))
        said = openssl(
            *("verify", "-x509_strict", "-attime", str(int(NOW.timestamp()))),
            *("-CAfile", "new.pem", "-untrusted", "twin.pem", "leaf.pem"),
            cwd=tmp_path,
        )
        assert said == "leaf.pem: OK\n"
        assert (twin.subject, twin.public_key()) == (ca.certificate.subject, ca.certificate.public_key())
        assert lint_certificate(twin, [Role.FEED_CA], at=NOW, issuers=[new.certificate]) == ()

    def test_a_root_is_vouched_for_as_agents_ask(self) -> None:
        """By both usages beside those of a CA, which no other CA's certificate has."""
        old, new = make_root("old"), make_root("new")

        voucher = cross_certify(new.certificate, old, now=NOW)

        policy = TrustPolicy(anchors=(old.certificate,))
        assert check_voucher(new.certificate, voucher, policy, at=NOW, source="v") == old.certificate

    def test_it_outlives_neither_of_the_two(self) -> None:
        """Nor begins before either."""
        old = make_root("old", now=NOW - timedelta(days=3000))
        new = make_root("new", now=NOW - timedelta(days=1))

        voucher = cross_certify(new.certificate, old, now=NOW)

        assert voucher.not_valid_after_utc == old.certificate.not_valid_after_utc
        assert voucher.not_valid_before_utc >= new.certificate.not_valid_before_utc

    @pytest.mark.parametrize(
        ("issuer", "said"),
        [
            (any_authority(path_length=0), "path length 0"),
            (any_authority(extended=[EKU[Kind.FEED]]), EKU[Kind.MITIGATION].dotted_string),
        ],
    )
    def test_a_ca_that_could_not_be_believed_does_not_vouch(self, issuer: Authority, said: str) -> None:
        """It permits no CA, or is limited to one kind of document."""
        with pytest.raises(IssuerUnfitError, match=said):
            cross_certify(make_root().certificate, issuer, now=NOW)

    def test_an_ended_ca_is_not_brought_back(self) -> None:
        """By no other CA's word."""
        with pytest.raises(LifetimeError, match="ended at"):
            cross_certify(any_authority(ends=NOW).certificate, make_root(), now=NOW)

    def test_a_signer_is_not_cross_certified(self) -> None:
        """It is issued anew."""
        leaf, _ = issued(Role.FEED_SIGNER)

        with pytest.raises(RequestRoleError, match="is no CA"):
            cross_certify(leaf, make_root(), now=NOW)
