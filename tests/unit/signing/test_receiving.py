from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from feedsrv.signing.issuing import issue
from feedsrv.signing.receiving import (
    MOST_BYTES,
    MOST_CERTIFICATES,
    BundleKeyKindError,
    BundleKeyUnexpectedError,
    BundlePassphraseError,
    BundlePassphraseMissingError,
    BundleTooLargeError,
    BundleTwoKeysError,
    BundleUnreadableError,
    NoCertificateError,
    read_bundle,
    read_certificates,
)
from feedsrv.signing.requesting import make_request
from feedsrv.trust.profile import Role, spki_id
from tests.authorities import NOW, make_ca, make_root, pem
from tests.pki import key, pem_of

_SECRET: Final = b"open sesame"


@cache
def _chain() -> tuple[x509.Certificate, ...]:
    root = make_root()
    ca = make_ca(Role.FEED_CA, root)
    leaf = issue(Role.FEED_SIGNER, key("mine", "p256").public_key(), ca, organisation="Example", now=NOW)
    return leaf, ca.certificate, root.certificate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Leaf, its key (plain), its issuers and all of them as a CA's customer has them in files."""
    leaf, *issuers = _chain()
    (tmp_path / "leaf.pem").write_bytes(pem(leaf))
    (tmp_path / "leaf.key").write_bytes(pem_of(key("mine", "p256")))
    (tmp_path / "issuers.pem").write_bytes(pem(*issuers))
    (tmp_path / "all.pem").write_bytes(pem(*_chain()))
    return tmp_path


def _made(folder: Path, *arguments: str) -> bytes:
    """What openssl or keytool writes to the file `out`."""
    subprocess.run(arguments, cwd=folder, check=True, capture_output=True)
    return (folder / "out").read_bytes()


def _pkcs12(folder: Path, *options: str, secret: str = _SECRET.decode()) -> bytes:
    return _made(
        *(folder, "openssl", "pkcs12", "-export", "-in", "leaf.pem", "-certfile", "issuers.pem"),
        *("-passout", f"pass:{secret}", "-out", "out", *options),
    )


def _pkcs7(folder: Path, form: str) -> bytes:
    return _made(
        *(folder, "openssl", "crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form, "-out", "out")
    )


_FORMS: Final[dict[str, Callable[[Path], bytes]]] = {
    "PEM": lambda folder: (folder / "all.pem").read_bytes(),
    "PEM with text and key, the leaf last": lambda folder: b"\r\n".join(
        [
            b"Dear customer, here are your certificates.",
            (folder / "issuers.pem").read_bytes().replace(b"\n", b"\r\n"),
            b"subject=CN = Example",
            (folder / "leaf.key").read_bytes(),
            (folder / "leaf.pem").read_bytes(),
            b"Yours",
        ]
    ),
    "PKCS#7 in PEM": lambda folder: _pkcs7(folder, "PEM"),
    "PKCS#7 in DER": lambda folder: _pkcs7(folder, "DER"),
    "PKCS#7 named CMS": lambda folder: _pkcs7(folder, "PEM").replace(b"PKCS7-----", b"CMS-----"),
    "PKCS#12": lambda folder: _pkcs12(folder, "-inkey", "leaf.key"),
    "PKCS#12 of old": lambda folder: _pkcs12(folder, "-legacy", "-inkey", "leaf.key"),
    "PKCS#12 without a key": lambda folder: _pkcs12(folder, "-nokeys"),
}


class TestForms:
    """In whatever form a CA answers, the same certificates are read."""

    @pytest.mark.parametrize("form", _FORMS)
    def test_every_form_gives_the_certificates(self, folder: Path, form: str) -> None:
        """All of them, each once."""
        bundle = read_bundle(_FORMS[form](folder), source="answer", passphrase=_SECRET)

        assert set(bundle.certificates) == set(_chain())
        assert len(bundle.certificates) == 3

    def test_der_gives_the_one_certificate(self) -> None:
        """As Windows writes it in a `.cer`."""
        leaf = _chain()[0]

        assert read_bundle(leaf.public_bytes(Encoding.DER), source="leaf.cer").certificates == (leaf,)

    @pytest.mark.parametrize(
        ("options", "secret"),
        [
            ([], "open sesame"),
            (["-legacy"], "open sesame"),
            (["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"], "open sesame"),
            ([], ""),
        ],
        ids=["AES", "RC2 and 3DES", "open", "an empty passphrase"],
    )
    def test_the_key_in_pkcs12_is_read(self, folder: Path, options: Sequence[str], secret: str) -> None:
        """By the algorithms of today and of twenty years ago."""
        data = _pkcs12(folder, "-inkey", "leaf.key", *options, secret=secret)

        bundle = read_bundle(data, source="a.p12", passphrase=secret.encode() or None)

        assert bundle.private_key is not None
        assert spki_id(bundle.private_key.public_key()) == spki_id(_chain()[0].public_key())

    @pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    @pytest.mark.parametrize("secret", [None, _SECRET])
    def test_the_key_in_pem_is_read(self, form: PrivateFormat, secret: bytes | None) -> None:
        """Encrypted or not, in both of the forms of PEM."""
        encryption = NoEncryption() if secret is None else BestAvailableEncryption(secret)
        data = pem(*_chain()) + key("mine", "p256").private_bytes(Encoding.PEM, form, encryption)

        bundle = read_bundle(data, source="a.pem", passphrase=secret)

        assert bundle.private_key is not None
        assert bundle.private_key.public_key() == key("mine", "p256").public_key()

    def test_a_passphrase_that_was_not_needed_is_no_harm(self) -> None:
        """One command line for all forms."""
        data = pem(_chain()[0]) + pem_of(key("mine", "p256"))

        assert read_bundle(data, source="a.pem", passphrase=_SECRET).private_key is not None

    def test_a_certificate_that_stands_twice_counts_once(self) -> None:
        """Chains are pasted together by hand."""
        assert read_bundle(pem(*_chain(), *_chain()), source="a.pem").certificates == _chain()

    def test_the_key_stays_out_of_the_bundles_words(self) -> None:
        """They end up in logs."""
        bundle = read_bundle(pem(_chain()[0]) + pem_of(key("mine", "p256")), source="a.pem")

        assert "private_key" not in repr(bundle)


class TestRefusals:
    """Each with a code of its own, the file's name, and what to do."""

    @pytest.mark.parametrize("options", [[], ["-legacy"]])
    def test_a_wrong_passphrase(self, folder: Path, options: Sequence[str]) -> None:
        """Of PKCS#12 or PEM; and it is not repeated in the message."""
        data = _pkcs12(folder, "-inkey", "leaf.key", *options)

        with pytest.raises(BundlePassphraseError, match=r"a\.p12: the passphrase is wrong") as refused:
            read_bundle(data, source="a.p12", passphrase=b"guessed")

        assert "guessed" not in str(refused.value)
        with pytest.raises(BundlePassphraseError, match=r"a\.pem: the passphrase is wrong"):
            read_bundle(_encrypted_pem(), source="a.pem", passphrase=b"guessed")

    def test_no_passphrase(self, folder: Path) -> None:
        """For what is encrypted."""
        with pytest.raises(BundlePassphraseMissingError, match=r"a\.p12: is encrypted"):
            read_bundle(_pkcs12(folder, "-inkey", "leaf.key"), source="a.p12")
        with pytest.raises(BundlePassphraseMissingError, match=r"a\.pem: is encrypted"):
            read_bundle(_encrypted_pem(), source="a.pem")

    def test_two_keys_in_pem(self) -> None:
        """Nobody can tell which is meant."""
        data = pem(_chain()[0]) + pem_of(key("mine", "p256")) + pem_of(key("other", "p256"))

        with pytest.raises(BundleTwoKeysError, match=r"a\.pem: holds 2 private keys"):
            read_bundle(data, source="a.pem")

    @pytest.mark.parametrize("secret", [None, _SECRET])
    def test_two_keys_in_pkcs12(self, folder: Path, secret: bytes | None) -> None:
        """As a key store of Java holds them; the library would silently take one."""
        if not shutil.which("keytool"):
            pytest.skip("missing on this machine: keytool, of a JDK")
        for name in ("one", "two"):
            (folder / f"{name}.p12").write_bytes(_pkcs12(folder, "-inkey", "leaf.key", "-name", name))
        for name in ("one", "two"):
            subprocess.run(
                [
                    *("keytool", "-importkeystore", "-noprompt", "-srckeystore", f"{name}.p12"),
                    *("-srcstorepass", "open sesame", "-destkeystore", "store.p12"),
                    *("-deststoretype", "PKCS12", "-deststorepass", "open sesame"),
                ],
                cwd=folder,
                check=True,
                capture_output=True,
            )

        with pytest.raises(BundleTwoKeysError, match=r"store\.p12: holds 2 private keys"):
            read_bundle((folder / "store.p12").read_bytes(), source="store.p12", passphrase=secret)

    def test_no_certificate(self) -> None:
        """A key alone, text, or a PEM block of another kind."""
        with pytest.raises(NoCertificateError, match=r"k\.pem: holds no certificate"):
            read_bundle(pem_of(key("mine", "p256")), source="k.pem")
        with pytest.raises(NoCertificateError):
            read_bundle(b"-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n", source="crl.pem")
        with pytest.raises(NoCertificateError):
            read_bundle(b"-----BEGIN CERTIFICATE-----\nAA==\n", source="cut.pem")

    def test_a_key_where_only_certificates_belong(self, folder: Path) -> None:
        """In PEM, DER or PKCS#12, even where it cannot be opened."""
        own = key("mine", "p256")
        der = own.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        for data in (pem(_chain()[0]) + pem_of(own), _pkcs12(folder, "-inkey", "leaf.key"), der):
            with pytest.raises(BundleKeyUnexpectedError, match="holds a private key"):
                read_certificates(data, source="a")

        assert read_certificates(pem(*_chain()), source="a") == _chain()

    def test_a_request_is_no_answer(self) -> None:
        """The commonest mix-up, in PEM or in DER."""
        der = make_request(key("mine", "p256"), Role.FEED_SIGNER, organisation="E")
        request = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)

        with pytest.raises(BundleUnreadableError, match=r"r\.pem: holds a request; give the certificate"):
            read_bundle(request, source="r.pem")
        with pytest.raises(BundleUnreadableError, match=r"r\.der: is a request"):
            read_bundle(der, source="r.der")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"<html>",
            bytes(40),
            b"\x30\x80\x00\x00",
            b"\x30\x03\x02\x01\x03",
            b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----",
            b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            b"-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----",
        ],
    )
    def test_what_cannot_be_read(self, data: bytes) -> None:
        """The message names the file and never fails in any other way."""
        with pytest.raises((BundleUnreadableError, BundlePassphraseMissingError), match=r"^answer: "):
            read_bundle(data, source="answer")

    def test_a_key_of_another_kind(self) -> None:
        """Neither RSA nor EC."""
        own = ed25519.Ed25519PrivateKey.generate()
        in_pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        in_pkcs12 = pkcs12.serialize_key_and_certificates(b"x", own, None, None, NoEncryption())

        for data in (pem(_chain()[0]) + in_pem, in_pkcs12):
            with pytest.raises(BundleKeyKindError, match="neither RSA nor EC"):
                read_bundle(data, source="a")

    def test_more_than_any_ca_answers(self) -> None:
        """In bytes, in blocks, or in certificates."""
        many = [
            issue(Role.FEED_CA, key("mine", "p256").public_key(), make_root(), organisation="E", now=NOW)
            for _ in range(MOST_CERTIFICATES + 1)
        ]

        with pytest.raises(BundleTooLargeError, match=f"at most {MOST_BYTES} are read"):
            read_bundle(bytes(MOST_BYTES + 1), source="a")
        with pytest.raises(BundleTooLargeError, match="PEM blocks"):
            read_bundle(pem(_chain()[0]) * 65, source="a")
        with pytest.raises(BundleTooLargeError, match=f"holds {MOST_CERTIFICATES + 1} certificates"):
            read_bundle(pem(*many), source="a")


def _encrypted_pem() -> bytes:
    own = key("mine", "p256").private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(_SECRET)
    )
    return pem(_chain()[0]) + own
