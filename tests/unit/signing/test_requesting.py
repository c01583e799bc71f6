from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from feedsrv.signing.requesting import (
    RequestKeyError,
    RequestNameError,
    RequestRoleError,
    RequestSignatureError,
    RequestUnreadableError,
    differences,
    make_request,
    read_request,
)
from feedsrv.trust.profile import EKU, KEY_USAGES, PROFILES, Kind, Role
from tests.authorities import BELOW_A_ROOT, elsewhere, openssl, usage_of
from tests.pki import key, pem_of

_SIGN: Final = "digitalSignature"
_ANY: Final = "any number of CAs"
_FEED: Final = EKU[Kind.FEED].dotted_string


def _names(role: Role) -> list[str]:
    return ["ems.example.com"] if role is Role.TLS_SERVER else []


def _request(role: Role = Role.FEED_SIGNER, kind: str = "p256") -> x509.CertificateSigningRequest:
    der = make_request(key("asks", kind), role, organisation="Example", names=_names(role))
    return read_request(der, source="request")


class TestWhatIsAskedFor:
    """Exactly what the profile wants, neither more nor less."""

    @pytest.mark.parametrize("role", BELOW_A_ROOT)
    def test_it_is_what_the_profile_grants(self, role: Role) -> None:
        """Usage, extended usage and constraints; so nothing of it is denied."""
        request = _request(role)

        profile = PROFILES[role]
        usage = request.extensions.get_extension_for_class(x509.KeyUsage)
        asked = frozenset(one for one in list(KEY_USAGES)[:7] if getattr(usage.value, one))
        extended = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        constraints = request.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (usage.critical, asked) == (True, profile.key_usage)
        assert frozenset(extended.value) == profile.extended_key_usage
        assert extended.critical is profile.extended_critical
        assert (constraints.critical, constraints.value) == (
            True,
            x509.BasicConstraints(profile.is_ca, profile.path_length),
        )
        assert differences(request, role) == ()

    @pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
    def test_openssl_verifies_and_reads_it(self, kind: str, tmp_path: Path) -> None:
        """Any CA's software can."""
        der = make_request(key("asks", kind), Role.FEED_SIGNER, organisation="Example Software")
        (tmp_path / "r.der").write_bytes(der)

        said = openssl("req", "-verify", "-noout", "-text", "-inform", "DER", "-in", "r.der", cwd=tmp_path)

        assert "verify OK" in said
        assert "O = Example Software, CN = Example Software feed signer" in said
        assert EKU[Kind.FEED].dotted_string in said
        assert "Digital Signature" in said

    @pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
    def test_a_key_in_a_module_asks_as_well(self, kind: str, tmp_path: Path) -> None:
        """It signs the request, and gives nothing away."""
        der = make_request(elsewhere(key("far", kind)), Role.MITIGATION_CA, organisation="Example")
        (tmp_path / "r.der").write_bytes(der)

        assert "verify OK" in openssl(
            "req", "-verify", "-noout", "-inform", "DER", "-in", "r.der", cwd=tmp_path
        )
        assert read_request(der, source="r").public_key() == key("far", kind).public_key()

    def test_a_tls_end_asks_for_its_names(self) -> None:
        """Names and addresses, each once; the first is the common name."""
        names = ["ems.example.com", "*.ems.example.com", "192.0.2.7", "ems.example.com"]
        der = make_request(key("tls", "p256"), Role.TLS_SERVER, organisation="Example", names=names)

        request = read_request(der, source="r")

        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(one.value) for one in asked] == names[:3]
        assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == names[0]

    def test_a_common_name_of_ones_own(self) -> None:
        """Instead of the one that is made of the role."""
        der = make_request(key("x", "p256"), Role.FEED_CA, organisation="Example", common_name="Feed CA 2")

        assert read_request(der, source="r").subject.rfc4514_string() == "CN=Feed CA 2,O=Example"


class TestWhatCannotBeAskedFor:
    """Refused before anybody sends it, with what to write instead."""

    def test_a_root_signs_itself(self) -> None:
        """Nobody is asked for one."""
        with pytest.raises(RequestRoleError, match="signs itself"):
            make_request(key("x", "p256"), Role.ROOT, organisation="E")

    @pytest.mark.parametrize(
        ("kind", "said"),
        [("rsa1024", "1024 bits"), ("p521", "secp521r1"), ("rsa2048-slow", "exponent of 20")],
    )
    def test_a_key_that_receivers_refuse(self, kind: str, said: str) -> None:
        """The message says what was got and what is accepted."""
        with pytest.raises(RequestKeyError, match=f"{said}.*P-256 or P-384"):
            make_request(key("bad", kind), Role.FEED_SIGNER, organisation="E")

    @pytest.mark.parametrize("text", ["", "  ", "x" * 65, "two\nlines", "a\x00b"])
    def test_a_name_that_cannot_stand_in_a_certificate(self, text: str) -> None:
        """Empty, too long, or not printable, as organisation or as common name."""
        with pytest.raises(RequestNameError, match=r"organisation.*1 to 64 printable"):
            make_request(key("x", "p256"), Role.FEED_CA, organisation=text)
        with pytest.raises(RequestNameError, match=r"common name.*1 to 64 printable"):
            make_request(key("x", "p256"), Role.FEED_CA, organisation="E", common_name=text)

    @pytest.mark.parametrize(
        "name", ["", "two words", "müller.example", "a/b", "x" * 254, "https://a.example"]
    )
    def test_a_name_of_no_machine(self, name: str) -> None:
        """As DNS does not write it."""
        with pytest.raises(RequestNameError, match="no name of a machine"):
            make_request(key("x", "p256"), Role.TLS_SERVER, organisation="E", common_name="x", names=[name])

    def test_a_server_without_names_and_a_signer_with_some(self) -> None:
        """A client would not find the one; the other has no use for them."""
        with pytest.raises(RequestNameError, match="needs the names"):
            make_request(key("x", "p256"), Role.TLS_SERVER, organisation="E")
        with pytest.raises(RequestNameError, match="no names of machines"):
            make_request(key("x", "p256"), Role.FEED_SIGNER, organisation="E", names=["a.example"])
        names = [f"{number}.example" for number in range(101)]
        with pytest.raises(RequestNameError, match="101 names"):
            make_request(key("x", "p256"), Role.TLS_AGENT, organisation="E", names=names)


class TestReadingARequest:
    """What others ask for, in PEM or DER."""

    def test_pem_and_der_are_the_same(self) -> None:
        """Whatever stands around the PEM block."""
        request = _request()

        pem = b"For the CA:\n" + request.public_bytes(Encoding.PEM)

        assert read_request(pem, source="r") == request

    def test_openssls_requests_are_read(self, tmp_path: Path) -> None:
        """An operator may have made one by hand."""
        (tmp_path / "k.pem").write_bytes(pem_of(key("hand", "p256")))
        subprocess.run(
            ["openssl", "req", "-new", "-key", "k.pem", "-subj", "/O=Example/CN=By hand", "-out", "r.pem"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

        request = read_request((tmp_path / "r.pem").read_bytes(), source="r.pem")

        assert request.subject.rfc4514_string() == "CN=By hand,O=Example"
        assert differences(request, Role.FEED_SIGNER) == ()

    @pytest.mark.parametrize("data", [b"", b"<html>", b"\x30\x03\x02\x01\x00", b"-----BEGIN X-----"])
    def test_what_is_no_request_is_told_by_name(self, data: bytes) -> None:
        """With the file, and what to give instead."""
        with pytest.raises(RequestUnreadableError, match=r"r\.pem: is no certificate signing request"):
            read_request(data, source="r.pem")

    def test_a_certificate_is_no_request(self) -> None:
        """The commonest mix-up."""
        with pytest.raises(RequestUnreadableError):
            read_request(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", source="r")

    def test_a_file_of_any_size_is_not_read(self) -> None:
        """A request has a few thousand bytes."""
        with pytest.raises(RequestUnreadableError, match="larger than any request"):
            read_request(bytes(70_000), source="r")

    def test_a_changed_request_is_refused(self) -> None:
        """Its key did not sign that."""
        der = bytearray(_request().public_bytes(Encoding.DER))
        der[der.index(b"feed signer")] ^= 0x20

        with pytest.raises(RequestSignatureError, match="under its own key"):
            read_request(bytes(der), source="r")

    def test_a_key_of_another_kind_is_seen_when_it_is_certified(self) -> None:
        """Reading says what a request is; whether its key will do depends on the role."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        own = ed25519.Ed25519PrivateKey.generate()
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(own, None)

        read = read_request(request.public_bytes(Encoding.DER), source="r")

        assert isinstance(read.public_key(), ed25519.Ed25519PublicKey)


class TestDifferences:
    """In what a request asks for other than it gets, in a sentence for each."""

    def test_each_is_told_with_what_is_granted(self) -> None:
        """More usage, another role's, a CA, and things that the profile does not know."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage_of("digital_signature", "key_agreement", "decipher_only"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=False)
            .add_extension(x509.OCSPNoCheck(), critical=False)
            .sign(key("x", "p256"), hashes.SHA256())
        )

        found = differences(request, Role.FEED_SIGNER)

        but = "; a feed signer gets"
        assert found == (
            f"asks for basic constraints of a CA with {_ANY} below it{but} basic constraints of no CA",
            f"asks for the key usage decipherOnly, digitalSignature, keyAgreement{but} the key usage {_SIGN}",
            f"asks for the extended key usage 1.3.6.1.5.5.7.3.1{but} the extended key usage {_FEED}",
            "asks for the names a.example, which a feed signer does not get",
            "asks for the extension 1.3.6.1.5.5.7.48.1.5, which a feed signer does not get",
        )

    def test_what_is_missing_and_what_is_marked_otherwise(self) -> None:
        """The profile gives it all the same."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(usage_of("digital_signature"), critical=False)
            .sign(key("x", "p256"), hashes.SHA256())
        )

        found = differences(request, Role.TIME_STAMPING)

        assert found == (
            "asks for the key usage digitalSignature not marked critical; it is marked critical",
            "does not ask for basic constraints of no CA, which a time-stamping authority gets",
            "does not ask for the extended key usage 1.3.6.1.5.5.7.3.8, which a time-stamping authority gets",
        )

    def test_a_request_for_another_role_differs(self) -> None:
        """Its usage is that role's."""
        (found,) = differences(_request(Role.MITIGATION_SIGNER), Role.FEED_SIGNER)

        asked = f"asks for the extended key usage {EKU[Kind.MITIGATION].dotted_string}"
        assert found == f"{asked}; a feed signer gets the extended key usage {_FEED}"
