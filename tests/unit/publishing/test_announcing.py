"""What may be announced, with which vouchers, and what the operator hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography import x509

from feedsrv.model.feed import MOST_ANNOUNCED, MOST_VOUCHERS
from feedsrv.publishing.announcing import (
    AnnouncingDesk,
    BadAnnouncementError,
    NotAnnouncedError,
    UnknownCertificateError,
)
from feedsrv.publishing.audit import verify_chain
from feedsrv.publishing.ports import Store
from feedsrv.signing.issuing import Authority
from feedsrv.stores.memory import MemoryStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, Role, fingerprint
from tests.rotation import Line, der, known, make_ca, make_root, make_signer, make_voucher

AT: Final = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)
LATER: Final = AT + 2 * YEAR


@pytest.fixture(scope="module")
def old() -> Line:
    """What signs today."""
    return Line.begun("Example Root 1", AT - YEAR)


@pytest.fixture(scope="module")
def new() -> Authority:
    """The root that is to follow."""
    return make_root("Example Root 2", AT)


@pytest.fixture
def store() -> MemoryStore:
    """Nothing is announced yet."""
    return MemoryStore()


def desk(store: Store, line: Line) -> AnnouncingDesk:
    """Whose agents pin that line's root."""
    return AnnouncingDesk(store, TrustPolicy((line.root.certificate,)), now=lambda: AT)


def announcing(
    store: Store, line: Line, wanted: x509.Certificate, *others: x509.Certificate, begins: datetime = LATER
) -> tuple[str, ...]:
    """Announce a certificate; what the operator is told."""
    done = desk(store, line).announce(fingerprint(wanted), (wanted, *others), begins=begins, by="anna")
    return done.told


def test_a_root_is_announced_with_the_certificates_that_vouch_for_it(
    store: MemoryStore, old: Line, new: Authority
) -> None:
    """Of all that is at hand, those alone by which agents would adopt it."""
    voucher = make_voucher(new, old.root, AT)
    stranger = make_voucher(new, make_root("Somebody's Root", AT), AT)

    told = announcing(store, old, new.certificate, stranger, old.root.certificate, voucher)

    with store.look() as work:
        [kept] = work.announcements.all()
        [entry] = work.audit.entries()
    assert (kept.role, kept.certificate, kept.vouchers) == (Role.ROOT, der(new.certificate), (der(voucher),))
    assert (kept.begins, kept.at, kept.by) == (LATER, AT, "anna")
    assert "vouched for by" in told[0]
    assert (entry.verb, entry.subject) == ("trust.announce", f"root CA {fingerprint(new.certificate)}")
    verify_chain([entry])


def test_a_root_that_older_agents_pin_vouches_as_well(store: MemoryStore, old: Line, new: Authority) -> None:
    """Whoever was told to pin it once may pin it still."""
    oldest = make_root("Example Root 0", AT - 5 * YEAR)
    with store.begin() as work:
        work.policies.save(known("published 2021-01-11", oldest, since=AT - 5 * YEAR))
    voucher = make_voucher(new, oldest, AT)

    announcing(store, old, new.certificate, voucher)

    with store.look() as work:
        assert work.announcements.all()[0].vouchers == (der(voucher),)


def test_a_root_without_a_voucher_is_announced_and_said_loudly(
    store: MemoryStore, old: Line, new: Authority
) -> None:
    """Agents are only told of it."""
    told = announcing(store, old, new.certificate)

    assert told[0].startswith("NO VOUCHER: agents are only told")
    with store.look() as work:
        assert work.announcements.all()[0].vouchers == ()


def test_an_issuing_ca_is_announced_in_its_role(store: MemoryStore, old: Line, new: Authority) -> None:
    """Under a root in force, or one that is announced itself."""
    ca = make_ca(Kind.MITIGATION, old.root, AT)
    told = announcing(store, old, ca.certificate)
    under_new = make_ca(Kind.FEED, new, AT)

    with pytest.raises(BadAnnouncementError, match="announce that root first"):
        announcing(store, old, under_new.certificate)
    announcing(store, old, new.certificate)
    bridge = make_voucher(under_new, old.root, AT)
    announcing(store, old, under_new.certificate, bridge)

    with store.look() as work:
        kept = {one.role: one for one in work.announcements.all()}
    assert set(kept) == {Role.MITIGATION_CA, Role.FEED_CA, Role.ROOT}
    assert kept[Role.FEED_CA].vouchers == (der(bridge),)
    assert not any("VOUCHER" in sentence for sentence in told)


def test_nothing_else_is_announced(store: MemoryStore, old: Line, new: Authority) -> None:
    """Agents pin no signer, so signers change as they must; a voucher goes out with its root."""
    signer = make_signer(Kind.FEED, old.cas[Kind.FEED], AT)
    voucher = make_voucher(new, old.root, AT)

    with pytest.raises(BadAnnouncementError, match="neither a root nor an issuing CA"):
        announcing(store, old, signer.chain[0])
    with pytest.raises(BadAnnouncementError, match="is a voucher: announce the root that it is for"):
        announcing(store, old, voucher, new.certificate)


def test_an_announcement_looks_ahead(store: MemoryStore, old: Line, new: Authority) -> None:
    """Its begin lies ahead, and within the certificate's own dates; one that is near is said."""
    for begins in (AT, AT - DAY, new.certificate.not_valid_after_utc):
        with pytest.raises(BadAnnouncementError):
            announcing(store, old, new.certificate, begins=begins)

    told = announcing(store, old, new.certificate, begins=AT + DAY)

    assert any("it begins in 1 days" in sentence for sentence in told)


def test_what_agents_would_refuse_is_not_announced(store: MemoryStore, old: Line) -> None:
    """It is looked at as of the day on which it is to begin."""
    short = make_root("Example Root 3", AT, lifetime=YEAR)

    with pytest.raises(BadAnnouncementError, match="is valid from"):
        announcing(store, old, short.certificate, begins=AT + 2 * YEAR)


def test_what_is_not_at_hand_cannot_be_announced(store: MemoryStore, old: Line, new: Authority) -> None:
    """The beginning of a fingerprint is enough, where it is one's alone."""
    with pytest.raises(UnknownCertificateError, match="import it"):
        desk(store, old).announce(fingerprint(new.certificate), (), begins=LATER, by="anna")
    with pytest.raises(UnknownCertificateError, match="at least its first 8"):
        desk(store, old).announce("abc", (new.certificate,), begins=LATER, by="anna")

    written = ":".join(fingerprint(new.certificate).upper()[at : at + 2] for at in range(0, 16, 2))
    done = desk(store, old).announce(written, (new.certificate,), begins=LATER, by="anna")

    assert done.certificate.fingerprint == fingerprint(new.certificate)


def test_a_feed_holds_so_many_and_no_more(store: MemoryStore, old: Line) -> None:
    """The same again takes the place of the first."""
    roots = [make_root(f"Example Root {number}", AT).certificate for number in range(MOST_ANNOUNCED)]
    for root in roots:
        announcing(store, old, root)

    announcing(store, old, roots[0], begins=LATER + DAY)
    with pytest.raises(BadAnnouncementError, match="all that a feed holds"):
        announcing(store, old, make_root("One Too Many", AT).certificate)

    with store.look() as work:
        assert len(work.announcements.all()) == MOST_ANNOUNCED


def test_of_many_vouchers_those_that_last_longest_go_out(
    store: MemoryStore, old: Line, new: Authority
) -> None:
    """No more than a feed may hold."""
    vouchers = [make_voucher(new, old.root, AT - number * DAY) for number in range(MOST_VOUCHERS + 1)]
    oldest = make_root("Example Root 0", AT - YEAR, lifetime=2 * YEAR)
    with store.begin() as work:
        work.policies.save(known("first", oldest, since=AT - YEAR))
    short = make_voucher(new, oldest, AT)

    announcing(store, old, new.certificate, short, *vouchers)

    with store.look() as work:
        kept = work.announcements.all()[0].vouchers
    assert len(kept) == MOST_VOUCHERS
    assert der(short) not in kept


def test_what_is_taken_back_is_announced_no_longer(store: MemoryStore, old: Line, new: Authority) -> None:
    """And written down; what is not announced is refused by name."""
    announcing(store, old, new.certificate)

    gone = desk(store, old).unannounce(fingerprint(new.certificate)[:12], by="ben")
    with pytest.raises(NotAnnouncedError, match="no certificates"):
        desk(store, old).unannounce(fingerprint(new.certificate), by="ben")

    assert gone.certificate == der(new.certificate)
    with store.look() as work:
        assert work.announcements.all() == ()
        assert [one.verb for one in work.audit.entries()] == ["trust.announce", "trust.unannounce"]
