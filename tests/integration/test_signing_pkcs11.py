"""Keys in a real SoftHSM2 token, and in one whose module misbehaves."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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
from feedsrv.signing import pkcs11_process
from feedsrv.signing.backends import (
    create_key,
    describe_place,
    export_key,
    open_chain,
    open_key,
    open_signer,
)
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import KeyAwayError, SigningError
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import KeyKind, Kind
from tests.modules import OFFICER_PIN, PIN, FaultyToken, SoftToken, certify, faulty_token, sign_by, soft_token
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


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyToken]:
    """An empty token behind a module that does what it is told."""
    with faulty_token(tmp_path / "hsm") as made:
        yield made


# Opens a key, says which process has the module, and waits to be killed.
OPEN_AND_WAIT: Final = """
import os, sys, time
from pathlib import Path
from feedsrv.signing.backends import open_key
key = open_key(sys.argv[1])
print(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[0], flush=True)
time.sleep(600)
"""
REPLACE_KEY: Final = """
import sys, pkcs11
from pkcs11 import Attribute, KeyType
module, label, pin, key = sys.argv[1:]
with pkcs11.lib(module).get_token(token_label=label).open(rw=True, user_pin=pin) as session:
    for one in list(session.get_objects({Attribute.LABEL: key})):
        one.destroy()
    session.generate_keypair(KeyType.RSA, 3072, label=key, id=b"2", store=True)
"""


def children() -> list[int]:
    """Processes with a module that this process started, and that still run."""
    gc.collect()
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"pkcs11_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def administer(script: str, token: SoftToken, *arguments: str) -> list[str]:
    """What a script says that has the PIN."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(token.module), token.label, PIN, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split("\n")[:-1]


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


class TestPins:
    """A wrong PIN must never lock a token by itself, and no PIN is ever seen."""

    def refusal(self, place: str) -> str:
        """The code that opening ends with."""
        with pytest.raises(SigningError) as caught:
            open_key(place)
        assert "1111" not in str(caught.value)
        return caught.value.code

    def test_a_wrong_pin_is_tried_once_and_not_again_until_its_file_changes(
        self, faulty: FaultyToken
    ) -> None:
        """A keeper looks every few minutes, and three wrong tries lock many a token."""
        place = faulty.token.place("feed")
        create_key(place, KeyKind.P_256, exportable=False)
        faulty.token.write_pin("1111")

        codes = [self.refusal(place) for _ in range(5)]

        assert codes == ["signing.pin_wrong"] * 5
        assert faulty.wrong_pins == 1
        faulty.token.write_pin(PIN)
        assert sign_by(open_key(place).private_key)

    def test_the_last_try_before_a_token_locks_is_left_to_a_person(self, faulty: FaultyToken) -> None:
        """Whatever is in the file."""
        place = faulty.token.place("feed")
        for wrong in ("1111", "11112"):
            faulty.token.write_pin(wrong)
            assert self.refusal(place) == "signing.pin_wrong"

        faulty.token.write_pin("11113")

        assert self.refusal(place) == "signing.pin_last_try"
        assert faulty.wrong_pins == 2

    def test_a_token_that_says_nothing_of_tries_is_locked_by_the_third(self, faulty: FaultyToken) -> None:
        """Locked, the right PIN does not help either; the message says who can unlock it."""
        place = faulty.token.place("feed")
        faulty.order("hide-flags")
        for wrong in ("1111", "11112"):
            faulty.token.write_pin(wrong)
            assert self.refusal(place) == "signing.pin_wrong"
        faulty.token.write_pin("11113")

        assert self.refusal(place) == "signing.pin_locked"
        faulty.token.write_pin(PIN)
        assert self.refusal(place) == "signing.pin_locked"
        faulty.withdraw("hide-flags")
        with pytest.raises(SigningError, match="security officer"):
            open_key(place)

    def test_a_pin_is_in_no_command_line_environment_message_or_log(
        self, token: SoftToken, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It goes from its file to the module by a pipe."""
        caplog.set_level(logging.DEBUG)
        place = token.place("feed")
        key = create_key(place, KeyKind.RSA_3072, exportable=False)
        signature = sign_by(key.private_key)

        children = [
            Path(f"/proc/{pid}")
            for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        ]
        seen = b"".join((child / name).read_bytes() for child in children for name in ("cmdline", "environ"))

        assert b"pkcs11_process" in seen
        assert PIN.encode() not in seen
        assert b"FEEDSRV_" not in seen
        for shown in (repr(key), repr(key.private_key), key.name, describe_place(place), caplog.text):
            assert PIN not in shown
        assert signature


class TestModulesThatMisbehave:
    """Whatever a module does, the publisher lives, and knows what happened."""

    @pytest.fixture
    def place(self, faulty: FaultyToken) -> str:
        """A key behind the faulty module."""
        place = faulty.token.place("feed", timeout=6)
        create_key(place, KeyKind.RSA_3072, exportable=False)
        return place

    @pytest.mark.parametrize("moment", ["hang-initialize", "hang-login"])
    def test_a_module_that_hangs_while_it_is_opened_is_stopped(
        self, faulty: FaultyToken, place: str, moment: str
    ) -> None:
        """With the timeout of the URI; and the next try is a new beginning."""
        faulty.order(moment)

        with pytest.raises(KeyAwayError, match="6 seconds, and was stopped"):
            open_key(place)

        assert children() == []
        faulty.withdraw(moment)
        assert sign_by(open_key(place).private_key)

    @pytest.mark.parametrize(
        ("order", "said"),
        [("hang-sign", "6 seconds"), ("crash-sign", "signal 6"), ("lose-device", "DeviceRemoved")],
    )
    def test_a_module_that_fails_while_it_signs_is_replaced(
        self, faulty: FaultyToken, place: str, order: str, said: str
    ) -> None:
        """The very same key signs again when the module is well."""
        key = open_key(place)
        before = sign_by(key.private_key)
        faulty.order(order)

        with pytest.raises(KeyAwayError, match=said) as refused:
            sign_by(key.private_key)

        assert "key feed" in str(refused.value)
        assert refused.value.code == "signing.away"
        faulty.withdraw(order)
        assert sign_by(key.private_key) == before

    def test_a_signature_that_does_not_verify_is_thrown_away(self, faulty: FaultyToken, place: str) -> None:
        """Whatever the module thinks of it."""
        key = open_key(place)
        faulty.order("garble-sign")

        with pytest.raises(SigningError, match="thrown away") as refused:
            sign_by(key.private_key)

        assert refused.value.code == "signing.unsound"

    def test_what_a_module_prints_is_not_taken_for_an_answer(self, place: str) -> None:
        """The faulty module prints something like one before each signature."""
        key = open_key(place)

        assert sign_by(key.private_key) == sign_by(key.private_key)

    def test_a_stopped_child_is_killed_as_well(self, place: str) -> None:
        """Such as one that waits for a device inside the kernel, as far as anybody can tell."""
        key = open_key(place)
        (child,) = children()
        os.kill(child, signal.SIGSTOP)

        with pytest.raises(KeyAwayError, match="6 seconds"):
            sign_by(key.private_key)

        assert children() == []
        assert sign_by(key.private_key)

    def test_a_key_that_became_another_is_not_used(self, faulty: FaultyToken, place: str) -> None:
        """The certificate would not fit; a signature by it would help nobody."""
        key = open_key(place)
        (child,) = children()
        administer(REPLACE_KEY, faulty.token, "feed")
        os.kill(child, signal.SIGKILL)

        with pytest.raises(SigningError) as refused:
            sign_by(key.private_key)

        assert refused.value.code == "signing.key_missing"


class TestChildren:
    """One child for each opened key, as long as it is of use."""

    @pytest.fixture
    def place(self, token: SoftToken) -> str:
        """A key."""
        create_key(token.place("feed"), KeyKind.P_256, exportable=False)
        return token.place("feed")

    def test_one_child_serves_a_publication_and_ends_with_its_key(self, place: str) -> None:
        """No session stays open behind a publisher that is done."""
        key = open_key(place)
        at_first = children()
        for _ in range(3):
            sign_by(key.private_key)

        assert children() == at_first
        assert len(at_first) == 1
        del key
        assert children() == []

    def test_a_child_that_ended_is_started_anew(self, place: str) -> None:
        """As after a pause that was longer than a child waits."""
        key = open_key(place)
        (child,) = children()
        os.kill(child, signal.SIGKILL)

        assert sign_by(key.private_key)

        assert child not in children()

    def test_an_idle_child_ends_by_itself(self, tmp_path: Path) -> None:
        """Even where whoever opened the key still holds it: no session stays open for hours."""
        requests, answers = tmp_path / "requests", tmp_path / "answers"
        os.mkfifo(requests)
        both = os.open(requests, os.O_RDWR)
        with requests.open("rb", buffering=0) as asked, answers.open("wb") as said:
            started = time.monotonic()
            pkcs11_process.serve(asked, said, idle=0.2)

        os.close(both)
        assert time.monotonic() - started >= 0.2
        assert answers.read_bytes() == b""

    def test_a_child_ends_when_its_publisher_is_killed(self, place: str, repository: Path) -> None:
        """Nobody would ask it anything any more."""
        with subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_WAIT, place], stdout=subprocess.PIPE, text=True, cwd=repository
        ) as publisher:
            assert publisher.stdout is not None
            child = int(publisher.stdout.readline())
            publisher.kill()

        watched = os.pidfd_open(child) if Path(f"/proc/{child}").exists() else None
        if watched is not None:
            assert select.select([watched], [], [], 30)[0], "the child lives on"
            os.close(watched)

    def test_a_forked_process_does_not_use_its_parents_child(self, place: str) -> None:
        """Two processes on one pipe would take each other's signatures."""
        key = open_key(place)
        at_first = children()
        reader, writer = os.pipe()

        forked = os.fork()
        if forked == 0:
            with os.fdopen(writer, "wb") as answer:
                answer.write(sign_by(key.private_key))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            signature = answer.read()
        os.waitpid(forked, 0)

        public = key.private_key.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, b"a document", ec.ECDSA(SHA256()))
        assert children() == at_first
        assert sign_by(key.private_key)
