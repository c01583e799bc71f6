from __future__ import annotations

import multiprocessing
import os
import re
import signal
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from feedsrv.codec.feed import write_feed
from feedsrv.codec.mitigation import write_mitigation
from feedsrv.signing import development, issuing
from feedsrv.signing.backends import open_signer
from feedsrv.signing.development import DevelopmentPki, DevelopmentPkiError, ensure_development_pki
from feedsrv.signing.documents import sign_document
from feedsrv.signing.fitness import check_fit
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.policy import TrustPolicy, load_anchors, load_crl
from feedsrv.trust.profile import PROFILES, RSA_ISSUED_BITS, Kind, Role
from feedsrv.trust.refusals import SignerRevokedError
from tests.pki import sample_feed, sample_mitigation

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
_CRLS: Final = ["crls/feed-ca.crl", "crls/mitigation-ca.crl"]
_FORK: Final = multiprocessing.get_context("fork")


@cache
def _made(number: int) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(65537, RSA_ISSUED_BITS)


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real keys, made once for the session: making six for each test would take a minute."""
    numbers = count()
    monkeypatch.setattr(issuing, "new_key", lambda: _made(next(numbers) % 6))


def _policy(pki: DevelopmentPki) -> TrustPolicy:
    return TrustPolicy(
        anchors=load_anchors(pki.anchors.read_bytes(), source="anchors"),
        organisation="feedsrv development",
        crls=tuple(load_crl(path.read_bytes(), source=path.name) for path in pki.crls),
    )


def _assert_works(pki: DevelopmentPki, at: datetime) -> None:
    """Both signers sign what a receiver opens who asks for everything, CRLs included."""
    for uri, kind in ((pki.feed_signer, Kind.FEED), (pki.mitigation_signer, Kind.MITIGATION)):
        check_fit(open_signer(uri), kind, at=at)
    feed = sign_document(write_feed(sample_feed(at)), open_signer(pki.feed_signer))
    mitigation = sign_document(write_mitigation(sample_mitigation(at)), open_signer(pki.mitigation_signer))
    assert open_feed(feed, _policy(pki), at=at).feed == sample_feed(at)
    assert open_mitigation(mitigation, _policy(pki), at=at).mitigation == sample_mitigation(at)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_start_makes_a_pki_that_works(tmp_path: Path) -> None:
    """With keys of the issued size, really made; documents under it are trusted, CRLs and all."""
    pki = ensure_development_pki(tmp_path / "keys" / "dev", now=NOW)

    assert pki.created
    _assert_works(pki, NOW)
    assert open_signer(pki.feed_signer).private_key.key_size == RSA_ISSUED_BITS


@pytest.mark.usefixtures("quick_keys")
class TestTheDevelopmentPki:
    """Made once, kept private, renewed in time."""

    def test_it_follows_the_profile_line_by_line(self, tmp_path: Path) -> None:
        """Lifetimes, path lengths and usages are the table's."""
        pki = ensure_development_pki(tmp_path / "dev", now=NOW)

        for uri, leaf_role, ca_role in (
            (pki.feed_signer, Role.FEED_SIGNER, Role.FEED_CA),
            (pki.mitigation_signer, Role.MITIGATION_SIGNER, Role.MITIGATION_CA),
        ):
            leaf, ca = open_signer(uri).chain
            assert leaf.not_valid_after_utc == NOW + PROFILES[leaf_role].lifetime
            assert ca.not_valid_after_utc == NOW + PROFILES[ca_role].lifetime
            assert "O=feedsrv development" in ca.subject.rfc4514_string()
        assert [path.name for path in pki.crls] == ["root.crl", "mitigation-ca.crl", "feed-ca.crl"]

    def test_nobody_else_can_read_its_keys(self, tmp_path: Path) -> None:
        """Whatever the umask: keys 0600, folders 0700, and nothing that git would take is outside."""
        before = os.umask(0)
        try:
            pki = ensure_development_pki(tmp_path / "dev", now=NOW)
        finally:
            os.umask(before)

        keys = list(pki.folder.rglob("*.key.pem"))
        assert len(keys) == 5
        assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
        folders = [pki.folder, *(path for path in pki.folder.rglob("*") if path.is_dir())]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}

    def test_it_says_loudly_what_it_is(self, tmp_path: Path) -> None:
        """At every start, and in the folder itself."""
        pki = ensure_development_pki(tmp_path / "dev", now=NOW)

        assert pki.warning.startswith("DEVELOPMENT KEYS ONLY")
        assert (pki.folder / "README.txt").read_text().strip() == pki.warning

    def test_the_second_start_changes_nothing(self, tmp_path: Path) -> None:
        """The same anchors, the same keys, byte for byte."""
        first = ensure_development_pki(tmp_path / "dev", now=NOW)
        before = _contents(first.folder)

        second = ensure_development_pki(tmp_path / "dev", now=NOW + timedelta(days=5))

        assert not second.created
        assert _contents(second.folder) == before

    def test_an_empty_folder_is_filled(self, tmp_path: Path) -> None:
        """An operator may have made it."""
        (tmp_path / "dev").mkdir()

        assert ensure_development_pki(tmp_path / "dev", now=NOW).created

    @pytest.mark.parametrize(
        ("after", "renewed"),
        [
            (timedelta(days=19), []),
            (timedelta(days=21), _CRLS),
            (timedelta(days=61), [*_CRLS, "feed-signer.pem"]),
            (timedelta(days=300), [*_CRLS, "crls/root.crl", "feed-signer.pem", "mitigation-signer.pem"]),
        ],
    )
    def test_the_last_third_of_a_life_brings_a_new_one(
        self, tmp_path: Path, after: timedelta, renewed: list[str]
    ) -> None:
        """Certificates and CRLs that are due, no others; keys and anchors stay, so nobody pins anew."""
        first = ensure_development_pki(tmp_path / "dev", now=NOW)
        before = _contents(first.folder)

        later = ensure_development_pki(tmp_path / "dev", now=NOW + after)

        now_there = _contents(later.folder)
        assert sorted(name for name in now_there if now_there[name] != before[name]) == renewed
        assert set(now_there) == set(before)
        _assert_works(later, NOW + after)

    def test_no_certificate_outlives_its_issuer(self, tmp_path: Path) -> None:
        """In the last year of the CA the signer's certificate ends with it."""
        ensure_development_pki(tmp_path / "dev", now=NOW)
        late = NOW + PROFILES[Role.MITIGATION_CA].lifetime - timedelta(days=30)

        pki = ensure_development_pki(tmp_path / "dev", now=late)

        leaf, ca = open_signer(pki.mitigation_signer).chain
        assert leaf.not_valid_after_utc == ca.not_valid_after_utc
        _assert_works(pki, late)

    def test_an_ended_ca_is_said_and_not_papered_over(self, tmp_path: Path) -> None:
        """New anchors are a decision of whoever pinned the old ones."""
        ensure_development_pki(tmp_path / "dev", now=NOW)

        with pytest.raises(DevelopmentPkiError, match="move the folder away"):
            ensure_development_pki(tmp_path / "dev", now=NOW + timedelta(days=1900))

    def test_a_folder_with_other_things_is_left_alone(self, tmp_path: Path) -> None:
        """It might be somebody's keys."""
        (tmp_path / "thesis.txt").write_text("years of work")

        with pytest.raises(DevelopmentPkiError, match="not empty"):
            ensure_development_pki(tmp_path, now=NOW)

        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_place_that_is_no_folder_is_named(self, tmp_path: Path) -> None:
        """An operator reads the path and what the system says of it."""
        (tmp_path / "file").write_text("")

        with pytest.raises(DevelopmentPkiError, match="file"):
            ensure_development_pki(tmp_path / "file" / "dev", now=NOW)


def _run(act: Callable[[], object]) -> BaseProcess:
    process = _FORK.Process(target=act)
    process.start()
    return process


def _die_at_write(number: int, folder: Path, now: datetime) -> None:
    """As when the power fails: at one write in the middle of its work, and nothing is cleaned up."""
    write, numbers = development._write, count()

    def dying(path: Path, content: bytes) -> None:
        if next(numbers) == number:
            (path.parent / f"{development._UNFINISHED}left").write_bytes(content[:10])
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, content)

    development._write = dying
    ensure_development_pki(folder, now=now)


@pytest.mark.usefixtures("quick_keys")
class TestKills:
    """A kill at any moment leaves nothing or everything, and the next start goes on from there."""

    @pytest.mark.parametrize("number", [0, 1, 4, 8, 11, 13, 14])
    def test_a_kill_while_making_leaves_nothing(self, tmp_path: Path, number: int) -> None:
        """No half of a PKI is ever taken for a whole one; what was left behind is cleared away."""
        folder = tmp_path / "dev"
        child = _run(lambda: _die_at_write(number, folder, NOW))
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert not folder.exists()

        pki = ensure_development_pki(folder, now=NOW)

        assert pki.created
        _assert_works(pki, NOW)
        assert sorted(path.name for path in tmp_path.iterdir()) == [".dev.lock", "dev"]

    def test_the_kills_above_reach_the_last_write(self, tmp_path: Path) -> None:
        """With one write more the work would have been done."""
        child = _run(lambda: _die_at_write(15, tmp_path / "dev", NOW))
        child.join()

        assert child.exitcode == 0

    @pytest.mark.parametrize("number", range(5))
    def test_a_kill_while_renewing_leaves_a_pki_that_works(self, tmp_path: Path, number: int) -> None:
        """Key and chain fit at every moment; the next start renews the rest."""
        folder, later = tmp_path / "dev", NOW + timedelta(days=300)
        ensure_development_pki(folder, now=NOW)
        names = set(_contents(folder))

        child = _run(lambda: _die_at_write(number, folder, later))
        child.join()

        assert child.exitcode == -signal.SIGKILL
        for name in _SIGNERS:
            signer = open_signer(f"file:{folder}/{name}.key.pem?chain={folder}/{name}.pem")
            assert len(signer.chain) == 2
        _assert_works(ensure_development_pki(folder, now=later), later)
        assert set(_contents(folder)) == names


def _revoke(folder: Path, role: Role, *, now: datetime) -> int:
    """Revoke the certificate in use of that role; its serial number."""
    issuer = {Role.FEED_SIGNER: Role.FEED_CA, Role.MITIGATION_SIGNER: Role.MITIGATION_CA}[role]
    serial = open_signer(development.uri_of(folder, role)).chain[0].serial_number
    development.revoke(folder, issuer, [(serial, now, "key_compromise")], now=now)
    return serial


@pytest.mark.usefixtures("quick_keys")
class TestRevocation:
    """What the development PKI revokes stays revoked, and is never certified again."""

    def test_a_renewed_crl_keeps_what_was_revoked(self, tmp_path: Path) -> None:
        """However often it is renewed."""
        pki = ensure_development_pki(tmp_path / "dev", now=NOW)
        entries = [(17, NOW, "superseded"), (18, NOW, "unspecified")]
        development.revoke(pki.folder, Role.FEED_CA, entries, now=NOW)

        for days in (21, 42, 63):
            ensure_development_pki(pki.folder, now=NOW + timedelta(days=days))

        path = development.crl_of(pki.folder, Role.FEED_CA)
        crl = load_crl(path.read_bytes(), source="feed-ca.crl")
        assert issuing.revoked_by(crl) == tuple(entries)
        assert crl.last_update_utc == NOW + timedelta(days=63, hours=-1)
        assert path in pki.crls

    def test_a_revoked_signer_gets_another_key(self, tmp_path: Path) -> None:
        """At the next start; receivers refuse what the old one signed, and accept what the new one signs."""
        pki = ensure_development_pki(tmp_path / "dev", now=NOW)
        before = open_signer(pki.feed_signer)
        signed = sign_document(write_feed(sample_feed(NOW)), before)
        _revoke(pki.folder, Role.FEED_SIGNER, now=NOW)

        ensure_development_pki(pki.folder, now=NOW)

        after = open_signer(pki.feed_signer)
        assert after.private_key.public_key() != before.private_key.public_key()
        _assert_works(pki, NOW)
        with pytest.raises(SignerRevokedError):
            open_feed(signed, _policy(pki), at=NOW)

    def test_a_forged_crl_in_the_folder_is_not_carried_on(self, tmp_path: Path) -> None:
        """Whoever put it there must not revoke, nor make forget."""
        pki = ensure_development_pki(tmp_path / "dev", now=NOW)
        other = ensure_development_pki(tmp_path / "other", now=NOW, organisation="Somebody else")
        forged = development.crl_of(other.folder, Role.FEED_CA).read_bytes()
        development.crl_of(pki.folder, Role.FEED_CA).write_bytes(forged)

        with pytest.raises(issuing.RevocationListForeignError):
            development.revoke(pki.folder, Role.FEED_CA, [(17, NOW, "superseded")], now=NOW)

        assert development.crl_of(pki.folder, Role.FEED_CA).read_bytes() == forged

    @pytest.mark.parametrize("number", range(3))
    def test_a_kill_while_keys_are_exchanged_is_made_good(self, tmp_path: Path, number: int) -> None:
        """Key and chain fit again at the next start, and the revoked key is gone."""
        folder = tmp_path / "dev"
        ensure_development_pki(folder, now=NOW)
        names = set(_contents(folder))
        serial = _revoke(folder, Role.MITIGATION_SIGNER, now=NOW)

        child = _run(lambda: _die_at_write(number, folder, NOW))
        child.join()

        assert child.exitcode == -signal.SIGKILL
        pki = ensure_development_pki(folder, now=NOW)
        _assert_works(pki, NOW)
        assert open_signer(pki.mitigation_signer).chain[0].serial_number != serial
        assert set(_contents(folder)) == names


@pytest.mark.usefixtures("quick_keys")
class TestWhereThingsAre:
    """Asking for a place makes nothing and renews nothing."""

    def test_every_role_of_it_can_be_opened(self, tmp_path: Path) -> None:
        """Signers and CAs by their URIs, with keys that fit; CAs as authorities, too."""
        folder = ensure_development_pki(tmp_path / "dev", now=NOW).folder

        for role in (Role.ROOT, Role.MITIGATION_CA, Role.FEED_CA):
            signer = open_signer(development.uri_of(folder, role))
            assert development.authority(folder, role).certificate == signer.chain[0]
        for role in (Role.MITIGATION_SIGNER, Role.FEED_SIGNER):
            assert len(open_signer(development.uri_of(folder, role)).chain) == 2

    def test_what_is_not_in_it_is_refused(self, tmp_path: Path) -> None:
        """It has no keys for TLS, and a signer issues nothing."""
        with pytest.raises(DevelopmentPkiError, match="has no TLS server"):
            development.uri_of(tmp_path, Role.TLS_SERVER)
        with pytest.raises(DevelopmentPkiError, match="a feed signer is no CA"):
            development.authority(tmp_path, Role.FEED_SIGNER)
        with pytest.raises(DevelopmentPkiError, match="a feed signer is no CA"):
            development.crl_of(tmp_path, Role.FEED_SIGNER)

    def test_looking_whether_there_is_one_makes_none(self, tmp_path: Path) -> None:
        """Before and after it was made."""
        folder = tmp_path / "dev"
        assert not development.exists(folder)
        assert not folder.exists()

        ensure_development_pki(folder, now=NOW)

        assert development.exists(folder)


_SIGNERS: Final = ("feed-signer", "mitigation-signer")


@pytest.fixture
def started() -> Iterator[list[BaseProcess]]:
    """Processes that a test started; none outlives it."""
    processes: list[BaseProcess] = []
    yield processes
    for process in processes:
        process.kill()
        process.join()


@pytest.mark.usefixtures("quick_keys")
def test_processes_that_start_at_once_share_one_pki(tmp_path: Path, started: list[BaseProcess]) -> None:
    """One makes it, the others wait and use it; no key is overwritten."""
    folder = tmp_path / "dev"
    answers = _FORK.SimpleQueue()

    def start() -> None:
        pki = ensure_development_pki(folder, now=NOW)
        answers.put((pki.created, pki.anchors.read_bytes()))

    started.extend(_run(start) for _ in range(4))
    for process in started:
        process.join(timeout=60)
    assert [process.exitcode for process in started] == [0, 0, 0, 0]
    found = [answers.get() for _ in started]

    assert sorted(created for created, _ in found) == [False, False, False, True]
    assert len({anchors for _, anchors in found}) == 1
    assert re.match(rb"-----BEGIN CERTIFICATE-----", found[0][1])
    _assert_works(ensure_development_pki(folder, now=NOW), NOW)
