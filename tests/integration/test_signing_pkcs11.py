"""Keys in a real SoftHSM2 token."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from feedsrv.codec.feed import write_feed
from feedsrv.errors import FeedsrvError
from feedsrv.signing.backends import (
    create_key,
    describe_place,
    export_key,
    open_chain,
    open_key,
    open_signer,
)
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import SigningError
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import KeyKind, Kind
from tests.modules import (
    OFFICER_PIN,
    PIN,
    SoftToken,
    administer,
    certify,
    sign_by,
    soft_token,
)
from tests.pki import Pki, chain_pem, sample_feed

# Asks the module for the private parts of a key, as whoever has the PIN could.
READ_SECRETS: Final = """
import sys, pkcs11
from pkcs11 import Attribute, ObjectClass
module, label, pin, key = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=label).open(user_pin=pin) as session:
    found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=key)
    print(found[Attribute.SENSITIVE], found[Attribute.EXTRACTABLE], found[Attribute.NEVER_EXTRACTABLE])
    for name in (Attribute.PRIVATE_EXPONENT, Attribute.PRIME_1, Attribute.VALUE):
        try:
            print(len(found[name]))
        except pkcs11.exceptions.PKCS11Error as error:
            print(type(error).__name__)
"""
# Stores a key that the token is to refuse for signing.
MAKE_ODD_KEY: Final = """
import sys, pkcs11
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass
module, label, pin, what, key = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=label).open(rw=True, user_pin=pin) as session:
    if what == "aes":
        session.generate_key(KeyType.AES, 256, label=key, store=True)
    elif what == "unsigning":
        session.generate_keypair(KeyType.RSA, 2048, label=key, id=b"1", store=True,
            private_template={Attribute.SIGN: False})
    elif what == "alone":
        public, _ = session.create_domain_parameters(KeyType.EC,
            {Attribute.EC_PARAMS: bytes.fromhex("06082a8648ce3d030107")}, local=True
            ).generate_keypair(label=key, id=b"2", store=True)
        public.destroy()
    else:
        session.create_domain_parameters(KeyType.EC,
            {Attribute.EC_PARAMS: bytes.fromhex("06052b81040023")}, local=True
            ).generate_keypair(label=key, id=what.encode(), store=True)
"""


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    """An empty token."""
    with soft_token(tmp_path / "hsm") as made:
        yield made


class TestKeysThatStay:
    """A key is made in the token, signs there, and is never seen outside."""

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256, KeyKind.P_384])
    def test_a_key_is_made_opened_and_signs(self, token: SoftToken, kind: KeyKind) -> None:
        """What it signs verifies by the public key that the token shows."""
        place = token.place("feed")

        made = create_key(place, kind, exportable=False)
        opened = open_key(place)

        assert made.private_key.public_key() == opened.private_key.public_key()
        assert opened.private_key.key_size == {"rsa-3072": 3072, "p-256": 256, "p-384": 384}[kind]
        assert sign_by(opened.private_key)

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256])
    def test_nobody_gets_the_key_out(self, token: SoftToken, kind: KeyKind) -> None:
        """Not even whoever has the PIN and asks the module for the key's parts."""
        place = token.place("feed")
        key = create_key(place, kind, exportable=False)

        said = administer(READ_SECRETS, token, "feed")

        assert said[0] == "True False True"
        assert not any(one.isdigit() for one in said[1:])
        assert "AttributeSensitive" in said[1:]
        for way_out in (
            lambda: export_key(place, passphrase=None),
            lambda: key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            key.private_key.private_numbers,
            lambda: pickle.dumps(key.private_key),
        ):
            with pytest.raises(SigningError) as refused:
                way_out()
            assert refused.value.code == "signing.not_exportable"
        with pytest.raises(SigningError, match=r"CKA_EXTRACTABLE is false.*--exportable"):
            export_key(place, passphrase=None)

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256])
    def test_a_key_that_was_made_to_leave_can_leave(self, token: SoftToken, kind: KeyKind) -> None:
        """Encrypted all the way: wrapped by the token, and by a passphrase outside."""
        place = token.place("ca")
        made = create_key(place, kind, exportable=True)

        pem = export_key(place, passphrase=b"on the way")

        assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
        loaded = load_pem_private_key(pem, b"on the way")
        assert loaded.public_key() == made.private_key.public_key()
        assert administer(READ_SECRETS, token, "ca")[0] == "True True False"

    def test_a_key_is_never_made_twice(self, token: SoftToken) -> None:
        """The first one stays as it was."""
        place = token.place("feed")
        made = create_key(place, KeyKind.P_256, exportable=False)

        with pytest.raises(SigningError, match="never overwritten") as refused:
            create_key(place, KeyKind.P_256, exportable=False)

        assert refused.value.code == "signing.key_exists"
        assert open_key(place).private_key.public_key() == made.private_key.public_key()

    def test_a_key_is_found_by_its_id_and_its_token_by_its_serial(self, token: SoftToken) -> None:
        """Every byte of an id may be percent-encoded; names may hold anything."""
        place = token.place("schlüssel; 1&2").replace("object=", "id=%00%FFx;object=")
        made = create_key(place, KeyKind.P_256, exportable=False)
        tail = place.partition("?")[2]

        found = open_key(f"pkcs11:token=feed%20srv;id=%00%ffx?{tail}")

        assert found.private_key.public_key() == made.private_key.public_key()
        assert describe_place(place) == "PKCS#11 token feed srv, key schlüssel; 1&2 id %00%FFx"

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256])
    def test_feeds_are_signed(self, token: SoftToken, tmp_path: Path, kind: KeyKind) -> None:
        """A receiver cannot tell where the key lives; with RSA the bytes are those of any other place."""
        pki, place = Pki(), token.place("feed")
        key = create_key(place, kind, exportable=True)
        unsigned = write_feed(sample_feed(pki.at))
        chain = certify(pki, Kind.FEED, key.private_key.public_key())
        file = tmp_path / "chain.pem"
        file.write_bytes(chain_pem(chain))

        signer = open_signer(f"{place}&chain={file}")
        signed = sign_document(unsigned, signer)

        assert open_feed(signed, pki.policy(), at=pki.at).feed == sample_feed(pki.at)
        assert signer.chain == chain == open_chain(f"{place}&chain={file}")


class TestRefusals:
    """Each names the token and the key, says what to do, and has a code of its own."""

    def refused(self, act: Callable[[], object], code: str, *named: str) -> str:
        """What is said; with that code, the names in it, and no PIN."""
        with pytest.raises(FeedsrvError) as caught:
            act()
        said = str(caught.value)
        assert caught.value.code == code, said
        assert all(name in said for name in named), said
        assert PIN not in said
        return said

    def test_a_token_that_is_not_there(self, token: SoftToken) -> None:
        """The message names those that are."""
        place = token.place("feed").replace("feed%20srv", "another")

        self.refused(
            lambda: open_key(place), "signing.token_missing", "token another", "shows: feed srv", "plug it in"
        )

    def test_two_tokens_of_the_same_name(self, token: SoftToken) -> None:
        """Nobody guesses which one is meant."""
        subprocess.run(
            [
                "softhsm2-util",
                "--init-token",
                "--free",
                *("--label", token.label, "--pin", PIN, "--so-pin", OFFICER_PIN),
            ],
            check=True,
            capture_output=True,
        )

        self.refused(lambda: open_key(token.place("feed")), "signing.token_ambiguous", "serial=")

    def test_a_module_that_is_not_there_or_is_none(self, token: SoftToken, tmp_path: Path) -> None:
        """The message names the file."""
        (tmp_path / "text.so").write_text("no module")
        for name in ("none.so", "text.so"):
            module = str(tmp_path / name)
            place = token.place("feed").replace(str(token.module), module)

            self.refused(partial(open_key, place), "signing.module", module, "module-path=")

    def test_a_key_that_is_not_there(self, token: SoftToken) -> None:
        """The token is, and the PIN is right."""
        self.refused(lambda: open_key(token.place("feed")), "signing.key_missing", "key feed", "object=")

    def test_a_token_that_wants_a_pin_and_gets_none(self, token: SoftToken) -> None:
        """The message says how to give one."""
        place = token.place("feed").partition("&")[0]

        self.refused(lambda: open_key(place), "signing.pin_needed", "pin-source=", "0600")

    @pytest.mark.parametrize("mode", [0o640, 0o604])
    def test_a_pin_that_others_can_read(self, token: SoftToken, mode: int) -> None:
        """It is as good as the key."""
        token.pin.chmod(mode)

        self.refused(lambda: open_key(token.place("feed")), "signing.key_exposed", "chmod 600", "PIN")

    def test_a_pin_file_that_is_not_there(self, token: SoftToken) -> None:
        """Nothing is asked of the token."""
        token.pin.unlink()

        self.refused(lambda: open_key(token.place("feed")), "signing.file_missing", str(token.pin))

    @pytest.mark.parametrize(
        ("what", "code"),
        [
            ("aes", "signing.key_missing"),
            ("unsigning", "signing.not_allowed"),
            ("alone", "signing.public_key_missing"),
            ("p521", "signing.key_kind"),
        ],
    )
    def test_keys_that_cannot_sign_here(self, token: SoftToken, what: str, code: str) -> None:
        """Found when the key is opened, and not when a feed is due."""
        administer(MAKE_ODD_KEY, token, what, "odd")

        self.refused(lambda: open_key(token.place("odd")), code, "key odd")

    def test_two_keys_of_the_same_name(self, token: SoftToken) -> None:
        """Their ids tell them apart."""
        for one in ("x1", "x2"):
            administer(MAKE_ODD_KEY, token, one, "odd")

        self.refused(lambda: open_key(token.place("odd")), "signing.key_ambiguous", "id=")

    def test_a_key_of_another_certificate(self, token: SoftToken, tmp_path: Path) -> None:
        """Asked when the signer is opened."""
        create_key(token.place("feed"), KeyKind.P_256, exportable=False)
        file = tmp_path / "chain.pem"
        file.write_bytes(chain_pem(Pki().signer(Kind.FEED).chain))

        self.refused(
            lambda: open_signer(f"{token.place('feed')}&chain={file}"), "signing.key_mismatch", "key feed"
        )

    def test_a_key_signs_by_sha_256_and_does_nothing_else(self, token: SoftToken) -> None:
        """Another digest would be refused by every agent."""
        key = create_key(token.place("feed"), KeyKind.RSA_3072, exportable=False).private_key
        assert isinstance(key, rsa.RSAPrivateKey)

        for asked in (
            lambda: key.sign(b"", PKCS1v15(), SHA512()),
            lambda: key.sign(b"", PSS(MGF1(SHA256()), 32), SHA256()),
            lambda: key.decrypt(b"", PKCS1v15()),
        ):
            self.refused(asked, "signing.only_signs", "key feed")
