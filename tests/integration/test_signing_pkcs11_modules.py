"""PINs, modules that misbehave, and the child processes that modules live in."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from feedsrv.signing import pkcs11_process
from feedsrv.signing.backends import (
    create_key,
    describe_place,
    open_key,
)
from feedsrv.signing.signer import KeyAwayError, SigningError
from feedsrv.trust.profile import KeyKind
from tests.modules import (
    PIN,
    FaultyToken,
    SoftToken,
    administer,
    children,
    faulty_token,
    sign_by,
    soft_token,
)

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

        with pytest.raises(KeyAwayError, match="1 seconds, and was stopped"):
            open_key(faulty.token.place("feed", timeout=1))

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
