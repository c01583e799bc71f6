"""Keys in force where a register has some: settings before it, a development PKI only where nothing is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import now
from feedsrv.publishing.key_register.refusals import RevokedKeyError
from feedsrv.publishing.refusals import ShelfDamagedError
from feedsrv.publishing.trust_records import KeyStage, RevocationList
from feedsrv.settings import Settings
from feedsrv.signing.development import ensure_development_pki
from feedsrv.stores.database import StoreNotReadyError, open_database, upgrade
from feedsrv.stores.lock import FileLock, lock_beside
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.profile import Kind, Role, fingerprint
from feedsrv.trust.refusals import CrlStaleError
from feedsrv.wiring.keys import (
    DEVELOPMENT,
    Keys,
    NoKeysError,
    NotOpenedError,
    open_keyring,
    open_keys,
    read_trust,
    renew_lists,
)
from feedsrv.wiring.lists import publish_lists
from tests.own_keys import KeyHouse, OwnPki, leaf_of
from tests.pki import ORGANISATION
from tests.publisher import shared_pki

FEED_ONLY = frozenset({Kind.FEED})


def tell(sentence: str) -> None:
    """Nobody listens."""


@pytest.fixture
def house(tmp_path: Path) -> KeyHouse:
    """A register on the database of `settings`, empty."""
    url = f"sqlite:///{tmp_path}/feedsrv.sqlite"
    upgrade(url)
    folder = tmp_path / "register keys"
    folder.mkdir()
    return KeyHouse(folder, SqlStore(open_database(url)), at=now())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nothing is set but where things lie."""
    return Settings(data=tmp_path)


def opened(settings: Settings, *, make: bool = False, signing: frozenset[Kind] = frozenset(Kind)) -> Keys:
    """The keys in force now."""
    return open_keys(settings, now=now(), tell=tell, make=make, signing=signing)


def publish(keys: Keys, data: Path) -> None:
    """Lay what agents pin where it is published."""
    for path, content in keys.public_files.items():
        file = data / "shelf" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_what_is_in_use_in_the_register_signs(house: KeyHouse, settings: Settings) -> None:
    """With its root as the anchor, its organisation, and no root in what documents carry."""
    records = house.furnish()

    keys = opened(settings)

    assert keys.fingerprints == (records[Role.ROOT].id,)
    assert keys.policy.organisation == ORGANISATION
    assert keys.signers.feed.chain == tuple(
        leaf_of(records[role]) for role in (Role.FEED_SIGNER, Role.FEED_CA)
    )
    assert not keys.development
    assert keys.public_files["v1/trust/intermediates.pem"].count(b"BEGIN CERTIFICATE") == 2
    assert not settings.development_folder.exists()


def test_a_setting_goes_before_the_register(house: KeyHouse, settings: Settings, tmp_path: Path) -> None:
    """What a unit file says is what is done; roots of both are anchors."""
    records = house.furnish()
    folder = tmp_path / "own"
    folder.mkdir()
    own = OwnPki(folder)
    own.write()

    keys = opened(own.settings(tmp_path))

    assert keys.signers.feed.chain[0] == own.pki.signer(Kind.FEED).chain[0]
    assert set(keys.fingerprints) == {records[Role.ROOT].id, fingerprint(own.pki.anchor())}


def test_one_signer_may_be_set_and_the_other_kept_in_the_register(house: KeyHouse, tmp_path: Path) -> None:
    """The mitigation key in a module that a setting names, the feed key renewed by the key commands."""
    records = house.furnish()
    folder = tmp_path / "own"
    folder.mkdir()
    own = OwnPki(folder)
    own.write()

    keys = opened(own.settings(tmp_path, feed_signer=None))

    assert keys.signers.mitigation.chain[0] == own.pki.signer(Kind.MITIGATION).chain[0]
    assert fingerprint(keys.signers.feed.chain[0]) == records[Role.FEED_SIGNER].id


def test_anchors_of_a_file_alone_need_signers_of_the_register(tmp_path: Path) -> None:
    """And never those of a development PKI."""
    folder = tmp_path / "own"
    folder.mkdir()
    own = OwnPki(folder)
    own.write()

    with pytest.raises(NoKeysError, match="is set or in use"):
        opened(own.settings(tmp_path, feed_signer=None, mitigation_signer=None), make=True)


def test_whoever_signs_feeds_alone_does_not_open_the_mitigation_key(
    house: KeyHouse, settings: Settings
) -> None:
    """It may be away; its certificates are known, and nothing can be signed with it by mistake."""
    records = house.furnish()
    (house.folder / "mitigation-signer.key.pem").unlink()

    keys = opened(settings, signing=FEED_ONLY)

    assert fingerprint(keys.signers.mitigation.chain[0]) == records[Role.MITIGATION_SIGNER].id
    with pytest.raises(NotOpenedError, match="mitigation-signer"):
        _ = keys.signers.mitigation.private_key
    assert keys.signers.feed.private_key is not None


def test_what_agents_are_to_know_is_read_without_any_key(house: KeyHouse, settings: Settings) -> None:
    """The same as is published, even where every key is away."""
    house.furnish()
    published = opened(settings)
    for file in house.folder.iterdir():
        file.unlink()

    trust = read_trust(settings)

    assert trust.public_files == published.public_files
    assert trust.chains[Kind.FEED] == published.signers.feed.chain
    assert trust.policy.anchors == published.policy.anchors


def test_a_root_in_use_beside_the_old_one_is_an_anchor_too(house: KeyHouse, settings: Settings) -> None:
    """One that is only ready is not."""
    first = house.furnish()[Role.ROOT]
    house.issued(Role.ROOT, "ready", common_name="Ready root")
    following = house.used(Role.ROOT, "next", common_name="Next root")

    assert opened(settings).fingerprints == (first.id, following.id)


def test_a_revoked_signer_is_not_opened_even_without_a_list(house: KeyHouse, settings: Settings) -> None:
    """The CA's key was away when it was revoked, so the register's own word has to do."""
    signer = house.furnish()[Role.FEED_SIGNER]
    (house.folder / "feed-ca.key.pem").unlink()
    assert house.desk.revoke(signer.id, reason="key_compromise", by="anna").made is None

    with pytest.raises(RevokedKeyError, match="feedsrv key request"):
        opened(settings)


def test_lists_of_the_register_are_published_and_used(house: KeyHouse, settings: Settings) -> None:
    """Each under a name that stays."""
    house.furnish()
    made = house.desk.make_lists(by="anna").made

    keys = opened(settings)

    paths = {f"v1/trust/crls/{one.name}.crl": one.der for one in made}
    assert paths.items() <= keys.public_files.items()
    assert len(keys.policy.crls) == 3
    assert json.loads(keys.public_files["v1/trust/policy.json"])["crls"] == [
        f"trust/crls/{one.name}.crl" for one in sorted(made, key=lambda one: one.name)
    ]


def test_a_stale_list_is_heard_of_here_and_not_from_every_agent(house: KeyHouse, settings: Settings) -> None:
    """They would refuse whatever is new."""
    house.furnish()
    made = house.desk.make_lists(by="anna").made

    with pytest.raises(CrlStaleError):
        open_keys(settings, now=min(one.ends for one in made).replace(microsecond=1), tell=tell)


def test_the_keeper_renews_what_is_due_and_lays_it_on_the_shelf(house: KeyHouse, settings: Settings) -> None:
    """Whoever signs is not asked; before the first publication nothing is laid anywhere."""
    house.furnish()
    made = house.desk.make_lists(by="anna").made
    # That of the root holds for a year, and is not due with the others.
    short = min(made, key=lambda one: one.ends)
    due = short.begins + (short.ends - short.begins) * 2 / 3
    assert renew_lists(settings, now=now()) == ()
    assert not publish_lists(settings, at=now())
    publish(opened(settings), settings.data)
    (house.folder / "feed-signer.key.pem").unlink()

    renewed = renew_lists(settings, now=due)

    assert len(renewed) == 2
    shelf = settings.data / "shelf/v1/trust/crls"
    lists = [x509.load_der_x509_crl(file.read_bytes()) for file in shelf.iterdir()]
    assert len(lists) == len(made) == 3
    assert all(one.next_update_utc is not None and one.next_update_utc > short.ends for one in lists)


def test_a_revocation_reaches_the_shelf_beside_lists_of_the_operators_own(
    house: KeyHouse, settings: Settings, tmp_path: Path
) -> None:
    """And what agents are told otherwise stays as it was published."""
    house.furnish()
    folder = tmp_path / "crls"
    folder.mkdir()
    theirs = OwnPki(tmp_path).pki.crl(Kind.FEED).public_bytes(Encoding.DER)
    (folder / "outer.crl").write_bytes(theirs)
    with_lists = settings.model_copy(update={"crls": folder})
    publish(opened(with_lists), settings.data)
    policy = settings.data / "shelf/v1/trust/policy.json"
    before = json.loads(policy.read_bytes())

    house.desk.make_lists(by="anna")
    assert publish_lists(with_lists, at=now())

    after = json.loads(policy.read_bytes())
    assert len(after["crls"]) == 4
    assert {**after, "crls": before["crls"]} == before


def test_a_register_that_is_half_made_gets_no_development_pki(house: KeyHouse, settings: Settings) -> None:
    """A start of the service in between must not publish with keys of nobody."""
    house.used(Role.ROOT)

    with pytest.raises(NoKeysError, match="feedsrv key use"):
        opened(settings, make=True)

    assert not settings.development_folder.exists()


def test_a_development_pki_says_that_it_is_one(house: KeyHouse, settings: Settings) -> None:
    """Whoever approves by itself asks for that."""
    keys = opened(settings.model_copy(update={"development_keys": shared_pki()}), make=True)

    assert keys.development
    assert keys.policy.organisation == DEVELOPMENT


def test_what_is_left_of_a_trial_is_no_part_of_the_real_thing(house: KeyHouse, settings: Settings) -> None:
    """Neither its root nor its lists are published, and it may be damaged or long ended."""
    trial = settings.development_folder
    shutil.copytree(_made_pki(), trial)
    records = house.furnish()

    whole = opened(settings)
    (trial / "anchors.pem").write_bytes(b"damaged")
    damaged = opened(settings)

    assert whole.fingerprints == damaged.fingerprints == (records[Role.ROOT].id,)
    assert whole.policy.crls == damaged.policy.crls == ()
    assert whole.public_files == damaged.public_files


def _made_pki() -> Path:
    ensure_development_pki(shared_pki(), now=now())
    return shared_pki()


def test_without_a_database_there_is_no_register(tmp_path: Path) -> None:
    """And none is made by looking."""
    ring = open_keyring(Settings(data=tmp_path))

    assert ring.keys == ()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_version_is_told_of(tmp_path: Path) -> None:
    """Rather than taken for one without keys, which would be replaced."""
    SqlStore(open_database(f"sqlite:///{tmp_path}/feedsrv.sqlite"))
    (tmp_path / "feedsrv.sqlite").touch()

    with pytest.raises(StoreNotReadyError, match="feedsrv db upgrade"):
        opened(Settings(data=tmp_path), make=True)


def test_the_keyring_shows_who_keeps_what(house: KeyHouse, tmp_path: Path) -> None:
    """Settings by their names, and a certificate that both know once."""
    house.used(Role.ROOT)
    folder = tmp_path / "own"
    folder.mkdir()
    own = OwnPki(folder)
    own.write()

    ring = open_keyring(own.settings(tmp_path))

    assert [(one.source, one.role) for one in ring.keys] == [
        ("register", Role.ROOT),
        ("FEEDSRV_MITIGATION_SIGNER", Role.MITIGATION_SIGNER),
        ("FEEDSRV_MITIGATION_SIGNER", Role.MITIGATION_CA),
        ("FEEDSRV_FEED_SIGNER", Role.FEED_SIGNER),
        ("FEEDSRV_FEED_SIGNER", Role.FEED_CA),
        ("FEEDSRV_ANCHORS", Role.ROOT),
    ]
    assert all(one.stage is KeyStage.IN_USE for one in ring.keys)
    assert [one.place for one in ring.keys if one.role is Role.FEED_SIGNER] == [
        own.uri(Kind.FEED).partition("?")[0]
    ]


def test_a_list_that_was_made_and_not_published_is_laid_on_the_shelf_by_the_keeper(
    house: KeyHouse, settings: Settings
) -> None:
    """A command was killed in between, and the revoked key is the only one: no publication would bring it."""
    signer = house.furnish()[Role.FEED_SIGNER]
    publish(opened(settings), settings.data)
    made = house.desk.revoke(signer.id, reason="key_compromise", by="anna").made
    assert made is not None

    assert renew_lists(settings, now=now()) == ()

    assert (settings.data / f"shelf/v1/trust/crls/{made.name}.crl").read_bytes() == made.der


def test_lists_wait_for_whoever_is_publishing(house: KeyHouse, settings: Settings) -> None:
    """That publication would lay the older ones over them, and the next look brings them."""
    house.furnish()
    publish(opened(settings), settings.data)
    house.desk.make_lists(by="anna")

    with lock_beside(settings.data / "feedsrv.sqlite").hold():
        held_up = publish_lists(settings, at=now())

    assert not held_up
    assert not (settings.data / "shelf/v1/trust/crls").exists()
    assert publish_lists(settings, at=now())


def test_lists_take_nothing_back_that_was_published_in_the_last_moment(
    house: KeyHouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another publication ended between our look and the lock, with other anchors and newer lists."""
    house.furnish()
    publish(opened(settings), settings.data)
    house.desk.make_lists(by="anna")
    policy = settings.data / "shelf/v1/trust/policy.json"
    newest: list[RevocationList] = []

    def after_another(database: Path) -> FileLock:
        policy.write_text(json.dumps({**json.loads(policy.read_bytes()), "anchors": ["another"]}))
        newest.extend(house.desk.make_lists(by="ben").made)
        return lock_beside(database)

    monkeypatch.setattr("feedsrv.wiring.lists.lock_beside", after_another)
    assert publish_lists(settings, at=now())

    assert json.loads(policy.read_bytes())["anchors"] == ["another"]
    shelf = settings.data / "shelf/v1/trust/crls"
    assert {one.stem: one.read_bytes() for one in shelf.glob("*.crl")} == {
        one.name: one.der for one in newest
    }


def test_lists_are_laid_beside_no_damaged_policy(house: KeyHouse, settings: Settings) -> None:
    """It says which anchors agents pin, and nobody here may guess."""
    house.furnish()
    publish(opened(settings), settings.data)
    policy = settings.data / "shelf/v1/trust/policy.json"
    policy.write_bytes(b"{")

    with pytest.raises(ShelfDamagedError, match="backup"):
        publish_lists(settings, at=now())

    assert policy.read_bytes() == b"{"
