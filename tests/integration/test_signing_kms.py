"""Keys in AWS KMS: a real moto server, and a stricter one beside it for what moto lets through."""

from __future__ import annotations

import logging
import pickle
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from feedsrv.codec.feed import write_feed
from feedsrv.errors import FeedsrvError
from feedsrv.signing.backends import (
    create_key,
    describe_place,
    export_key,
    open_chain,
    open_key,
    open_signer,
    store_key,
)
from feedsrv.signing.documents import sign_document
from feedsrv.signing.signer import KeyAwayError, SigningError
from feedsrv.trust.opening import open_feed
from feedsrv.trust.profile import KeyKind, Kind
from tests.modules import REGION, SECRET_ACCESS_KEY, Kms, certify, environment, moto_kms, sign_by
from tests.pki import Pki, chain_pem, key, sample_feed
from tests.strict_kms import KmsKey, RefusedError, StrictKms, strict_kms

DOCUMENT = b"a document"


@pytest.fixture(scope="module")
def moto() -> Iterator[Kms]:
    """One server for all tests of this file; each makes keys of its own."""
    with moto_kms() as kms:
        yield kms


@pytest.fixture
def strict() -> Iterator[tuple[Kms, StrictKms]]:
    """A server with one key, `alias/feed`."""
    with strict_kms() as (kms, service):
        service.keys["alias/feed"] = KmsKey(key("kms"), "RSA_2048")
        yield kms, service


def digest(data: bytes) -> bytes:
    """SHA-256."""
    made = Hash(SHA256())
    made.update(data)
    return made.finalize()


def refused(act: Callable[[], object], code: str, *named: str) -> FeedsrvError:
    """What is refused with that code, the names in its message, and no credentials."""
    with pytest.raises(FeedsrvError) as caught:
        act()
    said = str(caught.value)
    assert caught.value.code == code, said
    assert all(name in said for name in named), said
    assert SECRET_ACCESS_KEY not in said
    assert caught.value.__cause__ is None
    return caught.value


class TestWithMoto:
    """A key is made in the service, signs there, and stays."""

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.RSA_4096, KeyKind.P_256])
    def test_a_key_is_made_opened_and_signs(self, moto: Kms, kind: KeyKind) -> None:
        """By alias and by id it is the same key."""
        place = moto.place(f"alias/made-{kind}")

        made = create_key(place, kind, exportable=False)
        by_alias = open_key(place)

        arn = moto.client().describe_key(KeyId=f"alias/made-{kind}")["KeyMetadata"]["Arn"]
        by_arn = open_key(f"aws-kms:{arn}?endpoint={moto.endpoint}")
        assert sign_by(by_alias.private_key)
        assert (
            made.private_key.public_key()
            == by_alias.private_key.public_key()
            == by_arn.private_key.public_key()
        )
        assert by_alias.name == f"AWS KMS alias/made-{kind} in {REGION}" == describe_place(place)

    @pytest.mark.parametrize("kind", [KeyKind.RSA_3072, KeyKind.P_256])
    def test_feeds_are_signed(self, moto: Kms, tmp_path: Path, kind: KeyKind) -> None:
        """A receiver cannot tell where the key lives; its public key is compared with the certificate."""
        pki, place = Pki(), moto.place(f"alias/feed-{kind}")
        made = create_key(place, kind, exportable=False)
        chain = certify(pki, Kind.FEED, made.private_key.public_key())
        file = tmp_path / "chain.pem"
        file.write_bytes(chain_pem(chain))

        signed = sign_document(write_feed(sample_feed(pki.at)), open_signer(f"{place}&chain={file}"))

        assert open_feed(signed, pki.policy(), at=pki.at).feed == sample_feed(pki.at)
        assert open_chain(f"{place}&chain={file}") == chain
        file.write_bytes(chain_pem(pki.signer(Kind.FEED).chain))
        refused(lambda: open_signer(f"{place}&chain={file}"), "signing.key_mismatch", "AWS KMS alias/feed-")

    def test_a_key_is_never_made_twice_and_never_leaves(self, moto: Kms) -> None:
        """Nor is one put there that was outside."""
        place = moto.place("alias/once")
        made = create_key(place, KeyKind.P_256, exportable=False)

        refused(
            lambda: create_key(place, KeyKind.P_256, exportable=False), "signing.key_exists", "alias/once"
        )
        refused(lambda: export_key(place, passphrase=None), "signing.not_exportable", "alias/once")
        refused(lambda: pickle.dumps(made.private_key), "signing.not_exportable")
        refused(lambda: store_key(place, key("stranger")), "signing.not_storable", "alias/once")
        refused(
            lambda: create_key(moto.place("alias/out"), KeyKind.P_256, exportable=True),
            "signing.not_exportable",
        )
        refused(
            lambda: create_key(moto.place("alias/p384"), KeyKind.P_384, exportable=False), "signing.key_kind"
        )
        refused(
            lambda: create_key(moto.place("12345678-nobody"), KeyKind.P_256, exportable=False), "signing.uri"
        )
        names = [one["AliasName"] for one in moto.client().list_aliases()["Aliases"]]
        assert not {"alias/out", "alias/p384"} & set(names)

    @pytest.mark.parametrize(
        ("usage", "spec", "code"),
        [
            ("ENCRYPT_DECRYPT", "RSA_2048", "signing.not_allowed"),
            ("SIGN_VERIFY", "ECC_NIST_P521", "signing.key_kind"),
        ],
    )
    def test_a_key_of_another_kind(self, moto: Kms, usage: str, spec: str, code: str) -> None:
        """Found when it is opened, and not when a feed is due."""
        made = moto.client().create_key(KeyUsage=usage, KeySpec=spec)["KeyMetadata"]["KeyId"]  # type: ignore[arg-type]  # the stub's literals

        refused(lambda: open_key(moto.place(made)), code, made)

    def test_a_key_that_is_not_there(self, moto: Kms) -> None:
        """The message names alias and region."""
        refused(lambda: open_key(moto.place("alias/none")), "signing.key_missing", "alias/none", REGION)

    def test_without_credentials(self, moto: Kms) -> None:
        """The message says where they are looked for, and nothing of what was found."""
        with environment({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}):
            refused(lambda: open_key(moto.place("alias/x")), "signing.credentials", "usual AWS chain")

    def test_moto_hashes_a_digest_again_and_is_found_out(self, moto: Kms) -> None:
        """What came back does not verify, and is thrown away: a wrong service harms nobody."""
        opened = create_key(moto.place("alias/twice"), KeyKind.P_256, exportable=False)

        refused(lambda: sign_by(opened.private_key, b"x" * 4097), "signing.unsound", "thrown away")


class TestTheStrictService:
    """It refuses what the real one refuses: else the tests below would prove nothing."""

    @pytest.mark.parametrize(
        ("message", "kind"),
        [(b"x" * 4097, "RAW"), (b"x" * 31, "DIGEST"), (DOCUMENT, "DIGEST"), (b"x" * 64, "DIGEST")],
    )
    def test_messages_of_a_wrong_length(
        self, strict: tuple[Kms, StrictKms], moto: Kms, message: bytes, kind: str
    ) -> None:
        """And moto takes them."""
        by_moto = moto.client().create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]

        with pytest.raises(ClientError, match="ValidationException"):
            strict[0].client().sign(
                KeyId="alias/feed",
                Message=message,
                MessageType=kind,  # type: ignore[arg-type]  # the stub's literals
                SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
            )
        assert moto.client().sign(
            KeyId=by_moto,
            Message=message,
            MessageType=kind,  # type: ignore[arg-type]  # as above
            SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
        )["Signature"]

    def test_a_digest_is_signed_as_it_is(self, strict: tuple[Kms, StrictKms]) -> None:
        """Its signature is that of the document."""
        sign_it = strict[0].client().sign

        by_digest, by_raw = (
            sign_it(
                KeyId="alias/feed",
                Message=message,
                MessageType=kind,  # type: ignore[arg-type]  # as above
                SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
            )["Signature"]
            for message, kind in ((digest(DOCUMENT), "DIGEST"), (DOCUMENT, "RAW"))
        )

        assert by_digest == by_raw


class TestWithTheStrictService:
    """What a publisher meets in the real service."""

    def test_documents_are_sent_whole_and_long_ones_by_their_digest(
        self, strict: tuple[Kms, StrictKms]
    ) -> None:
        """RAW up to 4096 bytes; a long list of revoked certificates is more."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed"))

        for size in (10, 4096, 4097, 100_000):
            sign_by(opened.private_key, b"x" * size)

        signed = [wanted for action, wanted in service.asked if action == "Sign"]
        assert [wanted["MessageType"] for wanted in signed] == ["RAW", "RAW", "DIGEST", "DIGEST"]
        assert {wanted["SigningAlgorithm"] for wanted in signed} == {"RSASSA_PKCS1_V1_5_SHA_256"}

    def test_an_alias_that_is_given_to_another_key_changes_nothing(
        self, strict: tuple[Kms, StrictKms]
    ) -> None:
        """What was compared with the certificate is what signs."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed"))
        service.keys["alias/old"] = service.keys["alias/feed"]
        service.keys["alias/feed"] = KmsKey(key("kms of others"), "RSA_2048")

        assert sign_by(opened.private_key)

    @pytest.mark.parametrize(
        ("state", "code", "remedy"),
        [
            ("Disabled", "signing.key_disabled", "aws kms enable-key"),
            ("PendingDeletion", "signing.key_state", "cancel-key-deletion"),
        ],
    )
    def test_a_key_that_is_disabled_or_to_be_deleted(
        self, strict: tuple[Kms, StrictKms], state: str, code: str, remedy: str
    ) -> None:
        """Met at opening, and by a publisher that had opened it before."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed"))
        service.keys["alias/feed"].state = state

        refused(lambda: open_key(kms.place("alias/feed")), code, "AWS KMS alias/feed", remedy)
        refused(lambda: sign_by(opened.private_key), code, "AWS KMS alias/feed", remedy)
        service.keys["alias/feed"].state = "Enabled"
        assert sign_by(opened.private_key)

    @pytest.mark.parametrize("action", ["GetPublicKey", "Sign"])
    @pytest.mark.parametrize(
        ("answer", "ours", "named"),
        [
            (("AccessDeniedException", 400), "signing.denied", "is not authorized"),
            (("UnrecognizedClientException", 400), "signing.credentials", "renew"),
            (("ExpiredTokenException", 400), "signing.credentials", "renew"),
            (("InvalidSignatureException", 400), "signing.credentials", "renew"),
            (("ThrottlingException", 400), "signing.away", "in a minute"),
            (("LimitExceededException", 400), "signing.away", "in a minute"),
            (("KMSInternalException", 500), "signing.away", "later"),
            (("KeyUnavailableException", 500), "signing.away", "later"),
            (("SomethingNewException", 503), "signing.away", "later"),
            (("SomethingNewException", 400), "signing.service_refused", "SomethingNewException"),
            (("NotFoundException", 400), "signing.key_missing", "region="),
            (("InvalidKeyUsageException", 400), "signing.not_allowed", "SIGN_VERIFY"),
            (("UnsupportedOperationException", 400), "signing.key_kind", "asymmetric"),
        ],
    )
    def test_what_the_service_refuses_is_told_by_who_must_act(
        self, strict: tuple[Kms, StrictKms], action: str, answer: tuple[str, int], ours: str, named: str
    ) -> None:
        """Denied names the right to be given; only what may pass by itself says so by its class."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed"))
        said = "User: arn:aws:iam::123456789012:user/feedsrv is not authorized to perform this"
        service.trouble[action] = RefusedError(answer[0], said, answer[1])

        error = refused(
            lambda: (
                open_key(kms.place("alias/feed")) if action == "GetPublicKey" else sign_by(opened.private_key)
            ),
            ours,
            "AWS KMS alias/feed",
            named,
        )

        assert isinstance(error, KeyAwayError if ours == "signing.away" else SigningError)
        if ours == "signing.denied":
            assert f"kms:{action}" in str(error)

    def test_a_busy_service_is_asked_again_by_the_library(self, strict: tuple[Kms, StrictKms]) -> None:
        """Three times in all, and no more."""
        kms, service = strict
        service.trouble["GetPublicKey"] = RefusedError("ThrottlingException", "Rate exceeded")
        service.troubles_left = 2

        opened = open_key(kms.place("alias/feed"))

        assert sign_by(opened.private_key)
        assert [action for action, _ in service.asked] == ["GetPublicKey"] * 3 + ["Sign"]
        service.troubles_left = None
        refused(lambda: open_key(kms.place("alias/feed")), "signing.away")
        assert len(service.asked) == 7

    def test_a_service_that_does_not_answer(self, strict: tuple[Kms, StrictKms]) -> None:
        """The publisher is back in time, and the next signature is a new beginning."""
        kms, service = strict
        hasty = open_key(kms.place("alias/feed", timeout=5))
        patient = open_key(kms.place("alias/feed", timeout=60))
        service.silent = frozenset({"Sign"})

        error = refused(lambda: sign_by(hasty.private_key), "signing.away", "AWS KMS alias/feed", "try again")

        assert isinstance(error, KeyAwayError)
        service.silent = frozenset()
        assert sign_by(patient.private_key)

    def test_a_service_that_answers_byte_by_byte(self, strict: tuple[Kms, StrictKms]) -> None:
        """Each byte comes in time, and the answer never does."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed", timeout=5))
        service.trickling = True

        refused(lambda: sign_by(opened.private_key), "signing.away", "5 seconds")

    def test_a_service_that_is_not_there(self) -> None:
        """Nobody listens at that address."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        nobody = Kms(f"http://127.0.0.1:{port}")
        with environment({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}):
            refused(lambda: open_key(nobody.place("alias/feed")), "signing.away", "EndpointConnectionError")

    def test_a_name_that_was_taken_meanwhile_leaves_no_key_behind(
        self, strict: tuple[Kms, StrictKms]
    ) -> None:
        """A key without a name would be paid for and never found."""
        kms, service = strict
        service.trouble["CreateAlias"] = RefusedError("AlreadyExistsException", "taken just now")

        refused(
            lambda: create_key(kms.place("alias/new"), KeyKind.P_256, exportable=False), "signing.key_exists"
        )

        made = [one for one in service.keys.values() if one.spec == "ECC_NIST_P256"]
        assert [one.state for one in made] == ["PendingDeletion"]

    def test_a_service_that_gives_another_keys_signature(self, strict: tuple[Kms, StrictKms]) -> None:
        """It is thrown away."""
        kms, service = strict
        opened = open_key(kms.place("alias/feed"))
        service.keys["alias/feed"].private_key = key("kms of others")

        refused(lambda: sign_by(opened.private_key), "signing.unsound")

    def test_credentials_are_in_no_log(
        self, strict: tuple[Kms, StrictKms], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither ours, nor in what is shown of a key; the library's own debugging stays its own."""
        caplog.set_level(logging.INFO)
        opened = open_key(strict[0].place("alias/feed"))

        sign_by(opened.private_key)

        for shown in (caplog.text, repr(opened), repr(opened.private_key)):
            assert SECRET_ACCESS_KEY not in shown
