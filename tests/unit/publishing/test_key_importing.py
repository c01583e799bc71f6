"""What a CA answered, or another program exported, comes into the register, or does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs7,
    pkcs12,
)

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.key_register.importing import Brought
from feedsrv.publishing.key_register.refusals import (
    NoKeyForItError,
    NoPlaceError,
    OtherAuthorityError,
    PlaceTakenError,
    ProfileError,
    RevokedKeyError,
    TwoKeysError,
    WrongKeyStageError,
    WrongRoleError,
)
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.signing import issuing
from feedsrv.signing.backends import open_key
from feedsrv.signing.issuing import Authority
from feedsrv.signing.ordering import KeyChainIncompleteError
from feedsrv.signing.pemfile import FileUnwritableError
from feedsrv.signing.receiving import (
    BundlePassphraseError,
    BundlePassphraseMissingError,
    BundleTwoKeysError,
)
from feedsrv.signing.requesting import read_request
from feedsrv.signing.signer import NotStorableError, PrivateKey
from feedsrv.trust.profile import Kind, Role, fingerprint, spki_id
from tests.own_keys import KeyHouse, leaf_of
from tests.pki import ORGANISATION, Pki, chain_pem, key, pem_of

Chain = tuple[x509.Certificate, ...]


@pytest.fixture
def house(tmp_path: Path) -> KeyHouse:
    """A register that knows an outer CA's root, and nothing else."""
    house = KeyHouse(tmp_path)
    root = outer_ca(house).root
    bring(house, [root], role=Role.ROOT)
    return house


class OuterCa:
    """A CA of somebody else: root and issuing CA for feeds, valid at a time."""

    def __init__(self, name: str, now: datetime) -> None:
        self.now = now
        keys = [key(f"{name} {role}", "p256") for role in ("root", "feed")]
        self.root = issuing.issue_root(keys[0], organisation=ORGANISATION, now=self.now)
        self.ca = issuing.issue(
            Role.FEED_CA,
            keys[1].public_key(),
            Authority(self.root, keys[0]),
            organisation=ORGANISATION,
            now=self.now,
        )
        self.authority = Authority(self.ca, keys[1])

    def answer(self, record: KeyRecord, role: Role = Role.FEED_SIGNER) -> x509.Certificate:
        """The certificate for a request."""
        assert record.request is not None
        request = read_request(record.request, source="test")
        return issuing.certify(request, role, self.authority, now=self.now)

    def signer(self, private_key: PrivateKey) -> x509.Certificate:
        """A feed signer's certificate for any key."""
        public = private_key.public_key()
        return issuing.issue(
            Role.FEED_SIGNER, public, self.authority, organisation=ORGANISATION, now=self.now
        )


def outer_ca(house: KeyHouse, name: str = "outer") -> OuterCa:
    """The CA of that name, the same for the same time."""
    return _made(name, house.at)


@cache
def _made(name: str, now: datetime) -> OuterCa:
    return OuterCa(name, now)


def bring(house: KeyHouse, certificates: Sequence[x509.Certificate], **words: object) -> Brought:
    """Import certificates from one PEM file."""
    said = {"by": "anna", **words}
    return house.desk.import_([("answer.pem", chain_pem(certificates))], **said)  # type: ignore[arg-type] # words of the test


FORMS: dict[str, Callable[[Chain], Sequence[tuple[str, bytes]]]] = {
    "leaf first": lambda chain: [("a.pem", chain_pem(chain))],
    "leaf last": lambda chain: [("a.pem", chain_pem(chain[::-1]))],
    "DER, each in a file": lambda chain: [
        (f"{number}.der", one.public_bytes(Encoding.DER)) for number, one in enumerate(chain)
    ],
    "PKCS#7": lambda chain: [("a.p7b", pkcs7.serialize_certificates(list(chain), Encoding.DER))],
    "PKCS#7 in PEM": lambda chain: [("a.p7b", pkcs7.serialize_certificates(list(chain), Encoding.PEM))],
    "PKCS#12 without a key": lambda chain: [
        ("a.p12", pkcs12.serialize_key_and_certificates(None, None, None, list(chain), _encrypted()))
    ],
}


def _encrypted() -> BestAvailableEncryption:
    return BestAvailableEncryption(b"a passphrase")


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_matched_with_its_request_in_whatever_form_it_comes(house: KeyHouse, form: str) -> None:
    """Key, role and place are those of the request; the chain is in order, up to the root that is known."""
    asked = house.requested(Role.FEED_SIGNER)
    outer = outer_ca(house)
    leaf = outer.answer(asked)

    brought = house.desk.import_(FORMS[form]((leaf, outer.ca)), by="ben", passphrase=b"a passphrase")

    record = brought.record
    assert (record.key, record.role, record.place, record.stage) == (
        asked.key,
        Role.FEED_SIGNER,
        asked.place,
        KeyStage.READY,
    )
    assert [x509.load_der_x509_certificate(der) for der in record.chain] == [leaf, outer.ca, outer.root]
    assert [one.id for one in house.desk.keyring().keys if one.role is Role.FEED_SIGNER] == [record.id]
    assert record.request == asked.request
    assert house.acts()[-1] == "ben key.import"


def test_bringing_the_same_again_changes_nothing(house: KeyHouse) -> None:
    """Whoever is not sure whether it went through does it again."""
    outer = outer_ca(house)
    answer = [outer.answer(house.requested(Role.FEED_SIGNER)), outer.ca]
    first = bring(house, answer)
    acts = house.acts()

    second = bring(house, answer)

    assert second.is_known
    assert second.record == first.record
    assert house.acts() == acts


def test_a_key_with_its_certificates_is_put_where_it_is_told(house: KeyHouse) -> None:
    """Out of a PKCS#12 file into a place of ours, and not readable by others there."""
    outer, theirs = outer_ca(house), key("their signer", "p256")
    leaf = outer.signer(theirs)
    data = pkcs12.serialize_key_and_certificates(b"x", theirs, leaf, [outer.ca], _encrypted())

    record = house.desk.import_(
        [("their.p12", data)],
        by="anna",
        role=Role.FEED_SIGNER,
        place=house.place("theirs"),
        passphrase=b"a passphrase",
    ).record

    file = house.folder / "theirs.key.pem"
    assert spki_id(open_key(house.place("theirs")).private_key.public_key()) == record.key
    assert file.stat().st_mode & 0o777 == 0o600
    assert not record.exportable
    house.desk.use(house.desk.keyring().keys[0].id, by="anna")
    assert house.desk.use(record.id, by="anna").record.stage is KeyStage.IN_USE


def test_an_import_that_was_cut_short_after_the_key_was_stored_goes_on(house: KeyHouse) -> None:
    """The same again finishes it; another key's place is still nobody's to take."""
    outer, theirs = outer_ca(house), key("their signer", "p256")
    pem = pem_of(theirs) + chain_pem([outer.signer(theirs), outer.ca])
    words = {"by": "anna", "role": Role.FEED_SIGNER, "place": house.place("theirs")}

    def cut(step: str) -> None:
        raise KeyboardInterrupt

    house.after = cut
    with pytest.raises(KeyboardInterrupt):
        house.desk.import_([("their.pem", pem)], **words)  # type: ignore[arg-type] # words of the test
    house.after = lambda _: None

    record = house.desk.import_([("their.pem", pem)], **words).record  # type: ignore[arg-type] # as above

    assert record.stage is KeyStage.READY
    other = key("another signer", "p256")
    with pytest.raises(PlaceTakenError):
        house.desk.import_(
            [("other.pem", pem_of(other) + chain_pem([outer.signer(other), outer.ca]))],
            **words,  # type: ignore[arg-type] # as above
        )


def test_a_key_that_lives_elsewhere_already_is_named_by_its_place(house: KeyHouse) -> None:
    """Made in a ceremony, or by another program."""
    theirs = key("ceremony", "p256")
    (house.folder / "ceremony.key.pem").write_bytes(pem_of(theirs))
    (house.folder / "ceremony.key.pem").chmod(0o600)
    outer = outer_ca(house)

    record = bring(
        house, [outer.signer(theirs), outer.ca], role=Role.FEED_SIGNER, place=house.place("ceremony")
    ).record

    assert (record.key, record.place) == (spki_id(theirs.public_key()), house.place("ceremony"))


def test_a_root_comes_without_a_key(house: KeyHouse) -> None:
    """It lies in a safe; here it only anchors."""
    other = outer_ca(house, "other").root

    record = bring(house, [other], role=Role.ROOT).record

    assert (record.role, record.place, record.request) == (Role.ROOT, None, None)
    assert house.desk.use(record.id, by="anna").record.stage is KeyStage.IN_USE


def _of_another_ca(house: KeyHouse) -> object:
    other = outer_ca(house, "other")
    return bring(house, [other.answer(house.requested(Role.FEED_SIGNER)), other.ca])


def _of_another_request(house: KeyHouse) -> object:
    outer = outer_ca(house)
    house.requested(Role.FEED_SIGNER)
    return bring(house, [outer.signer(key("nobody's", "p256")), outer.ca])


def _without_its_ca(house: KeyHouse) -> object:
    return bring(house, [outer_ca(house).answer(house.requested(Role.FEED_SIGNER))])


def _of_another_role(house: KeyHouse) -> object:
    outer = outer_ca(house)
    asked = house.requested(Role.MITIGATION_SIGNER)
    certified = outer.signer(open_key(house.place("mitigation-signer")).private_key)
    assert spki_id(certified.public_key()) == asked.key
    return bring(house, [certified, outer.ca])


def _said_to_be_another_role(house: KeyHouse) -> object:
    outer = outer_ca(house)
    leaf = outer.answer(house.requested(Role.FEED_SIGNER))
    return bring(house, [leaf, outer.ca], role=Role.MITIGATION_SIGNER)


def _ended(house: KeyHouse) -> object:
    outer = outer_ca(house)
    leaf = outer.answer(house.requested(Role.FEED_SIGNER))
    house.at += timedelta(days=91)
    return bring(house, [leaf, outer.ca])


def _two_keys(house: KeyHouse) -> object:
    theirs = [key(f"signer {number}", "p256") for number in range(2)]
    pem = b"".join(map(pem_of, theirs)) + chain_pem([outer_ca(house).signer(theirs[0])])
    return house.desk.import_([("two.pem", pem)], by="anna", place=house.place("theirs"))


def _two_keys_in_two_files(house: KeyHouse) -> object:
    outer = outer_ca(house)
    files = []
    for number in range(2):
        theirs = key(f"signer {number}", "p256")
        files.append((f"{number}.pem", pem_of(theirs) + chain_pem([outer.signer(theirs)])))
    return house.desk.import_(files, by="anna", place=house.place("theirs"))


def _p12(house: KeyHouse, **words: object) -> object:
    outer, theirs = outer_ca(house), key("their signer", "p256")
    data = pkcs12.serialize_key_and_certificates(b"x", theirs, outer.signer(theirs), [outer.ca], _encrypted())
    said = {"by": "anna", "role": Role.FEED_SIGNER, "place": house.place("theirs"), **words}
    return house.desk.import_([("their.p12", data)], **said)  # type: ignore[arg-type] # words of the test


REFUSED: dict[str, tuple[Callable[[KeyHouse], object], type[FeedsrvError], str]] = {
    "issued by another CA": (_of_another_ca, OtherAuthorityError, "--role root"),
    "the answer to another request": (_of_another_request, NoKeyForItError, "no request|request"),
    "without its CA": (_without_its_ca, KeyChainIncompleteError, "missing"),
    "with the usage of another role": (_of_another_role, ProfileError, "trust.eku_missing"),
    "for a key of another role": (_said_to_be_another_role, WrongRoleError, "no key has two roles"),
    "ended": (_ended, ProfileError, "trust.certificate_expired"),
    "two keys in one file": (_two_keys, BundleTwoKeysError, "2 private keys"),
    "two keys in two files": (_two_keys_in_two_files, TwoKeysError, "more than one private key"),
    "a key, and no place": (
        lambda house: _p12(house, place=None, passphrase=b"a passphrase"),
        NoPlaceError,
        "--place",
    ),
    "no passphrase": (_p12, BundlePassphraseMissingError, "passphrase"),
    "a wrong passphrase": (
        lambda house: _p12(house, passphrase=b"wrong"),
        BundlePassphraseError,
        "passphrase",
    ),
    "a new key without a role": (
        lambda house: _p12(house, role=None, passphrase=b"a passphrase"),
        WrongRoleError,
        "--role",
    ),
    "a place that takes no keys in": (
        lambda house: _p12(house, passphrase=b"a passphrase", place="aws-kms:alias/x?region=eu-central-1"),
        NotStorableError,
        "no safer inside",
    ),
    "a place that cannot be written": (
        lambda house: _p12(house, passphrase=b"a passphrase", place=house.place("no folder/theirs")),
        FileUnwritableError,
        "no folder",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_the_reason_and_changes_nothing(house: KeyHouse, name: str) -> None:
    """No record, no key, no change of a request; the refusal itself is written down."""
    bad, refusal, words = REFUSED[name]

    with pytest.raises(refusal, match=words) as refused:
        bad(house)

    stages = [(one.role, one.stage) for one in house.desk.list()]
    assert (Role.ROOT, KeyStage.READY) in stages
    assert {stage for role, stage in stages if role is not Role.ROOT} <= {KeyStage.REQUESTED}
    assert not (house.folder / "theirs.key.pem").exists()
    assert "a passphrase" not in str(refused.value)


def test_every_deviation_is_listed_at_once(house: KeyHouse) -> None:
    """Whoever has to ask a CA again wants to ask once."""
    pki = Pki(at=house.at)
    bad = pki.certificates(
        Kind.FEED, leaf={"extended": None, "usage": frozenset({"key_encipherment"}), "key_name": "bad leaf"}
    )
    place = house.folder / "bad.key.pem"
    place.write_bytes(pem_of(key("bad leaf")))
    place.chmod(0o600)
    bring(house, [bad["root"]], role=Role.ROOT)

    with pytest.raises(ProfileError) as refused:
        bring(house, [bad["leaf"], bad["ca"]], role=Role.FEED_SIGNER, place=house.place("bad"))

    codes = {one.code for one in refused.value.deviations}
    assert {"trust.eku_absent", "trust.key_usage"} <= codes
    assert all(code in str(refused.value) for code in codes)


def test_what_nobody_refuses_is_told_and_not_refused(house: KeyHouse) -> None:
    """A certificate that lives longer than the profile says is borne by every agent."""
    pki = Pki(at=house.at)
    long = pki.certificates(Kind.FEED, leaf={"ends": timedelta(days=1000)}, ca={"ends": timedelta(days=1500)})
    place = house.folder / "long.key.pem"
    place.write_bytes(pem_of(key("feed-leaf")))
    place.chmod(0o600)
    bring(house, [long["root"]], role=Role.ROOT)

    brought = bring(house, [long["leaf"], long["ca"]], role=Role.FEED_SIGNER, place=house.place("long"))

    assert brought.record.stage is KeyStage.READY
    assert brought.advice
    assert not any(one.refused for one in brought.advice)


def test_a_certificate_of_the_day_after_tomorrow_may_be_brought_today(house: KeyHouse) -> None:
    """It is ready, and cannot be used before its day."""
    later = OuterCa("later", house.at + timedelta(days=2))
    bring(house, [later.root], role=Role.ROOT)
    house.desk.use(house.desk.keyring().keys[0].id, by="anna")

    record = bring(house, [later.answer(house.requested(Role.FEED_SIGNER)), later.ca]).record

    with pytest.raises(ProfileError, match="not_yet_valid"):
        house.desk.use(record.id, by="anna")
    house.at += timedelta(days=2)
    house.desk.use(fingerprint(later.root), by="anna")
    assert house.desk.use(record.id, by="anna").record.stage is KeyStage.IN_USE


def test_what_was_retired_or_revoked_does_not_come_back(house: KeyHouse) -> None:
    """Not even from the very same file."""
    outer = outer_ca(house)
    answer = [outer.answer(house.requested(Role.FEED_SIGNER)), outer.ca]
    record = bring(house, answer).record
    house.desk.retire(record.id, by="anna")
    with pytest.raises(WrongKeyStageError, match="retired"):
        bring(house, answer)

    house.desk.revoke(record.id, reason="superseded", by="anna")

    with pytest.raises(RevokedKeyError):
        bring(house, answer)
    assert leaf_of(record) == answer[0]
