from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.notice_records import Delivery, Notice, Webhook, Weight
from feedsrv.publishing.people_records import Answer, Person, SignIn, Token
from feedsrv.publishing.ports import Store

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
LATER = AT + timedelta(days=1)

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
ANNA = Person(
    name="Änna Liddell",
    shown="Änna L. <script>",
    email="anna@example.org",
    subject="https://id.example.org 00u1",
    roles=frozenset({Role.AUTHOR, Role.ADMINISTRATOR}),
    password=HASH,
    since=AT,
    by="root",
    removed_at=LATER,
    failures=3,
    locked_until=LATER + timedelta(minutes=15),
    signed_in_at=AT + timedelta(hours=1),
)
BEN = Person("ben", "Ben", None, None, frozenset(), None, AT, "Änna Liddell")
SIGN_IN = SignIn(
    digest="a" * 64,
    person="ben",
    begins=AT,
    fresh_at=AT + timedelta(minutes=1),
    seen_at=AT + timedelta(minutes=2),
    ends=LATER,
    roles=frozenset({Role.REVIEWER}),
    browser="Firefox ﷽ 'quoted'",
    ended_at=AT + timedelta(minutes=3),
    provider_session="sid-1",
)
TOKEN = Token(
    number=0,
    digest="b" * 64,
    name="ci",
    owner="ben",
    scope=frozenset({Role.AUTHOR}),
    made_at=AT,
    ends=LATER,
    revoked_at=AT + timedelta(hours=1),
    revoked_by="Änna Liddell",
    used_at=AT + timedelta(hours=2),
)
ANSWER = Answer("ben key-1", "sha256-r", AT, 201, (("ETag", '"x"'), ("Location", "/x")), b"\x00{}")
PLAIN = Notice(0, AT, "mitigation.published", Weight.PLAIN, "M0001 revision 1", "ben", "It is ö out.")
ALARM = Notice(0, AT, "mitigation.break-glass", Weight.ALARM, "M0002 revision 1", "ben", "Alone.")
WEBHOOK = Webhook(0, "https://hooks.example.org/x", frozenset({"mitigation.published"}), AT, "ben", 7)


class TestAnyStoreOfPeople:
    """What every store promises about people, sign-ins and tokens, asked of every store."""

    def test_people_are_found_again_word_for_word_in_order_of_name(self, store: Store) -> None:
        """With every field that a store could lose, and also where it is empty."""
        with store.begin() as work:
            assert work.people.is_empty()
            work.people.save(BEN)
            work.people.save(ANNA)

        with store.look() as work:
            assert work.people.all() == (BEN, ANNA)  # folded, ä comes after b
            assert not work.people.is_empty()

    @pytest.mark.parametrize("typed", ["Änna Liddell", "ÄNNA  LIDDELL ", "a\u0308nna liddell"])
    def test_a_person_is_found_however_the_name_is_typed(self, store: Store, typed: str) -> None:
        """So nobody can be added a second time in other letters."""
        with store.begin() as work:
            work.people.save(ANNA)

        with store.look() as work:
            assert work.people.find(typed) == ANNA
            assert work.people.find("anna") is None

    def test_saving_somebody_again_replaces_them(self, store: Store) -> None:
        """And under the spelling that was saved last."""
        changed = replace(ANNA, roles=frozenset(), removed_at=None, locked_until=None, subject=None)
        with store.begin() as work:
            work.people.save(ANNA)
            work.people.save(changed)

        with store.look() as work:
            assert work.people.all() == (changed,)
            assert work.people.of_subject("https://id.example.org 00u1") is None

    def test_an_account_of_the_provider_names_its_person(self, store: Store) -> None:
        """And nobody else, not even a subject that begins alike."""
        with store.begin() as work:
            work.people.save(ANNA)
            work.people.save(BEN)

        with store.look() as work:
            assert work.people.of_subject("https://id.example.org 00u1") == ANNA
            assert work.people.of_subject("https://id.example.org 00u") is None

    def test_sign_ins_are_found_by_digest_by_person_and_by_the_providers_name(self, store: Store) -> None:
        """Those of one person come newest first."""
        newer = replace(SIGN_IN, digest="c" * 64, begins=LATER, ended_at=None, provider_session=None)
        other = replace(SIGN_IN, digest="d" * 64, person="Änna Liddell")
        with store.begin() as work:
            for one in (SIGN_IN, newer, other):
                work.sign_ins.save(one)

        with store.look() as work:
            assert work.sign_ins.get("a" * 64) == SIGN_IN
            assert work.sign_ins.get("e" * 64) is None
            assert work.sign_ins.of("ben") == (newer, SIGN_IN)
            assert set(work.sign_ins.of_provider_session("sid-1")) == {SIGN_IN, other}
            assert work.sign_ins.of_provider_session("sid-2") == ()

    def test_sign_ins_that_are_long_over_are_forgotten(self, store: Store) -> None:
        """And no others."""
        standing = replace(SIGN_IN, digest="c" * 64, ends=LATER + timedelta(seconds=1))
        with store.begin() as work:
            work.sign_ins.save(SIGN_IN)
            work.sign_ins.save(standing)
            work.sign_ins.forget(before=LATER + timedelta(seconds=1))

        with store.look() as work:
            assert work.sign_ins.of("ben") == (standing,)

    def test_tokens_are_numbered_from_one_and_never_lost(self, store: Store) -> None:
        """Each is found by its number and by the digest of its secret, as it was last saved."""
        with store.begin() as work:
            first = work.tokens.add(TOKEN)
            second = work.tokens.add(replace(TOKEN, digest="e" * 64, scope=frozenset(), revoked_at=None))
            work.tokens.save(replace(first, used_at=LATER))

        assert (first.number, second.number) == (1, 2)
        with store.look() as work:
            assert work.tokens.all() == (replace(TOKEN, number=1, used_at=LATER), second)
            assert work.tokens.of_digest("e" * 64) == second == work.tokens.get(2)
            assert work.tokens.of_digest("f" * 64) is None
            assert work.tokens.get(3) is None

    def test_answers_are_kept_by_key_until_they_are_forgotten(self, store: Store) -> None:
        """Byte for byte; those at work have no status yet."""
        at_work = Answer("ben key-2", "sha256-s", LATER)
        with store.begin() as work:
            work.answers.save(Answer("ben key-1", "sha256-r", AT))
            work.answers.save(ANSWER)
            work.answers.save(at_work)
            work.answers.save(replace(at_work, key="ben key-3"))
            work.answers.remove("ben key-3")
        with store.look() as work:
            assert work.answers.get("ben key-1") == ANSWER
            assert work.answers.get("ben key-2") == at_work
            assert work.answers.get("ben key-3") is None

        with store.begin() as work:
            work.answers.forget(before=LATER)

        with store.look() as work:
            assert work.answers.get("ben key-1") is None
            assert work.answers.get("ben key-2") == at_work

    def test_what_is_saved_in_a_unit_that_fails_is_not_kept(self, store: Store) -> None:
        """No half of a removal, such as a person who is gone and a token that lives on."""

        def begin_and_fail() -> None:
            with store.begin() as work:
                work.people.save(ANNA)
                work.sign_ins.save(SIGN_IN)
                work.tokens.add(TOKEN)
                work.notices.add(PLAIN)
                work.webhooks.add(WEBHOOK)
                raise LookupError

        with pytest.raises(LookupError):
            begin_and_fail()

        with store.look() as work:
            assert work.people.is_empty()
            assert work.sign_ins.of("ben") == ()
            assert work.tokens.all() == ()
            assert work.notices.newest(1) == ()
            assert work.webhooks.all() == ()

    def test_two_writers_at_once_get_two_numbers(self, store: Store) -> None:
        """A number names one token, whoever was first."""
        together, made = Barrier(2), []

        def make(digest: str) -> None:
            together.wait()
            with store.begin() as work:
                made.append(work.tokens.add(replace(TOKEN, digest=digest)).number)

        writers = [Thread(target=make, args=(letter * 64,)) for letter in "cd"]
        for one in writers:
            one.start()
        for one in writers:
            one.join()

        assert sorted(made) == [1, 2]


class TestAnyStoreOfNotices:
    """What every store promises about notices and their delivery, asked of every store."""

    def test_notices_are_numbered_from_one_and_read_from_both_ends(self, store: Store) -> None:
        """Newest first by pages, or onwards from a number."""
        with store.begin() as work:
            kept = [work.notices.add(replace(PLAIN, sentence=f"{n}")) for n in range(1, 6)]

        assert [one.number for one in kept] == [1, 2, 3, 4, 5]
        with store.look() as work:
            assert work.notices.newest(2) == (kept[4], kept[3])
            assert work.notices.newest(9, before=3) == (kept[1], kept[0])
            assert work.notices.after(2, 2) == (kept[2], kept[3])
            assert work.notices.after(5, 2) == ()

    def test_an_alarm_stands_until_it_is_settled(self, store: Store) -> None:
        """By kind and subject, every one of them; others, and plain notices, stay as they are."""
        with store.begin() as work:
            first, second = work.notices.add(ALARM), work.notices.add(ALARM)
            other = work.notices.add(replace(ALARM, subject="M0003 revision 1"))
            work.notices.add(PLAIN)
        with store.look() as work:
            assert work.notices.alarms() == (first, second, other)

        with store.begin() as work:
            work.notices.settle(kind=ALARM.kind, subject=ALARM.subject, at=LATER)
        with store.begin() as work:
            work.notices.settle(kind=ALARM.kind, subject=ALARM.subject, at=LATER + timedelta(days=1))

        with store.look() as work:
            assert work.notices.alarms() == (other,)
            settled = {one.number: one.settled_at for one in work.notices.newest(9)}
            assert settled == {1: LATER, 2: LATER, 3: None, 4: None}

    def test_a_webhook_that_was_removed_keeps_its_number(self, store: Store) -> None:
        """Its key is made from the number: another address must not get the same."""
        with store.begin() as work:
            first = work.webhooks.add(WEBHOOK)
            work.webhooks.save(replace(first, removed_at=LATER, told=9))
            second = work.webhooks.add(replace(WEBHOOK, kinds=frozenset()))

        assert (first.number, second.number) == (1, 2)
        with store.look() as work:
            assert work.webhooks.all() == (second,)
            assert work.webhooks.get(1) == replace(WEBHOOK, number=1, removed_at=LATER, told=9)
            assert work.webhooks.get(3) is None

    def test_deliveries_are_due_oldest_first(self, store: Store) -> None:
        """Those that are done, given up or not due yet are left out."""
        with store.begin() as work:
            for _ in range(3):
                work.notices.add(PLAIN)
            late = Delivery(1, 1, 2, LATER, None, "answered 503")
            soon = Delivery(2, 1, 1, AT, None, "waits")
            done = Delivery(1, 2, 1, None, AT, "answered 204")
            for one in (late, soon, done, replace(done, notice=3, done_at=None), replace(soon, attempts=0)):
                work.deliveries.save(one)

        with store.look() as work:
            assert work.deliveries.due(AT) == (replace(soon, attempts=0),)
            assert work.deliveries.due(LATER) == (replace(soon, attempts=0), late)
            assert work.deliveries.get(1, 2) == done
            assert work.deliveries.get(2, 2) is None
            assert [one.notice for one in work.deliveries.newest(1, 2)] == [3, 2]

    def test_deliveries_of_old_notices_are_forgotten_where_nothing_is_left_to_do(self, store: Store) -> None:
        """Every old one; not what still waits, and not what is new."""
        with store.begin() as work:
            for at in (AT, AT, AT, LATER):
                work.notices.add(replace(PLAIN, at=at))
            for number in (1, 2, 4):
                work.deliveries.save(Delivery(1, number, 1, None, AT, "answered 204"))
            work.deliveries.save(Delivery(1, 3, 1, AT, None, "answered 503"))

        with store.begin() as work:
            work.deliveries.forget(before=LATER)

        with store.look() as work:
            assert [one.notice for one in work.deliveries.newest(1, 9)] == [4, 3]
