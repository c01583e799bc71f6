"""Which keys are in force, and how each thing that is wrong with them is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.refusals import ShelfDamagedError
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.signing.backends import SignerUriError
from feedsrv.signing.development import ensure_development_pki
from feedsrv.signing.fitness import SignerExpiredError, SignerUsageError
from feedsrv.signing.pemfile import (
    ChainUnreadableError,
    FileMissingError,
    KeyExposedError,
    KeyUnreadableError,
)
from feedsrv.trust.policy import AnchorsError, CrlUnreadableError
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import (
    CrlForgedError,
    CrlStaleError,
    IssuerRevokedError,
    SignerRevokedError,
)
from feedsrv.wiring.keys import DEVELOPMENT, Keys, NoKeysError, OtherKeysError, open_keys
from tests.own_keys import OwnPki
from tests.pki import ORGANISATION, chain_pem, key, pem_of
from tests.publisher import shared_pki


def tell(sentence: str) -> None:
    """Nobody listens."""


@pytest.fixture
def own(tmp_path: Path) -> OwnPki:
    """A whole and good PKI of one's own."""
    folder = tmp_path / "own keys"
    folder.mkdir()
    found = OwnPki(folder)
    found.write()
    return found


def opened(settings: Settings, *, make: bool = False) -> Keys:
    """The keys in force now."""
    return open_keys(settings, now=now(), tell=tell, make=make)


def development_pki() -> Path:
    """One that was made before."""
    ensure_development_pki(shared_pki(), now=now())
    return shared_pki()


def test_keys_of_ones_own_are_opened_and_published_without_a_secret(own: OwnPki, tmp_path: Path) -> None:
    """Agents get anchors, issuing CAs, organisation and purposes; a private key is in none of it."""
    keys = opened(own.settings(tmp_path))

    assert keys.policy.organisation == ORGANISATION
    assert keys.signers.feed.chain[0] == own.pki.signer(Kind.FEED).chain[0]
    assert keys.public_files["v1/trust/anchors.pem"] == own.pki.anchors_pem()
    assert json.loads(keys.public_files["v1/trust/policy.json"])["anchors"] == list(keys.fingerprints)
    assert keys.public_files["v1/trust/intermediates.pem"].count(b"BEGIN CERTIFICATE") == 2
    assert b"PRIVATE" not in b"".join(keys.public_files.values())


def test_revocation_lists_of_ones_own_are_published_and_used(own: OwnPki, tmp_path: Path) -> None:
    """Every `*.crl` of the folder, by its name."""
    lists = tmp_path / "crls"
    lists.mkdir()
    (lists / "feed-ca.crl").write_bytes(own.pki.crl(Kind.FEED).public_bytes(Encoding.DER))

    keys = opened(own.settings(tmp_path, crls=lists))

    assert [crl.issuer for crl in keys.policy.crls] == [own.pki.signer(Kind.FEED).chain[1].subject]
    assert "v1/trust/crls/feed-ca.crl" in keys.public_files
    assert json.loads(keys.public_files["v1/trust/policy.json"])["crls"] == ["trust/crls/feed-ca.crl"]


LISTS: dict[str, tuple[Callable[[OwnPki], x509.CertificateRevocationList], type[FeedsrvError]]] = {
    "of a stranger": (
        lambda own: own.pki.crl(Kind.FEED, signed_by=("stranger", "rsa2048")),
        CrlForgedError,
    ),
    "past its date": (
        lambda own: own.pki.crl(Kind.FEED, begins=timedelta(days=-9), ends=timedelta(days=-1)),
        CrlStaleError,
    ),
    "that revokes the signer": (
        lambda own: own.pki.crl(Kind.FEED, revoked=[own.pki.signer(Kind.FEED).chain[0].serial_number]),
        SignerRevokedError,
    ),
    "of the root that revokes the issuing CA": (
        lambda own: own.pki.crl(
            Kind.FEED, of="root", revoked=[own.pki.signer(Kind.FEED).chain[1].serial_number]
        ),
        IssuerRevokedError,
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_agents_would_refuse_documents_by_is_heard_of_here(
    own: OwnPki, tmp_path: Path, name: str
) -> None:
    """Before it is published; the files stay for the operator to look at."""
    make, refusal = LISTS[name]
    lists = tmp_path / "crls"
    lists.mkdir()
    (lists / "feed-ca.crl").write_bytes(make(own).public_bytes(Encoding.DER))

    with pytest.raises(refusal):
        opened(own.settings(tmp_path, crls=lists))

    assert (lists / "feed-ca.crl").exists()


def test_a_file_among_the_lists_that_is_none_is_named(own: OwnPki, tmp_path: Path) -> None:
    """It could be the one that revokes."""
    lists = tmp_path / "crls"
    lists.mkdir()
    (lists / "damaged.crl").write_bytes(b"damaged")

    with pytest.raises(CrlUnreadableError, match=r"damaged\.crl"):
        opened(own.settings(tmp_path, crls=lists))


BAD_FILES: dict[str, tuple[Callable[[OwnPki], object], type[FeedsrvError], str]] = {
    "no key": (lambda own: own.key(Kind.FEED).unlink(), FileMissingError, "feed.key.pem"),
    "no chain": (lambda own: own.chain(Kind.FEED).unlink(), FileMissingError, "feed.pem"),
    "no anchors": (lambda own: own.anchors.unlink(), BadSettingsError, "anchors.pem"),
    "a key that others can read": (
        lambda own: own.key(Kind.FEED).chmod(0o644),
        KeyExposedError,
        "chmod 600",
    ),
    "no key in the file": (
        lambda own: own.key(Kind.FEED).write_bytes(b"x"),
        KeyUnreadableError,
        "feed.key.pem",
    ),
    "no certificate in the file": (
        lambda own: own.chain(Kind.FEED).write_bytes(b"x"),
        ChainUnreadableError,
        "feed.pem",
    ),
    "another key": (
        lambda own: own.key(Kind.FEED).write_bytes(pem_of(key("stranger"))),
        FeedsrvError,
        "feed.key.pem",
    ),
    "no anchor in the file": (lambda own: own.anchors.write_bytes(b"x"), AnchorsError, "anchors.pem"),
    "expired": (lambda own: own.write("leaf-expired"), SignerExpiredError, "renew it"),
    "issuing CA expired": (lambda own: own.write("ca-expired"), SignerExpiredError, "renew it"),
    "not begun": (lambda own: own.write("leaf-not-yet-valid"), SignerExpiredError, "holds from"),
    "no purpose": (lambda own: own.write("eku-absent"), SignerUsageError, "extended key usage"),
    "another purpose": (lambda own: own.write("eku-server-auth"), SignerUsageError, "extended key usage"),
    "any purpose": (lambda own: own.write("eku-any"), SignerUsageError, "extended key usage"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_keys_that_do_not_fit_are_refused_with_file_and_reason(
    own: OwnPki, tmp_path: Path, name: str
) -> None:
    """An operator hears of it when a process starts, and not from every agent."""
    spoil, refusal, named = BAD_FILES[name]
    spoil(own)

    with pytest.raises(refusal, match=named):
        opened(own.settings(tmp_path))


@pytest.mark.parametrize(
    "uri", ["pkcs11:token=x", "/no/scheme.pem", "file:relative.pem?chain=/c.pem", "file:/key.pem"]
)
def test_a_signer_that_is_written_wrongly_is_refused(own: OwnPki, tmp_path: Path, uri: str) -> None:
    """The message shows the form that is known."""
    with pytest.raises(SignerUriError, match="file"):
        opened(own.settings(tmp_path, feed_signer=uri))


def test_a_signer_for_the_other_purpose_is_refused(own: OwnPki, tmp_path: Path) -> None:
    """Feeds are not signed with the key for mitigations, nor the other way round."""
    with pytest.raises(SignerUsageError, match="feed"):
        opened(own.settings(tmp_path, feed_signer=own.uri(Kind.MITIGATION)))


def test_a_folder_of_revocation_lists_that_is_not_there_is_refused(own: OwnPki, tmp_path: Path) -> None:
    """Otherwise none would be published, in silence."""
    with pytest.raises(BadSettingsError, match=r"FEEDSRV_CRLS: .*crls is no folder"):
        opened(own.settings(tmp_path, crls=tmp_path / "crls"))


def test_without_keys_nothing_is_made_on_the_way(tmp_path: Path) -> None:
    """Whoever publishes from a shell without the service's settings is told so."""
    folder = tmp_path / "keys"

    with pytest.raises(NoKeysError, match="set FEEDSRV_MITIGATION_SIGNER"):
        opened(Settings(data=tmp_path, development_keys=folder))

    assert list(tmp_path.iterdir()) == []


def test_a_first_start_makes_a_development_pki_that_says_what_it_is_and_is_ignored_by_git(
    tmp_path: Path,
) -> None:
    """Wherever the folder lies, its keys are not added to a repository by accident."""
    said: list[str] = []
    settings = Settings(data=tmp_path)

    keys = open_keys(settings, now=now(), tell=said.append, make=True)

    assert keys.policy.organisation == DEVELOPMENT
    assert (tmp_path / "keys" / ".gitignore").read_text() == "*\n"
    assert [sentence[:21] for sentence in said] == ["DEVELOPMENT KEYS ONLY"]
    assert opened(settings).fingerprints == keys.fingerprints


def publish(keys: Keys, data: Path) -> None:
    """Lay what agents pin where it is published."""
    for path, content in keys.public_files.items():
        file = data / "shelf" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_development_keys_never_take_over_a_shelf_of_other_keys(own: OwnPki, tmp_path: Path) -> None:
    """A forgotten variable must not have the feeds of a running service signed by keys of nobody."""
    publish(opened(own.settings(tmp_path)), tmp_path)
    with_a_pki = Settings(data=tmp_path, development_keys=development_pki())
    without = Settings(data=tmp_path, development_keys=tmp_path / "new")

    with pytest.raises(OtherKeysError, match="pin other anchors"):
        opened(with_a_pki)
    with pytest.raises(NoKeysError):
        opened(without, make=True)

    assert not (tmp_path / "new").exists()


def test_keys_of_ones_own_never_take_over_what_development_keys_signed(own: OwnPki, tmp_path: Path) -> None:
    """A trial's mitigations would be in the feeds of the real thing, and no agent would believe them."""
    publish(opened(Settings(data=tmp_path, development_keys=development_pki())), tmp_path)

    with pytest.raises(OtherKeysError, match="a new FEEDSRV_DATA"):
        opened(own.settings(tmp_path))


def test_a_root_is_exchanged_by_publishing_both_for_a_while(own: OwnPki, tmp_path: Path) -> None:
    """What was signed under the old one stays believed until it is published again."""
    publish(opened(own.settings(tmp_path)), tmp_path)
    new = own.pki.certificates(Kind.FEED, root={"key_name": "next root"})["root"]
    own.anchors.write_bytes(own.pki.anchors_pem() + chain_pem([new]))

    keys = opened(own.settings(tmp_path))

    assert len(keys.fingerprints) == 2


def test_a_list_of_anchors_that_is_damaged_is_no_empty_list(own: OwnPki, tmp_path: Path) -> None:
    """It stands between two sets of keys."""
    publish(opened(own.settings(tmp_path)), tmp_path)
    policy = tmp_path / "shelf/v1/trust/policy.json"
    policy.write_bytes(b"{}")

    with pytest.raises(ShelfDamagedError, match=str(policy)):
        opened(own.settings(tmp_path))


def test_a_chain_that_ends_soon_is_no_reason_to_refuse(own: OwnPki, tmp_path: Path) -> None:
    """Up to its last second; feeds simply end with it."""
    leaf = own.pki.signer(Kind.FEED).chain[0]

    keys = open_keys(own.settings(tmp_path), now=leaf.not_valid_after_utc - timedelta(seconds=1), tell=tell)

    assert keys.signers.feed.chain[0] == leaf
