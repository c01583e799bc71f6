"""Taking certificates back, and lists that never forget one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from feedsrv.publishing.key_register.refusals import (
    ClockError,
    NoRevocationError,
    RevokedKeyError,
    UnknownKeyError,
    WrongKeyStageError,
)
from feedsrv.publishing.trust_records import KeyRecord, RevocationList
from feedsrv.publishing.vouching import VouchingDesk
from feedsrv.trust.believing import check_signer
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, Role
from feedsrv.trust.refusals import IssuerRevokedError, SignerRevokedError, UntrustedError
from tests.own_keys import KeyHouse, leaf_of

LIFE = timedelta(days=30)


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


def lists(house: KeyHouse) -> dict[str, RevocationList]:
    """The newest list of each CA, by the CA's key."""
    with house.store.look() as work:
        return {one.issuer: one for one in work.revocations.lists()}


def crls(house: KeyHouse) -> tuple[x509.CertificateRevocationList, ...]:
    """The same, as agents have them."""
    return tuple(x509.load_der_x509_crl(one.der) for one in lists(house).values())


def refusal(house: KeyHouse, record: KeyRecord, kind: Kind = Kind.FEED) -> UntrustedError | None:
    """What an agent says of that signer that has the root and every list."""
    policy = TrustPolicy((leaf_of(record_of(house, Role.ROOT)),), crls=crls(house))
    chain = [x509.load_der_x509_certificate(der) for der in record.chain]
    try:
        check_signer(chain, policy, kind, at=house.at)
    except UntrustedError as refused:
        return refused
    return None


def test_a_revoked_signer_is_refused_by_whoever_has_the_list(house: KeyHouse) -> None:
    """At once, and only that one; whoever revokes the signer in use is told what follows."""
    old, ca = record_of(house, Role.FEED_SIGNER), record_of(house, Role.FEED_CA)
    new = house.issued(Role.FEED_SIGNER, "new")
    assert refusal(house, old) is None

    done = house.desk.revoke(old.id, reason="key_compromise", by="ben")

    assert isinstance(refusal(house, old), SignerRevokedError)
    assert refusal(house, new) is None
    assert done.made == lists(house)[ca.key]
    assert [one.id for one in done.in_use] == [old.id]
    (entry,) = x509.load_der_x509_crl(done.made.der)
    assert entry.serial_number == leaf_of(old).serial_number
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name == "key_compromise"
    assert house.acts()[-2:] == ["ben key.revoke", "ben key.crl"]


def test_a_revoked_ca_takes_its_signers_with_it(house: KeyHouse) -> None:
    """The root's list says so."""
    signer, ca = record_of(house, Role.FEED_SIGNER), record_of(house, Role.FEED_CA)

    done = house.desk.revoke(ca.id, reason="ca_compromise", by="ben")

    assert isinstance(refusal(house, signer), IssuerRevokedError)
    assert [one.id for one in done.in_use] == [signer.id]
    assert set(lists(house)) == {record_of(house, Role.ROOT).key}


@pytest.mark.parametrize("reason", ["key_compromise", "ca_compromise"])
def test_a_stolen_ca_is_believed_under_no_root(house: KeyHouse, reason: str) -> None:
    """Another root that certified its key has revoked that, too, and agents that pin it alone hear of it."""
    second = house.used(Role.ROOT, "second", common_name="second root")
    ca = record_of(house, Role.FEED_CA)
    VouchingDesk(house.store, house.desk.keyring(), now=lambda: house.at).vouch(
        ca.id, issuer=second.id, by="anna"
    )
    signer = house.issued(Role.FEED_SIGNER, "new")
    chain = [x509.load_der_x509_certificate(der) for der in signer.chain]
    check_signer(chain, TrustPolicy((leaf_of(second),)), Kind.FEED, at=house.at)

    done = house.desk.revoke(ca.id, reason=reason, by="ben")

    (bridge,) = done.beside
    assert bridge.made is not None
    assert bridge.made.issuer == second.key
    assert isinstance(refusal(house, signer), IssuerRevokedError)
    with pytest.raises(IssuerRevokedError):
        check_signer(chain, TrustPolicy((leaf_of(second),), crls=crls(house)), Kind.FEED, at=house.at)


def test_no_other_root_vouches_for_a_ca_that_was_taken_back(house: KeyHouse) -> None:
    """Whoever stole it would be believed again, under a root whose list says nothing of it."""
    stolen, next_root = record_of(house, Role.FEED_CA), house.used(Role.ROOT, "next", common_name="Next root")
    house.desk.revoke(stolen.id, reason="ca_compromise", by="anna")
    desk = VouchingDesk(house.store, house.desk.keyring(), now=lambda: house.at)

    with pytest.raises(RevokedKeyError):
        desk.vouch(stolen.id, issuer=next_root.id, by="ben")

    assert "ben trust.vouch" not in house.acts()


def test_a_ca_that_is_superseded_keeps_its_other_certificates(house: KeyHouse) -> None:
    """That says nothing of its key; agents of another root go on as before."""
    second = house.used(Role.ROOT, "second", common_name="second root")
    ca = record_of(house, Role.FEED_CA)
    VouchingDesk(house.store, house.desk.keyring(), now=lambda: house.at).vouch(
        ca.id, issuer=second.id, by="anna"
    )

    assert house.desk.revoke(ca.id, reason="superseded", by="ben").beside == ()


def test_revoking_twice_keeps_the_first_date_and_reason(house: KeyHouse) -> None:
    """The list is made again, which is what somebody wants who does it again."""
    signer = record_of(house, Role.FEED_SIGNER)
    first = house.desk.revoke(signer.id, reason="key_compromise", by="ben")
    house.at += timedelta(hours=1)

    second = house.desk.revoke(signer.id, reason="superseded", by="anna")

    assert second.is_known
    assert second.revocation == first.revocation
    assert first.made is not None
    assert second.made is not None
    assert second.made.number > first.made.number
    assert second.made.name == first.made.name


def test_a_certificate_that_is_not_here_is_revoked_by_its_serial_number(house: KeyHouse) -> None:
    """It was issued for somebody else's request."""
    ca = record_of(house, Role.FEED_CA)

    done = house.desk.revoke_serial("0x4F:3a:09", issuer=ca.id, reason="unspecified", by="ben")

    assert done.made is not None
    assert x509.load_der_x509_crl(done.made.der).get_revoked_certificate_by_serial_number(0x4F3A09)
    assert done.in_use == ()


@pytest.mark.parametrize("serial", ["", "0", "xyz", "1" * 41, "-5"])
def test_what_is_no_serial_number_revokes_nothing(house: KeyHouse, serial: str) -> None:
    """A slip must not be kept for ever."""
    with pytest.raises(NoRevocationError, match="hexadecimal"):
        house.desk.revoke_serial(
            serial, issuer=record_of(house, Role.FEED_CA).id, reason="unspecified", by="ben"
        )

    assert lists(house) == {}


def test_what_cannot_be_revoked_is_refused_with_what_to_do(house: KeyHouse) -> None:
    """A root, a request, a signer that issues nothing, an unknown certificate, a reason of nobody."""
    root, signer = record_of(house, Role.ROOT), record_of(house, Role.FEED_SIGNER)
    asked = house.requested(Role.FEED_SIGNER, "new")

    with pytest.raises(NoRevocationError, match="nobody can revoke"):
        house.desk.revoke(root.id, reason="ca_compromise", by="ben")
    with pytest.raises(NoRevocationError, match="retire"):
        house.desk.revoke(asked.id, reason="superseded", by="ben")
    with pytest.raises(NoRevocationError, match="issues no certificates"):
        house.desk.revoke_serial("4f", issuer=signer.id, reason="superseded", by="ben")
    with pytest.raises(NoRevocationError, match="key_compromise"):
        house.desk.revoke(signer.id, reason="bored", by="ben")
    with pytest.raises(UnknownKeyError):
        house.desk.revoke("0123456789", reason="superseded", by="ben")

    assert lists(house) == {}
    assert set(house.acts()[-5:]) == {"ben key.revoke.refused"}


def test_where_the_ca_is_away_the_revocation_is_kept_and_its_list_made_later(house: KeyHouse) -> None:
    """Its key lies on a stick in a safe; the next look with the stick makes the list."""
    signer = record_of(house, Role.FEED_SIGNER)
    key, away = house.folder / "feed-ca.key.pem", house.folder / "away"
    key.rename(away)

    done = house.desk.revoke(signer.id, reason="key_compromise", by="ben")

    assert done.made is None
    assert done.why_not is not None
    assert "feed-ca.key.pem" in str(done.why_not)
    assert len(house.desk.unlisted(crls(house))) == 1
    assert [name for name, _ in house.desk.renew_lists(by="keeper").failed] != []
    away.rename(key)
    assert len(house.desk.renew_lists(by="keeper").made) == 1
    assert isinstance(refusal(house, signer), SignerRevokedError)


def test_lists_are_renewed_in_the_last_third_of_their_life(house: KeyHouse) -> None:
    """Not before; nothing that was revoked is lost, and the number grows."""
    signer = record_of(house, Role.FEED_SIGNER)
    house.desk.revoke(signer.id, reason="key_compromise", by="ben")
    (first,) = lists(house).values()
    house.at = first.begins + (first.ends - first.begins) * 2 / 3 - timedelta(seconds=1)
    assert house.desk.renew_lists(by="keeper").made == ()

    house.at += timedelta(seconds=1)
    (renewed,) = house.desk.renew_lists(by="keeper").made

    assert renewed.number > first.number
    assert renewed.name == first.name
    assert renewed.ends > first.ends
    assert isinstance(refusal(house, signer), SignerRevokedError)
    assert house.desk.renew_lists(by="keeper").made == ()


def test_a_revocation_after_the_clock_went_back_is_seen(house: KeyHouse) -> None:
    """Agents go by the list that begins last, and CAs count their lists up."""
    signer = record_of(house, Role.FEED_SIGNER)
    first = {one.issuer: one for one in house.desk.make_lists(by="anna").made}
    house.at -= timedelta(minutes=30)

    second = house.desk.revoke(signer.id, reason="key_compromise", by="anna").made

    assert second is not None
    assert second.number > first[second.issuer].number
    assert second.begins >= first[second.issuer].begins
    held = [x509.load_der_x509_crl(one.der) for one in (first[second.issuer], second)]
    policy = TrustPolicy((leaf_of(record_of(house, Role.ROOT)),), crls=tuple(held))
    chain = [x509.load_der_x509_certificate(der) for der in signer.chain]
    with pytest.raises(SignerRevokedError):
        check_signer(chain, policy, Kind.FEED, at=house.at + timedelta(hours=1))


def test_after_a_time_with_the_clock_ahead_one_word_lets_everything_go_on(house: KeyHouse) -> None:
    """The keeper's lists of then begin in a year, and its entry in the log refuses what is done now."""
    signer = record_of(house, Role.FEED_SIGNER)
    house.desk.make_lists(by="anna")
    right = house.at
    house.at = right + timedelta(days=300)
    house.desk.renew_lists(by="keeper")
    house.at = right + timedelta(hours=1)
    with pytest.raises(ClockError, match="--clock-is-right"):
        house.desk.revoke(signer.id, reason="key_compromise", by="ben")

    done = house.desk.make_lists(by="ben", clock_is_right=True)
    revoked = house.desk.revoke(signer.id, reason="key_compromise", by="ben")

    assert done.failed == ()
    assert all(one.begins <= house.at < one.ends for one in lists(house).values())
    assert revoked.made is not None
    assert isinstance(refusal(house, signer), SignerRevokedError)
    assert "ben clock.right" in house.acts()


def test_a_clock_in_1970_is_never_right(house: KeyHouse) -> None:
    """Whoever says so."""
    house.at = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)

    with pytest.raises(ClockError):
        house.desk.make_lists(by="ben", clock_is_right=True)


def test_every_ca_gets_a_list_of_its_own_name(house: KeyHouse) -> None:
    """Old and new CAs of one role stand side by side for years."""
    house.used(Role.FEED_CA, "next ca", common_name="Next feed CA")

    done = house.desk.make_lists(by="anna")

    names = [one.name for one in done.made]
    assert len(names) == len(set(names)) == 4
    assert {name.rpartition("-")[0] for name in names} == {"root", "mitigation-ca", "feed-ca"}


def test_a_ca_whose_key_is_away_does_not_hold_up_the_others(house: KeyHouse) -> None:
    """Their lists would go stale because of it."""
    (house.folder / "root.key.pem").unlink()

    done = house.desk.make_lists(by="anna")

    assert len(done.made) == 2
    assert len(done.failed) == 1


def test_what_was_cut_short_before_its_list_is_finished_by_the_keeper(house: KeyHouse) -> None:
    """The revocation was written down first."""
    signer = record_of(house, Role.FEED_SIGNER)

    def cut(step: str) -> None:
        raise KeyboardInterrupt

    house.after = cut
    with pytest.raises(KeyboardInterrupt):
        house.desk.revoke(signer.id, reason="key_compromise", by="ben")
    house.after = lambda _: None
    assert lists(house) == {}

    house.desk.renew_lists(by="keeper")

    assert isinstance(refusal(house, signer), SignerRevokedError)


def test_two_revocations_at_once_both_stand_on_the_list(house: KeyHouse) -> None:
    """Whoever signed without knowing of the other signs again, and takes nothing off the other's list."""
    first, second = record_of(house, Role.FEED_SIGNER), house.issued(Role.FEED_SIGNER, "second")
    steps: list[str] = []

    def overtaken(step: str) -> None:
        steps.append(step)
        if steps == ["revocation saved", "list signed"]:
            house.desk.revoke(second.id, reason="superseded", by="ben")

    house.after = overtaken
    done = house.desk.revoke(first.id, reason="key_compromise", by="anna")

    assert done.made is not None
    listed = {one.serial_number for one in x509.load_der_x509_crl(done.made.der)}
    assert listed == {leaf_of(first).serial_number, leaf_of(second).serial_number}
    assert list(lists(house).values()) == [done.made]
    assert house.desk.unlisted(crls(house)) == ()


def test_a_key_in_wrong_hands_gets_no_other_certificate_and_none_of_it_is_used(house: KeyHouse) -> None:
    """A renewal with the same key would only give the thief another year."""
    old = record_of(house, Role.FEED_SIGNER)
    renewed = house.issued(Role.FEED_SIGNER, existing=True)

    done = house.desk.revoke(old.id, reason="key_compromise", by="ben")

    assert [one.id for one in done.others] == [renewed.id]
    with pytest.raises(RevokedKeyError, match="wrong hands"):
        house.requested(Role.FEED_SIGNER, existing=True)
    with pytest.raises(RevokedKeyError, match="wrong hands"):
        house.desk.use(renewed.id, by="anna")


def test_a_certificate_that_is_only_superseded_says_nothing_of_its_key(house: KeyHouse) -> None:
    """The renewed one is used."""
    old = record_of(house, Role.FEED_SIGNER)
    renewed = house.issued(Role.FEED_SIGNER, existing=True)

    done = house.desk.revoke(old.id, reason="superseded", by="ben")

    assert done.others == ()
    assert house.desk.use(renewed.id, by="anna").record.id == renewed.id


def test_a_key_that_is_found_stolen_later_is_told_with_its_other_certificates(house: KeyHouse) -> None:
    """The date of the first revocation stands; the reason is the worse one, so the key is not used again."""
    old = record_of(house, Role.FEED_SIGNER)
    renewed = house.issued(Role.FEED_SIGNER, existing=True)
    first = house.desk.revoke(old.id, reason="superseded", by="ben")
    house.at += timedelta(hours=1)

    done = house.desk.revoke(old.id, reason="key_compromise", by="anna")

    assert [one.id for one in done.others] == [renewed.id]
    assert done.is_known
    assert done.revocation == replace(first.revocation, reason="key_compromise")
    with pytest.raises(RevokedKeyError, match="wrong hands"):
        house.desk.use(renewed.id, by="anna")
    with house.store.look() as work:
        last = [one for one in work.audit.entries() if one.verb == "key.revoke"][-1]
    assert (last.actor, last.detail["reason"]) == ("anna", "key_compromise")


def test_a_retired_key_is_not_certified_again(house: KeyHouse) -> None:
    """Unless only one of its certificates was retired."""
    first = house.issued(Role.FEED_SIGNER, "new")
    second = house.issued(Role.FEED_SIGNER, "new", existing=True)
    house.desk.retire(first.id, by="anna")
    house.desk.retire(house.requested(Role.FEED_SIGNER, "new", existing=True).id, by="anna")
    house.desk.retire(second.id, by="anna")

    with pytest.raises(WrongKeyStageError, match="retired"):
        house.requested(Role.FEED_SIGNER, "new", existing=True)
