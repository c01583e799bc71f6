from __future__ import annotations

import hashlib
import hmac
import subprocess
from base64 import encodebytes
from pathlib import Path
from typing import Any, Final

import pytest
from asn1crypto import algos, core, pkcs12
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from feedsrv.signing.keystores import BundleCostError, check_cost, count_keys
from feedsrv.signing.receiving import read_bundle
from tests.authorities import make_root, pem
from tests.pki import key, pem_of

_WORDS: Final = "open sesame"
_ROUNDS: Final = b"\x02\x03\x01\x00\x00"
"""65,536, as DER writes it."""
_TOO_MANY: Final = b"\x02\x03\x7f\xff\xff"
"""Over eight million, in as many bytes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key and its certificate in files."""
    root = make_root()
    (tmp_path / "root.pem").write_bytes(pem(root.certificate))
    (tmp_path / "root.key").write_bytes(pem_of(root.private_key))
    return tmp_path


def _openssl(folder: Path, *arguments: str) -> bytes:
    subprocess.run(["openssl", *arguments, "-out", "out"], cwd=folder, check=True, capture_output=True)
    return (folder / "out").read_bytes()


def _pkcs12(folder: Path, *options: str) -> bytes:
    return _openssl(
        *(folder, "pkcs12", "-export", "-in", "root.pem", "-inkey", "root.key"),
        *("-iter", "65536", "-passout", f"pass:{_WORDS}", *options),
    )


def _pkcs8(folder: Path, *options: str) -> bytes:
    return _openssl(
        *(folder, "pkcs8", "-topk8", "-in", "root.key", "-outform", "DER"),
        *("-passout", f"pass:{_WORDS}", *options),
    )


def _in_pem(der: bytes) -> bytes:
    block = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%s-----END ENCRYPTED PRIVATE KEY-----\n"
    return block % encodebytes(der)


def _with_pbmac1(store: bytes, rounds: int) -> bytes:
    """The same with a MAC by PBMAC1 (RFC 9579), which this machine's openssl may not write yet.

    That of more rounds than can be computed here is a wrong one.
    """
    sha256 = {"algorithm": "sha256"}
    parsed: Any = pkcs12.Pfx.load(store)
    content = parsed["auth_safe"]["content"].native
    secret = hashlib.pbkdf2_hmac("sha256", _WORDS.encode(), b"12345678", min(rounds, 2048), 32)
    digest = hmac.new(secret, content, "sha256").digest()
    prf = algos.HmacAlgorithm(sha256)
    derived = algos.Pbkdf2Params(
        {
            "salt": algos.Pbkdf2Salt(name="specified", value=core.OctetString(b"12345678")),
            "iteration_count": rounds,
            "key_length": 32,
            "prf": prf,
        }
    )
    derivation = algos.KdfAlgorithm({"algorithm": "pbkdf2", "parameters": derived})
    inside = _sequence(derivation.dump(), prf.dump())
    algorithm = _sequence(core.ObjectIdentifier("1.2.840.113549.1.5.14").dump(), inside)
    mac = _sequence(algorithm, core.OctetString(digest).dump())
    number = core.Integer(2).dump()
    return _sequence(
        parsed["version"].dump(),
        parsed["auth_safe"].dump(),
        _sequence(mac, core.OctetString(b"not used").dump(), number),
    )


def _sequence(*parts: bytes) -> bytes:
    whole = core.Sequence()
    whole.contents = b"".join(parts)
    encoded: bytes = whole.dump(force=False)
    return encoded


def _in_any_pem(der: bytes) -> tuple[bytes, ...]:
    """As it is written, and as some readers take it all the same."""
    usual = _in_pem(der)
    begin, *body, end = usual.splitlines()
    one_line = begin + b"".join(body) + end
    headed = b"\n".join([begin, b"Comment: mine", b"", *body, end])
    return usual, one_line, b" " + usual, headed, usual.replace(b"\n", b"\r")


class TestWhatOpeningCosts:
    """A file that would keep this machine busy is refused before anything is computed."""

    @pytest.mark.parametrize("options", [[], ["-legacy"], ["-nomac"]], ids=["today", "of old", "without MAC"])
    def test_a_pkcs12_that_takes_too_long(self, folder: Path, options: list[str]) -> None:
        """By its MAC, its certificates or its key: whichever says so."""
        store = _pkcs12(folder, *options)
        places = [at for at in range(len(store)) if store.startswith(_ROUNDS, at)]

        assert count_keys(store, source="a.p12") == 1
        assert places
        for at in places:
            slow = store[:at] + _TOO_MANY + store[at + len(_ROUNDS) :]
            with pytest.raises(BundleCostError, match=r"a\.p12: opening it takes 8\d{6} rounds"):
                read_bundle(slow, source="a.p12", passphrase=_WORDS.encode())

    def test_a_pkcs12_with_a_mac_of_today(self, folder: Path) -> None:
        """Its rounds stand in the derivation of the MAC, and not where they stood before."""
        quick, slow = (_with_pbmac1(_pkcs12(folder), rounds) for rounds in (2048, 2**31 - 1))

        assert read_bundle(quick, source="a.p12", passphrase=_WORDS.encode()).private_key
        with pytest.raises(BundleCostError, match=r"a\.p12: opening it takes 2147\d{6} rounds"):
            read_bundle(slow, source="a.p12", passphrase=_WORDS.encode())

    @pytest.mark.parametrize(
        ("options", "few", "many"),
        [
            (["-v2", "aes-256-cbc", "-iter", "65536"], _ROUNDS, _TOO_MANY),
            (["-v1", "PBE-SHA1-3DES", "-iter", "65536"], _ROUNDS, _TOO_MANY),
            # Cost, block size and parallelization, which multiply.
            (["-scrypt"], b"\x40\x00\x02\x01\x08\x02\x01\x01", b"\x7f\xff\x02\x01\x08\x02\x01\x7f"),
        ],
        ids=["PBKDF2", "of old", "scrypt"],
    )
    def test_a_key_that_takes_too_long(
        self, folder: Path, options: list[str], few: bytes, many: bytes
    ) -> None:
        """In DER or in PEM; the same key with few rounds passes."""
        quick = _pkcs8(folder, *options)
        slow = quick.replace(few, many)

        check_cost(quick, source="a.key")
        for data in _in_any_pem(quick):
            load_pem_private_key(data, _WORDS.encode())  # which opens every one of them
            check_cost(data, source="a.key")
        for data in (slow, *_in_any_pem(slow)):
            with pytest.raises(BundleCostError, match=r"a\.key: .*; encrypt it anew with fewer"):
                check_cost(data, source="a.key")
        with pytest.raises(BundleCostError):
            read_bundle(pem(make_root().certificate) + _in_pem(slow), source="a.pem", passphrase=b"x")

    @pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN X-----", pem_of(key("open", "p256"))])
    def test_what_has_no_such_number_passes(self, data: bytes) -> None:
        """Whoever opens it says what is wrong with it."""
        check_cost(data, source="a.key")


class TestCounting:
    """How many private keys there are, known without the passphrase."""

    def test_keys_are_counted_whether_or_not_they_are_encrypted(self, folder: Path) -> None:
        """None, or one."""
        assert count_keys(_pkcs12(folder, "-keypbe", "NONE"), source="a") == 1
        assert count_keys(_pkcs12(folder), source="a") == 1
        alone = _openssl(
            *(folder, "pkcs12", "-export", "-nokeys", "-in", "root.pem"), *("-passout", f"pass:{_WORDS}")
        )
        assert count_keys(alone, source="a") == 0

    @pytest.mark.parametrize("data", [b"", b"\x30\x03\x02\x01\x03", b"<html>"])
    def test_what_is_no_store_is_said(self, data: bytes) -> None:
        """It cannot be counted."""
        with pytest.raises(ValueError, match="no PKCS#12"):
            count_keys(data, source="a")
