"""Putting keys to use, handing them out, and laying them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.key_register.keyring import HeldKey
from feedsrv.publishing.key_register.refusals import (
    ClockError,
    InUseError,
    NoPlaceError,
    NoRequestError,
    NotExportableError,
    OtherAuthorityError,
    ProfileError,
    RevokedKeyError,
    WrongKeyStageError,
)
from feedsrv.publishing.strand import StrandError
from feedsrv.publishing.trust_records import KeyRecord, KeyStage, KnownPolicy
from feedsrv.signing.documents import KeyMismatchError
from feedsrv.signing.pemfile import FileMissingError
from feedsrv.trust.profile import EKU, Role, spki_id
from tests.own_keys import KeyHouse, leaf_of
from tests.pki import ORGANISATION, key, pem_of


@pytest.fixture
def house(tmp_path: Path) -> KeyHouse:
    """A register whose keys are all in use."""
    house = KeyHouse(tmp_path)
    house.furnish()
    return house


def record_of(house: KeyHouse, role: Role) -> KeyRecord:
    """The key of that role that is in use."""
    found = house.desk.keyring().in_use(role)[0].record
    assert found is not None
    return found


def test_the_signer_before_is_ready_to_be_used_again(house: KeyHouse) -> None:
    """A switch is undone by the same command."""
    old = record_of(house, Role.FEED_SIGNER)
    new = house.issued(Role.FEED_SIGNER, "new")

    used = house.desk.use(new.id, by="ben")

    assert used.record.stage is KeyStage.IN_USE
    assert [one.id for one in used.before] == [old.id]
    assert house.stage(old) is KeyStage.READY
    assert house.acts()[-1] == "ben key.use"
    assert house.desk.use(old.id, by="ben").record.stage is KeyStage.IN_USE
    assert house.stage(new) is KeyStage.READY


def test_a_revoked_signer_in_use_is_not_said_to_be_fine(house: KeyHouse) -> None:
    """Whoever asks for it again hears why nothing is published."""
    signer = record_of(house, Role.FEED_SIGNER)
    house.desk.revoke(signer.id, reason="superseded", by="anna")

    with pytest.raises(RevokedKeyError, match="was revoked"):
        house.desk.use(signer.id, by="anna")


def test_a_revoked_signer_is_not_offered_again_by_its_successor(house: KeyHouse) -> None:
    """After a theft, nobody is told that the stolen key is ready."""
    stolen = record_of(house, Role.FEED_SIGNER)
    new = house.issued(Role.FEED_SIGNER, "new")
    house.desk.revoke(stolen.id, reason="key_compromise", by="anna")

    used = house.desk.use(new.id, by="anna")

    assert [one.id for one in used.before] == [stolen.id]
    assert used.revoked == {stolen.id}


def test_roots_and_cas_are_in_use_side_by_side(house: KeyHouse) -> None:
    """That is how they are exchanged."""
    old = record_of(house, Role.ROOT)

    house.used(Role.ROOT, "next root")

    assert house.stage(old) is KeyStage.IN_USE
    assert len(house.desk.keyring().anchors(KeyStage.IN_USE)) == 2


def test_using_what_is_in_use_changes_nothing(house: KeyHouse) -> None:
    """Not even the audit log."""
    acts = house.acts()

    assert house.desk.use(record_of(house, Role.FEED_SIGNER).id, by="anna").is_unchanged
    assert house.acts() == acts


def _only_requested(house: KeyHouse) -> str:
    return house.requested(Role.FEED_SIGNER, "new").id


def _retired(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    return house.desk.retire(record.id, by="anna").id


def _revoked(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    house.desk.revoke(record.id, reason="key_compromise", by="anna")
    return record.id


def _issued_by_a_revoked_ca(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    house.desk.revoke(record_of(house, Role.FEED_CA).id, reason="ca_compromise", by="anna")
    return record.id


def _ended(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    house.at += timedelta(days=91)
    return record.id


def _under_a_root_that_is_not_in_use(house: KeyHouse) -> str:
    other = KeyHouse(house.folder, house.store, house.at)
    root = other.issued(Role.ROOT, "next root", common_name="Next root")
    asked = other.requested(Role.FEED_CA, "next ca", common_name="Next CA")
    ca = other.desk.issue(asked.id, by="anna", issuer=root.id)
    signer = other.requested(Role.FEED_SIGNER, "new")
    return other.desk.issue(signer.id, by="anna", issuer=ca.id).id


def _key_is_lost(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    (house.folder / "new.key.pem").unlink()
    return record.id


def _key_is_another(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    (house.folder / "new.key.pem").write_bytes(pem_of(key("stranger", "p256")))
    return record.id


def _kept_by_a_setting(house: KeyHouse) -> str:
    record = house.issued(Role.FEED_SIGNER, "new")
    chain = [x509.load_der_x509_certificate(der) for der in record.chain]
    with house.store.begin() as work:
        work.keys.remove(record.key, record.certificate)
    house.outside = (HeldKey.kept_by("FEEDSRV_FEED_SIGNER", Role.FEED_SIGNER, chain, record.place),)
    return record.id


UNUSABLE: dict[str, tuple[Callable[[KeyHouse], str], type[FeedsrvError], str]] = {
    "only requested": (_only_requested, NoRequestError, "no certificate yet"),
    "retired": (_retired, WrongKeyStageError, "never used again"),
    "revoked": (_revoked, RevokedKeyError, "was revoked"),
    "issued by a revoked CA": (_issued_by_a_revoked_ca, RevokedKeyError, "was revoked"),
    "ended": (_ended, ProfileError, "trust.certificate_expired"),
    "under a root that is not in use": (
        _under_a_root_that_is_not_in_use,
        OtherAuthorityError,
        "put that root",
    ),
    "its key is lost": (_key_is_lost, FileMissingError, "new.key.pem"),
    "its key is another": (_key_is_another, KeyMismatchError, "new.key.pem"),
    "kept by a setting": (_kept_by_a_setting, WrongKeyStageError, "FEEDSRV_FEED_SIGNER"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_would_not_be_believed_or_cannot_sign_is_not_put_to_use(house: KeyHouse, name: str) -> None:
    """The one in use stays; that it was tried is written down."""
    prepare, refusal, words = UNUSABLE[name]
    before = record_of(house, Role.FEED_SIGNER)
    fingerprint = prepare(house)

    with pytest.raises(refusal, match=words):
        house.desk.use(fingerprint, by="anna")

    assert house.stage(before) is KeyStage.IN_USE
    assert house.acts()[-1] == "anna key.use.refused"


def test_without_a_root_in_use_nobody_could_believe_a_signer(tmp_path: Path) -> None:
    """The root comes first."""
    house = KeyHouse(tmp_path)
    for role in (Role.ROOT, Role.FEED_CA):
        house.issued(role)
    signer = house.issued(Role.FEED_SIGNER)

    with pytest.raises(OtherAuthorityError, match="root"):
        house.desk.use(signer.id, by="anna")


def know_agents(house: KeyHouse, organisation: str) -> None:
    """A generation of agents that pin the root, and ask for that organisation."""
    root = record_of(house, Role.ROOT).chain[0]
    eku = {kind: oid.dotted_string for kind, oid in EKU.items()}
    policy = KnownPolicy("2025 agents", (root,), organisation, None, eku, house.at, "set up by hand")
    with house.store.begin() as work:
        work.policies.save(policy)


def test_a_switch_that_would_strand_known_agents_is_refused(house: KeyHouse) -> None:
    """They are named; the one in use stays."""
    know_agents(house, "Somebody Else")
    before = record_of(house, Role.FEED_SIGNER)
    new = house.issued(Role.FEED_SIGNER, "new")

    with pytest.raises(StrandError, match="2025 agents"):
        house.desk.use(new.id, by="anna")

    assert house.stage(before) is KeyStage.IN_USE


def test_whoever_insists_strands_them_and_that_is_written_down(house: KeyHouse) -> None:
    """With their names, in the audit log."""
    know_agents(house, "Somebody Else")
    new = house.issued(Role.FEED_SIGNER, "new")

    used = house.desk.use(new.id, by="anna", strand=True)

    assert len(used.stranded) == 1
    with house.store.look() as work:
        last = work.audit.last()
    assert last is not None
    assert "2025 agents" in last.detail["stranded"]


def test_agents_that_believe_the_new_signer_are_no_hindrance(house: KeyHouse) -> None:
    """They ask for nothing that it has not."""
    know_agents(house, ORGANISATION)
    new = house.issued(Role.FEED_SIGNER, "new")

    assert house.desk.use(new.id, by="anna").stranded == ()


def test_a_setting_that_goes_before_the_register_is_named(house: KeyHouse) -> None:
    """Else the switch would do nothing, and nobody would know why."""
    old = record_of(house, Role.FEED_SIGNER)
    chain = [x509.load_der_x509_certificate(der) for der in old.chain]
    new = house.issued(Role.FEED_SIGNER, "new")
    house.outside = (HeldKey.kept_by("FEEDSRV_FEED_SIGNER", Role.FEED_SIGNER, chain, old.place),)

    assert house.desk.use(new.id, by="anna").overruled_by == "FEEDSRV_FEED_SIGNER"


def test_the_chain_may_always_be_handed_out(house: KeyHouse) -> None:
    """Leaf first, as PEM; without a key, and written down."""
    record = record_of(house, Role.FEED_SIGNER)

    exported = house.desk.export(record.id, by="ben")

    held = x509.load_pem_x509_certificates(exported)
    assert [one.subject for one in held] == [
        x509.load_der_x509_certificate(der).subject for der in record.chain
    ]
    assert b"PRIVATE" not in exported
    assert house.acts()[-1] == "ben key.export"


def test_a_private_key_leaves_encrypted_where_it_was_made_to(house: KeyHouse) -> None:
    """And opens with that passphrase alone."""
    record = house.issued(Role.FEED_SIGNER, "new", exportable=True)

    exported = house.desk.export(record.id, by="ben", private=True, passphrase=b"a passphrase")

    opened = load_pem_private_key(exported, b"a passphrase")
    assert spki_id(opened.public_key()) == record.key
    assert b"ENCRYPTED" in exported
    with pytest.raises(ValueError, match="assword"):
        load_pem_private_key(exported, b"another")


def test_a_private_key_that_was_not_made_to_leave_stays(house: KeyHouse) -> None:
    """Its chain may be had; that somebody tried is written down."""
    record = record_of(house, Role.FEED_SIGNER)

    with pytest.raises(NotExportableError, match="--exportable"):
        house.desk.export(record.id, by="ben", private=True, passphrase=b"a passphrase")

    assert house.acts()[-1] == "ben key.export.refused"


def test_no_private_key_leaves_without_a_passphrase(house: KeyHouse) -> None:
    """Nor one that is not here."""
    record = house.issued(Role.FEED_SIGNER, "new", exportable=True)
    with pytest.raises(NoPlaceError, match="encrypted"):
        house.desk.export(record.id, by="ben", private=True)

    with house.store.begin() as work:
        work.keys.save(replace(record, place=None))
    with pytest.raises(NoPlaceError, match="not here"):
        house.desk.export(record.id, by="ben", private=True, passphrase=b"a passphrase")


def test_a_retired_key_is_never_used_again_and_stays_listed(house: KeyHouse) -> None:
    """It may have to be looked up years later."""
    record = house.issued(Role.FEED_SIGNER, "new")

    house.desk.retire(record.id, by="ben")
    house.desk.retire(record.id, by="ben")

    assert house.stage(record) is KeyStage.RETIRED
    assert [act for act in house.acts() if act.endswith("retire")] == ["ben key.retire"]


@pytest.mark.parametrize("role", [Role.FEED_SIGNER, Role.FEED_CA, Role.ROOT])
def test_what_is_in_use_or_above_what_is_in_use_cannot_be_retired(house: KeyHouse, role: Role) -> None:
    """The message says what to do first."""
    record = record_of(house, role)

    with pytest.raises(InUseError, match="put another"):
        house.desk.retire(record.id, by="anna")

    assert house.stage(record) is KeyStage.IN_USE


def test_a_ca_can_be_retired_once_nothing_in_use_was_issued_by_it(house: KeyHouse) -> None:
    """After its successor has issued the signer in use."""
    old = record_of(house, Role.FEED_CA)
    ca = house.issued(Role.FEED_CA, "next ca", common_name="Next feed CA")
    asked = house.requested(Role.FEED_SIGNER, "new")
    house.desk.use(house.desk.issue(asked.id, by="anna", issuer=ca.id).id, by="anna")

    house.desk.retire(old.id, by="anna")

    assert house.stage(old) is KeyStage.RETIRED


def test_a_root_can_be_retired_once_everything_in_use_leads_to_another(house: KeyHouse) -> None:
    """Not before: agents that are set up after it would believe half of the signers."""
    old = record_of(house, Role.ROOT)
    root = house.used(Role.ROOT, "next root", common_name="Next root")
    for ca_role, role in ((Role.FEED_CA, Role.FEED_SIGNER), (Role.MITIGATION_CA, Role.MITIGATION_SIGNER)):
        with pytest.raises(InUseError, match="still needed"):
            house.desk.retire(old.id, by="anna")
        asked = house.requested(ca_role, f"next {ca_role.slug}", common_name=f"Next {ca_role.slug}")
        ca = house.desk.issue(asked.id, by="anna", issuer=root.id)
        signer = house.requested(role, f"next {role.slug}")
        house.desk.use(house.desk.issue(signer.id, by="anna", issuer=ca.id).id, by="anna")

    house.desk.retire(old.id, by="anna")

    assert house.desk.keyring().anchors(KeyStage.IN_USE) == (leaf_of(root),)


def test_the_wrong_time_is_carried_into_no_certificate(house: KeyHouse) -> None:
    """After a battery died, or years back from what was written down; a little back is no matter."""
    right = house.at
    for wrong in (datetime(1970, 1, 1, 0, 5, tzinfo=UTC), right - timedelta(days=2)):
        house.at = wrong
        with pytest.raises(ClockError, match="set the clock"):
            house.requested(Role.FEED_SIGNER, "new")
        with pytest.raises(ClockError):
            house.desk.make_lists(by="anna")
    house.at = right - timedelta(hours=20)

    assert house.requested(Role.FEED_SIGNER, "new").stage is KeyStage.REQUESTED


def test_a_request_that_nobody_answers_can_be_laid_down(house: KeyHouse) -> None:
    """Its key stays where it is."""
    record = house.requested(Role.FEED_SIGNER, "new")

    house.desk.retire(record.id, by="anna")

    assert house.stage(record) is KeyStage.RETIRED
    assert (house.folder / "new.key.pem").exists()


def test_the_list_tells_what_an_administrator_asks(house: KeyHouse) -> None:
    """Role, names, days left, where the key lives, who keeps it; outside keys, too."""
    outside = KeyHouse(house.folder / "other")
    outside.folder.mkdir()
    theirs = leaf_of(outside.used(Role.ROOT))
    house.outside = (HeldKey.kept_by("FEEDSRV_ANCHORS", Role.ROOT, (theirs,)),)
    asked = house.requested(Role.FEED_SIGNER, "new")
    house.at += timedelta(days=30)

    listed = {one.fingerprint: one for one in house.desk.list()}

    signer = listed[record_of(house, Role.FEED_SIGNER).id]
    assert (signer.role, signer.stage, signer.days_left) == (Role.FEED_SIGNER, KeyStage.IN_USE, 60)
    assert signer.place == f"PEM file {house.folder}/feed-signer.key.pem"
    assert (signer.algorithm, signer.source, signer.revoked) == ("EC secp256r1", "register", "")
    assert ORGANISATION in signer.subject
    assert ORGANISATION in signer.issuer
    request = listed[asked.id]
    assert (request.stage, request.ends, request.days_left) == (KeyStage.REQUESTED, None, None)
    assert ORGANISATION in request.subject
    assert [one.source for one in listed.values()][-1] == "FEEDSRV_ANCHORS"
