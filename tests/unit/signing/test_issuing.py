from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from feedsrv.signing import issuing
from feedsrv.signing.building import IssuingFailedError
from feedsrv.signing.documents import KeyMismatchError
from feedsrv.signing.elsewhere import EllipticElsewhere
from feedsrv.signing.entitlement import IssuerUnfitError
from feedsrv.signing.issuing import (
    Authority,
    LifetimeError,
    issue,
    issue_crl,
    issue_root,
)
from feedsrv.signing.requesting import (
    RequestKeyError,
    RequestNameError,
    RequestRoleError,
)
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.profile import EKU, PROFILES, Kind, Role
from tests.authorities import (
    BELOW_A_ROOT,
    NOW,
    ORGANISATION,
    any_authority,
    elsewhere,
    issued,
    make_ca,
    make_root,
    openssl,
    pem,
    usage_of,
)
from tests.pki import key


class TestWhatIsIssued:
    """Every role's certificate is what verifiers of ours and of others want."""

    @pytest.mark.parametrize("role", Role)
    def test_our_own_lint_finds_nothing(self, role: Role) -> None:
        """Neither a refusal nor advice, for any of the eight roles."""
        certificate, issuers = issued(role)

        assert lint_certificate(certificate, [role], at=NOW, issuers=issuers) == ()

    @pytest.mark.parametrize("role", Role)
    def test_openssl_accepts_chain_and_purpose(self, role: Role, tmp_path: Path) -> None:
        """Strictly (`-x509_strict`), at the time of issuing, and for the purpose where it knows it."""
        certificate, issuers = issued(role)
        (tmp_path / "leaf.pem").write_bytes(pem(certificate))
        (tmp_path / "root.pem").write_bytes(pem([certificate, *issuers][-1]))
        (tmp_path / "between.pem").write_bytes(pem(*issuers[:-1], certificate))
        purposes = {
            Role.TLS_SERVER: "sslserver",
            Role.TLS_AGENT: "sslclient",
            Role.TIME_STAMPING: "timestampsign",
        }

        said = openssl(
            *("verify", "-x509_strict", "-attime", str(int(NOW.timestamp()))),
            *("-purpose", purposes.get(role, "any")),
            *("-CAfile", "root.pem", "-untrusted", "between.pem", "leaf.pem"),
            cwd=tmp_path,
        )

        assert said == "leaf.pem: OK\n"

    @pytest.mark.parametrize("role", BELOW_A_ROOT)
    def test_it_lives_as_long_as_the_profile_says(self, role: Role) -> None:
        """From an hour ago, since other machines' clocks are behind."""
        certificate, _ = issued(role)

        assert certificate.not_valid_after_utc == NOW + PROFILES[role].lifetime
        assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)

    def test_it_never_outlives_its_issuer_nor_begins_before_it(self) -> None:
        """Whatever was asked for: a chain is as good as the shortest of it."""
        begins, ends = NOW - timedelta(minutes=10), NOW + timedelta(days=10)
        ca = any_authority(extended=[EKU[Kind.FEED]], begins=begins, ends=ends)

        found = issue(Role.FEED_SIGNER, key("y", "p256").public_key(), ca, organisation="E", now=NOW)

        assert (found.not_valid_before_utc, found.not_valid_after_utc) == (begins, ends)

    def test_a_shorter_life_is_granted(self) -> None:
        """And nothing longer than the profile says."""
        ca, public_key = make_ca(Role.FEED_CA, make_root()), key("short", "p256").public_key()
        day = timedelta(days=1)

        short = issue(Role.FEED_SIGNER, public_key, ca, organisation="E", now=NOW, lifetime=day)

        assert short.not_valid_after_utc == NOW + day
        for wrong in (timedelta(days=91), timedelta(0), -day):
            with pytest.raises(LifetimeError, match="up to 90 days"):
                issue(Role.FEED_SIGNER, public_key, ca, organisation="E", now=NOW, lifetime=wrong)

    @pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
    def test_a_ca_whose_key_lives_in_a_module_issues_as_well(self, kind: str, tmp_path: Path) -> None:
        """It is asked to sign and for its public key, and for nothing else."""
        root = Authority(
            issue_root(elsewhere(key("far", kind)), organisation="Far", now=NOW), elsewhere(key("far", kind))
        )

        ca = issue(Role.FEED_CA, key("near", "p256").public_key(), root, organisation="Far", now=NOW)
        crl = issue_crl(root, revoked=[(ca.serial_number, NOW, "superseded")], now=NOW)

        (tmp_path / "root.pem").write_bytes(pem(root.certificate))
        (tmp_path / "ca.pem").write_bytes(pem(ca))
        (tmp_path / "root.crl").write_bytes(crl.public_bytes(Encoding.PEM))
        at = str(int(NOW.timestamp()))
        assert "ca.pem: OK" in openssl("verify", "-attime", at, "-CAfile", "root.pem", "ca.pem", cwd=tmp_path)
        assert "verify OK" in openssl(
            "crl", "-noout", "-verify", "-CAfile", "root.pem", "-in", "root.crl", cwd=tmp_path
        )

    def test_a_module_that_signs_wrongly_issues_nothing(self) -> None:
        """What it signed is verified before anybody gets it."""
        real, other = key("real", "p256"), key("other", "p256")
        assert isinstance(real, ec.EllipticCurvePrivateKey)
        root = make_root("real")

        class Wrong(EllipticElsewhere):
            def sign(self, *_: object, **__: object) -> bytes:
                assert isinstance(other, ec.EllipticCurvePrivateKey)
                return other.sign(b"something else", ec.ECDSA(hashes.SHA256()))

        wrong = Authority(root.certificate, Wrong(real.public_key(), lambda _: b"", name="wrong module"))

        with pytest.raises(IssuingFailedError, match="does not hold"):
            issue(Role.FEED_CA, key("x", "p256").public_key(), wrong, organisation="E", now=NOW)
        with pytest.raises(IssuingFailedError, match="does not hold"):
            issue_crl(wrong, now=NOW)

    def test_it_names_its_issuers_key_as_the_issuer_does(self) -> None:
        """A CA of another maker may name its key by another digest; OpenSSL compares the two."""
        own = key("foreign", "p256")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Foreign")])
        foreign = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(own.public_key())
            .serial_number(7)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=999))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier(b"by another digest"), critical=False)
            .add_extension(usage_of("key_cert_sign", "crl_sign"), critical=True)
            .sign(own, hashes.SHA256())
        )

        ca = issue(
            Role.FEED_CA, key("z", "p256").public_key(), Authority(foreign, own), organisation="E", now=NOW
        )

        named = ca.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert named.key_identifier == b"by another digest"


class TestAnUnfitIssuer:
    """What receivers would refuse is not issued; the message names CA, usage or date."""

    @pytest.mark.parametrize(
        ("issuer", "role", "said"),
        [
            (any_authority(usage=["crl_sign"]), Role.FEED_CA, "keyCertSign"),
            (any_authority(path_length=0), Role.FEED_CA, "path length 0"),
            (any_authority(is_ca=False), Role.FEED_CA, "is no CA"),
            (any_authority(ends=NOW), Role.FEED_CA, "ended at 2026-06-01T12:00:00Z"),
            (any_authority(begins=NOW + timedelta(days=1)), Role.FEED_CA, "set the clock right"),
            (any_authority(), Role.FEED_SIGNER, EKU[Kind.FEED].dotted_string),
            (any_authority(extended=[EKU[Kind.MITIGATION]]), Role.FEED_SIGNER, EKU[Kind.FEED].dotted_string),
            (any_authority(extended=[EKU[Kind.FEED]]), Role.TLS_AGENT, "1.3.6.1.5.5.7.3.2"),
        ],
    )
    def test_it_is_refused_by_name_and_reason(self, issuer: Authority, role: Role, said: str) -> None:
        """Usage, path length, dates, and the usage that its documents' receivers ask for."""
        with pytest.raises(IssuerUnfitError, match=said):
            issue(role, key("x", "p256").public_key(), issuer, organisation="E", now=NOW)

    def test_a_clock_in_1970_is_told_to_be_set(self) -> None:
        """A machine that has just lost its battery must not date certificates."""
        with pytest.raises(IssuerUnfitError, match=r"1970-01-01.*set the clock right"):
            issue_crl(make_root(), now=datetime(1970, 1, 1, tzinfo=UTC))

    def test_any_usage_in_a_ca_is_enough_for_tls_and_never_for_documents(self) -> None:
        """As receivers have it."""
        issuer = any_authority(extended=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
        public_key = key("x", "p256").public_key()

        issue(Role.TLS_AGENT, public_key, issuer, organisation="E", now=NOW)

        with pytest.raises(IssuerUnfitError, match="receivers would refuse"):
            issue(Role.FEED_SIGNER, public_key, issuer, organisation="E", now=NOW)

    def test_a_key_of_another_ca_signs_nothing(self) -> None:
        """Certificate and key of an issuer belong together."""
        mixed = Authority(make_root().certificate, key("stranger", "p256"))

        with pytest.raises(KeyMismatchError):
            issue(Role.FEED_CA, key("x", "p256").public_key(), mixed, organisation="E", now=NOW)
        with pytest.raises(KeyMismatchError):
            issue_crl(mixed, now=NOW)

    def test_without_crl_sign_there_is_no_crl(self) -> None:
        """Receivers refuse the CRLs of such a CA."""
        with pytest.raises(IssuerUnfitError, match="cRLSign"):
            issue_crl(any_authority(usage=["key_cert_sign"]), now=NOW)

    def test_the_keys_of_an_authority_stay_out_of_its_words(self) -> None:
        """They end up in logs."""
        assert "private_key" not in repr(make_root())


class TestWhatCannotBeIssued:
    """Names and keys that no certificate holds."""

    def test_a_root_is_not_issued_by_another(self) -> None:
        """It signs itself; another CA vouches for it by a cross-certificate."""
        with pytest.raises(RequestRoleError, match="signs itself"):
            issue(Role.ROOT, key("x", "p256").public_key(), make_root(), organisation="E", now=NOW)

    def test_the_cas_own_name_is_not_given_away(self) -> None:
        """Receivers tell signer and CA apart by it."""
        root = make_root()
        ca = make_ca(Role.FEED_CA, root)
        name = f"{ORGANISATION} {Role.FEED_CA}"
        public_key = key("x", "p256").public_key()

        with pytest.raises(RequestNameError, match="the CA's own"):
            issue(Role.FEED_SIGNER, public_key, ca, organisation=ORGANISATION, common_name=name, now=NOW)

    @pytest.mark.parametrize("kind", ["rsa1024", "p521", "rsa2048-slow"])
    def test_a_key_that_receivers_refuse(self, kind: str) -> None:
        """Too short, on another curve, or with an exponent that takes seconds to verify."""
        ca = make_ca(Role.FEED_CA, make_root())

        with pytest.raises(RequestKeyError, match="RSA of 2048 to 8192 bits"):
            issue(Role.FEED_SIGNER, key("bad", kind).public_key(), ca, organisation="E", now=NOW)


def test_new_keys_are_of_the_size_that_is_issued() -> None:
    """3072 bits."""
    assert issuing.new_key().key_size == 3072
