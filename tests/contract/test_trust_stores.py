from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feedsrv.publishing.ports import Store
from feedsrv.publishing.trust_records import (
    AnnouncedCertificate,
    KeyRecord,
    KeyStage,
    KnownPolicy,
    OpenCondition,
    Revocation,
    RevocationList,
    Stamp,
)
from feedsrv.trust.profile import Kind, Role

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
LATER = AT + timedelta(days=1)

READY = KeyRecord(
    key="a" * 64,
    certificate="b" * 64,
    role=Role.FEED_SIGNER,
    stage=KeyStage.READY,
    place="file:/keys/feed.pem",
    exportable=True,
    request=b"\x30\x00",
    chain=(b"leaf\x00", b"\xffissuer"),
    by="änna",
    at=AT,
)
REQUESTED = replace(READY, key="c" * 64, certificate=None, stage=KeyStage.REQUESTED, chain=())
ANCHOR = replace(READY, certificate="1" * 64, role=Role.ROOT, place=None, request=None, exportable=False)
STOLEN = Revocation("f" * 64, 2**159 + 1, AT, "key_compromise", "anna")
LIST = RevocationList("f" * 64, "feed-ca", 2**150, AT, LATER, b"\x30crl")
ANNOUNCED = AnnouncedCertificate("d" * 64, Role.FEED_CA, b"ca", LATER, (b"one", b"\x00two"), "anna", AT)
POLICY = KnownPolicy(
    "2026 agents",
    (b"root", b"\x00"),
    "Example",
    "1.2.3",
    {Kind.FEED: "1.2", Kind.MITIGATION: "1.3"},
    AT,
    "why",
)
STAMP = Stamp("sha256-d", "M0001 revision 2", b"\x30token", AT, "CN=Time")


class TestAnyTrustStore:
    """What every store promises about keys and trust, asked of every store."""

    def test_key_records_are_found_again_word_for_word_oldest_first(self, store: Store) -> None:
        """Requests, leaves and anchors, with every field that a store could lose."""
        with store.begin() as work:
            for record in (READY, REQUESTED, ANCHOR):
                work.keys.save(record)

        with store.look() as work:
            assert work.keys.all() == (READY, REQUESTED, ANCHOR)

    def test_a_key_record_saved_again_takes_the_place_of_the_old(self, store: Store) -> None:
        """There is one record for each key and certificate, and its place in the order stays."""
        used = replace(READY, stage=KeyStage.IN_USE, place="pkcs11:token=t")
        with store.begin() as work:
            work.keys.save(READY)
            work.keys.save(REQUESTED)
            work.keys.save(used)
            work.keys.save(replace(REQUESTED, by="ben"))

        with store.look() as work:
            assert work.keys.all() == (used, replace(REQUESTED, by="ben"))

    def test_one_key_may_have_a_request_and_several_certificates(self, store: Store) -> None:
        """A renewal with the same key stands beside what it renews, and only what is named is removed."""
        asked = replace(READY, certificate=None, chain=())
        renewed = replace(READY, certificate="e" * 64)
        with store.begin() as work:
            for record in (READY, asked, renewed):
                work.keys.save(record)

        with store.begin() as work:
            work.keys.remove(READY.key, None)
            work.keys.remove("9" * 64, None)

        with store.look() as work:
            assert work.keys.all() == (READY, renewed)

    def test_every_role_and_stage_can_be_kept(self, store: Store) -> None:
        """None is longer than its column, and none is mistaken for another."""
        records = [
            replace(READY, key=f"{number:064x}", role=role, stage=stage)
            for number, (role, stage) in enumerate((role, stage) for role in Role for stage in KeyStage)
        ]

        with store.begin() as work:
            for record in records:
                work.keys.save(record)

        with store.look() as work:
            assert list(work.keys.all()) == records

    def test_a_revocation_is_final(self, store: Store) -> None:
        """The first word on a certificate stays; serial numbers of 160 bits are kept whole."""
        earlier = replace(STOLEN, serial=7, at=AT - timedelta(days=1))
        with store.begin() as work:
            work.revocations.add(STOLEN)
            work.revocations.add(earlier)
            work.revocations.add(replace(STOLEN, reason="superseded", at=LATER))
            work.revocations.add(replace(STOLEN, issuer="0" * 64))

        with store.look() as work:
            assert work.revocations.of("f" * 64) == (earlier, STOLEN)
            assert work.revocations.of("5" * 64) == ()

    def test_a_revocation_may_be_given_another_reason(self, store: Store) -> None:
        """That one alone, and nothing else of it; where there is none, none is made."""
        other = replace(STOLEN, serial=7, at=AT - timedelta(days=1))
        with store.begin() as work:
            work.revocations.add(STOLEN)
            work.revocations.add(other)
            work.revocations.restate(STOLEN.issuer, STOLEN.serial, reason="superseded")
            work.revocations.restate("0" * 64, 1, reason="superseded")

        with store.look() as work:
            assert work.revocations.of(STOLEN.issuer) == (other, replace(STOLEN, reason="superseded"))
            assert work.revocations.of("0" * 64) == ()

    def test_the_newest_list_of_each_ca_is_kept(self, store: Store) -> None:
        """In order of name."""
        newer = replace(LIST, number=LIST.number + 1, der=b"newer")
        other = replace(LIST, issuer="0" * 64, name="a-ca")
        with store.begin() as work:
            for made in (LIST, other, newer):
                work.revocations.save_list(made)

        with store.look() as work:
            assert work.revocations.lists() == (other, newer)

    def test_announcements_are_in_order_of_their_begin(self, store: Store) -> None:
        """One for each fingerprint, until it is announced no longer."""
        sooner = replace(ANNOUNCED, fingerprint="e" * 64, begins=AT, vouchers=())
        with store.begin() as work:
            work.announcements.save(replace(ANNOUNCED, by="ben"))
            work.announcements.save(sooner)
            work.announcements.save(ANNOUNCED)
        with store.look() as work:
            assert work.announcements.all() == (sooner, ANNOUNCED)

        with store.begin() as work:
            work.announcements.remove(sooner.fingerprint)

        with store.look() as work:
            assert work.announcements.all() == (ANNOUNCED,)

    def test_known_policies_are_in_order_of_their_names(self, store: Store) -> None:
        """One for each name; what a policy does not ask for stays unasked."""
        other = replace(POLICY, name="2025 agents", organisation=None, policy_oid=None, anchors=())
        with store.begin() as work:
            work.policies.save(replace(POLICY, note="old"))
            work.policies.save(other)
            work.policies.save(POLICY)
        with store.look() as work:
            assert work.policies.all() == (other, POLICY)

        with store.begin() as work:
            work.policies.remove("2025 agents")

        with store.look() as work:
            assert work.policies.all() == (POLICY,)

    def test_the_first_stamp_of_a_document_stays(self, store: Store) -> None:
        """A later one would prove less."""
        with store.begin() as work:
            work.stamps.save(STAMP)
            work.stamps.save(replace(STAMP, at=LATER, token=b"later"))

        with store.look() as work:
            assert work.stamps.get("sha256-d") == STAMP
            assert work.stamps.get("sha256-other") is None

    def test_open_conditions_are_replaced_as_a_whole(self, store: Store) -> None:
        """Those that ended are gone; one told twice is kept once."""
        ends, stale = (
            OpenCondition(name, subject, AT, "detail & <more>")
            for name, subject in (("certificate.ends", "feed signer"), ("crl.stale", "feed-ca"))
        )
        with store.begin() as work:
            work.conditions.replace([stale, replace(ends, detail="before"), ends])
        with store.look() as work:
            assert work.conditions.all() == (ends, stale)

        with store.begin() as work:
            work.conditions.replace([stale])

        with store.look() as work:
            assert work.conditions.all() == (stale,)

    def test_what_a_failed_unit_of_work_said_about_keys_is_not_kept(self, store: Store) -> None:
        """A look or an error keeps nothing of it."""
        with store.look() as work:
            work.keys.save(READY)
            work.revocations.add(STOLEN)
            work.revocations.save_list(LIST)
            work.announcements.save(ANNOUNCED)
            work.policies.save(POLICY)
            work.stamps.save(STAMP)
            work.conditions.replace([OpenCondition("a", "b", AT, "c")])

        with store.look() as work:
            assert [*work.keys.all(), *work.revocations.of(STOLEN.issuer), *work.revocations.lists()] == []
            assert [*work.announcements.all(), *work.policies.all(), *work.conditions.all()] == []
            assert work.stamps.get(STAMP.digest) is None
