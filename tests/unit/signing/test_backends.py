from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from feedsrv.codec.feed import write_feed
from feedsrv.errors import OperatorError
from feedsrv.signing.backends import open_signer
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import SigningError
from feedsrv.trust.profile import Kind
from tests.pki import Pki, chain_pem, key, pem_of, sample_feed

_SECRET = b"correct horse"


class Folder:
    """A folder with key, encrypted key, passphrase and chain, as an operator would lay it out."""

    def __init__(self, root: Path, pki: Pki) -> None:
        self.root = root
        self.signer = pki.signer(Kind.FEED)
        self.key = self.write("key.pem", pem_of(self.signer.private_key))
        self.chain = self.write("chain.pem", chain_pem(self.signer.chain), mode=0o644)
        encrypted = self.signer.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(_SECRET)
        )
        self.encrypted = self.write("encrypted.pem", encrypted)
        self.passphrase = self.write("passphrase", _SECRET + b"\n")

    def write(self, name: str, content: bytes, *, mode: int = 0o600) -> Path:
        """A file of the operator's alone, unless said otherwise."""
        path = self.root / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def uri(
        self, *, key: Path | None = None, chain: Path | None = None, passphrase: Path | None = None
    ) -> str:
        """The URI of a signer; what is not named is good."""
        uri = f"file:{quote(str(key or self.key))}?chain={quote(str(chain or self.chain))}"
        return uri + (f"&passphrase={quote(str(passphrase))}" if passphrase else "")

    def certificates(self, name: str, chain: Iterable[x509.Certificate]) -> Path:
        """A chain file."""
        return self.write(name, chain_pem(chain))


@pytest.fixture
def folder(tmp_path: Path, pki: Pki) -> Folder:
    """In a path with a blank and a letter beyond ASCII: operators have those."""
    root = tmp_path / "schlüssel und kette"
    root.mkdir()
    return Folder(root, pki)


def test_a_key_file_and_its_chain_make_a_signer(folder: Folder, pki: Pki) -> None:
    """It signs what the key in memory signs."""
    unsigned = write_feed(sample_feed(pki.at))

    signer = open_signer(folder.uri())

    assert signer.chain == folder.signer.chain
    assert sign_document(unsigned, signer) == sign_document(unsigned, folder.signer)


def test_an_encrypted_key_opens_with_its_passphrase_file(folder: Folder) -> None:
    """The line end that editors put after a passphrase does not belong to it."""
    signer = open_signer(folder.uri(key=folder.encrypted, passphrase=folder.passphrase))

    assert signer.chain == folder.signer.chain


def test_a_signer_shows_no_secret(folder: Folder) -> None:
    """Neither key nor passphrase is in what a log line might hold."""
    signer = open_signer(folder.uri(key=folder.encrypted, passphrase=folder.passphrase))

    assert "PrivateKey" not in repr(signer)
    assert _SECRET.decode() not in repr(signer)
    assert signer.name == f"file:{folder.encrypted}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(folder: Folder, mode: int) -> None:
    """The remedy is a command to copy."""
    folder.key.chmod(mode)

    with pytest.raises(SigningError, match="chmod 600") as refused:
        open_signer(folder.uri())

    assert refused.value.code == "signing.key_exposed"
    assert isinstance(refused.value, OperatorError)


def test_a_passphrase_that_others_can_read_is_refused(folder: Folder) -> None:
    """It is as good as the key."""
    folder.passphrase.chmod(0o644)

    with pytest.raises(SigningError) as refused:
        open_signer(folder.uri(key=folder.encrypted, passphrase=folder.passphrase))

    assert refused.value.code == "signing.key_exposed"


def _other_key(folder: Folder) -> str:
    return folder.uri(key=folder.write("other.pem", pem_of(key("stranger"))))


def _edwards_key(folder: Folder) -> str:
    made = ed25519.Ed25519PrivateKey.generate()
    return folder.uri(
        key=folder.write("ed.pem", made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    )


def _damaged_key(folder: Folder) -> str:
    """The certificate's modulus with another exponent."""
    assert isinstance(folder.signer.private_key, rsa.RSAPrivateKey)
    good = folder.signer.private_key.private_numbers()
    numbers = rsa.RSAPrivateNumbers(
        good.p, good.q, good.d - 2, good.dmp1 - 2, good.dmq1 - 2, good.iqmp, good.public_numbers
    )
    return folder.uri(
        key=folder.write("damaged.pem", pem_of(numbers.private_key(unsafe_skip_rsa_key_validation=True)))
    )


def _wrong_passphrase(folder: Folder) -> str:
    return folder.uri(key=folder.encrypted, passphrase=folder.write("wrong", b"incorrect"))


CASES: Final[dict[str, tuple[Callable[[Folder], str], str]]] = {
    "no scheme": (lambda f: str(f.key), "signing.uri"),
    "unknown scheme": (lambda _: "vault:///key?chain=/x", "signing.uri"),
    "relative": (lambda _: "file:key.pem?chain=chain.pem", "signing.uri"),
    "a host": (lambda f: f"file://server{f.key}?chain={f.chain}", "signing.uri"),
    "no chain": (lambda f: f"file:{f.key}", "signing.uri"),
    "unknown option": (lambda f: f.uri() + "&password=secret", "signing.uri"),
    "no key file": (lambda f: f.uri(key=f.root / "none.pem"), "signing.file_missing"),
    "key is a folder": (lambda f: f.uri(key=f.root), "signing.file_missing"),
    "no chain file": (lambda f: f.uri(chain=f.root / "none.pem"), "signing.file_missing"),
    "no passphrase file": (
        lambda f: f.uri(key=f.encrypted, passphrase=f.root / "none"),
        "signing.file_missing",
    ),
    "key is no key": (lambda f: f.uri(key=f.write("x", b"hello")), "signing.key_unreadable"),
    "key is of another kind": (_edwards_key, "signing.key_unreadable"),
    "key is damaged": (_damaged_key, "signing.key_unreadable"),
    "encrypted, no passphrase": (lambda f: f.uri(key=f.encrypted), "signing.passphrase_missing"),
    "wrong passphrase": (_wrong_passphrase, "signing.passphrase_wrong"),
    "passphrase for a plain key": (lambda f: f.uri(passphrase=f.passphrase), "signing.key_unreadable"),
    "chain is no chain": (lambda f: f.uri(chain=f.write("y", b"hello")), "signing.chain_unreadable"),
    "another key": (_other_key, "signing.key_mismatch"),
    "issuer first": (
        lambda f: f.uri(chain=f.certificates("reversed.pem", f.signer.chain[::-1])),
        "signing.key_mismatch",
    ),
    "issuer twice": (
        lambda f: f.uri(chain=f.certificates("twice.pem", (*f.signer.chain, f.signer.chain[1]))),
        "signing.chain_order",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_with_a_signer_is_said_by_its_own_code(folder: Folder, name: str) -> None:
    """The message names the file or the URI's form, and quotes no secret."""
    make, code = CASES[name]

    with pytest.raises(SigningError) as refused:
        open_signer(make(folder))

    assert refused.value.code == code
    assert "secret" not in str(refused.value)
    assert _SECRET.decode() not in str(refused.value)
