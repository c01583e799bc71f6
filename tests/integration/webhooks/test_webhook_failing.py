from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from feedsrv.errors import UnavailableError
from feedsrv.publishing.notices.kinds import GIVEN_UP
from feedsrv.wiring.sending import RETRIES, Sending
from feedsrv.wiring.webhooks import AtWork, Courier, begin
from tests.people import AT
from tests.posting import Post
from tests.receiver import Receiver


class TestWhatIsNotTaken:
    """It is tried again by a table, and then given up."""

    def test_it_is_tried_again_by_the_table(self, post: Post, receiver: Receiver) -> None:
        """Later and later, to the same id; then people are told, once."""
        receiver.status = 503
        post.add(receiver.url())
        first = post.tell()

        spans = []
        for _ in RETRIES:
            post.send()
            made = post.delivery(first)
            assert made is not None
            assert made.next_at is not None
            spans.append(made.next_at - post.office.at)
            post.office.at = made.next_at - timedelta(seconds=1)
            post.send()
            post.office.later(seconds=1)
        post.send()

        assert tuple(spans) == RETRIES
        assert [one.headers["webhook-id"] for one in receiver.received] == ["notice-3"] * 8
        made = post.delivery(first)
        assert made is not None
        assert (made.next_at, made.done_at, made.attempts) == (None, None, 8)
        assert post.office.told().count(f"{GIVEN_UP} webhook 1") == 1

    def test_that_it_was_given_up_is_told_once_until_it_is_reached_again(
        self, post: Post, receiver: Receiver
    ) -> None:
        """Not for every notice that it misses."""
        receiver.status = 500
        post.add(receiver.url())
        told = []
        for status in (500, 500, 204, 500):
            receiver.status = status
            post.tell()
            for _ in range(len(RETRIES) + 1):
                post.send()
                post.office.later(days=2)
            told.append(post.office.told().count(f"{GIVEN_UP} webhook 1"))

        assert told == [1, 1, 1, 2]

    def test_one_that_is_not_there_is_tried_again(self, post: Post) -> None:
        """Nobody listens, or the name is unknown."""
        with Receiver().serving() as receiver:
            url = receiver.url()
        post.add(url)
        notice = post.tell()

        post.send()

        made = post.delivery(notice)
        assert made is not None
        assert made.outcome.startswith("connection: 127.0.0.1 port")
        assert made.next_at == AT + RETRIES[0]

    @pytest.mark.parametrize("manner", ["hangs", "trickles"])
    @pytest.mark.usefixtures("hasty")
    def test_one_that_never_answers_is_cut_off(self, post: Post, receiver: Receiver, manner: str) -> None:
        """Also where it sends a byte now and then."""
        receiver.manner = "hangs" if manner == "hangs" else "trickles"
        post.add(receiver.url())
        notice = post.tell()

        post.send()

        made = post.delivery(notice)
        assert made is not None
        assert made.outcome == "HTTP: no answer in time"
        assert made.next_at == AT + RETRIES[0]

    def test_nonsense_is_no_answer(self, post: Post, receiver: Receiver) -> None:
        """However much of it comes; what is kept of it can be shown."""
        receiver.manner = "talks nonsense"
        post.add(receiver.url())
        notice = post.tell()

        post.send()

        made = post.delivery(notice)
        assert made is not None
        assert made.outcome.startswith("HTTP: ")
        assert made.outcome.isprintable()
        assert len(made.outcome) < 300
        assert made.next_at == AT + RETRIES[0]

    def test_one_that_was_removed_is_sent_nothing_more(self, post: Post, receiver: Receiver) -> None:
        """What waits for it is given up."""
        receiver.status = 503
        post.add(receiver.url())
        notice = post.tell()
        post.send()
        post.desk.remove_webhook(1, by=post.office.boss)
        post.tell()
        post.office.later(days=1)

        post.send()

        assert len(receiver.received) == 1
        made = post.delivery(notice)
        assert made is not None
        assert (made.next_at, made.outcome) == (None, "the webhook was removed")

    def test_what_was_missed_is_sent_when_somebody_asks(self, post: Post, receiver: Receiver) -> None:
        """Even while another attempt is under way, whose outcome then changes nothing."""
        receiver.manner = "hangs"
        post.add(receiver.url())
        notice = post.tell()
        at_work: AtWork = {}
        begin(post.sending, at_work)
        receiver.wait()

        post.desk.redeliver(1, notice.number, by=post.office.boss)
        receiver.manner = "answers"
        receiver.over.set()
        assert at_work[1].outcome(30)
        post.send()

        made = post.delivery(notice)
        assert made is not None
        assert (made.attempts, made.done_at) == (1, AT)
        assert len(receiver.received) == 2


class TestNobodyIsHeldUp:
    """Neither the keeper, nor other addresses, nor whoever comes after a crash."""

    def test_one_that_hangs_holds_up_nobody(self, post: Post, receiver: Receiver) -> None:
        """To begin returns at once; others are sent theirs; it is not asked a second time meanwhile."""
        with Receiver(manner="hangs").serving() as slow:
            post.add(slow.url())
            post.add(receiver.url())
            post.tell()
            at_work: AtWork = {}

            begin(post.sending, at_work)
            slow.wait()
            assert at_work[2].outcome(30)
            post.tell()
            post.office.later(hours=1)
            begin(post.sending, at_work)
            assert at_work[2].outcome(30)

            assert len(receiver.received) == 2
            assert len(slow.received) == 1
            slow.over.set()
            assert at_work[1].outcome(30)

    def test_what_a_killed_process_had_begun_is_sent_by_the_next(
        self, post: Post, receiver: Receiver
    ) -> None:
        """After a while, since it may be at work still; the receiver knows it by its id."""
        post.add(receiver.url())
        notice = post.tell()
        post.sending.plan()
        assert post.sending._claim(1) is not None  # and here it was killed

        post.send()
        assert receiver.received == []
        post.office.later(minutes=5)
        post.send()

        assert [one.headers["webhook-id"] for one in receiver.received] == [f"notice-{notice.number}"]
        made = post.delivery(notice)
        assert made is not None
        assert made.done_at == post.office.at

    def test_a_courier_sends_as_long_as_it_runs(self, post: Post, receiver: Receiver) -> None:
        """What is told while it runs is sent without anybody asking."""
        post.add(receiver.url())
        courier = Courier(lambda: post.sending, pause=0.02)
        courier.start()
        try:
            for _ in range(3):
                post.tell()
                receiver.wait()
        finally:
            courier.stop()

        assert len(receiver.received) == 3

    def test_a_courier_outlives_a_store_that_is_away(
        self, post: Post, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Told once in the log, not at every look."""
        post.add(receiver.url())
        post.tell()
        tries = threading.Semaphore(0)
        is_away = threading.Event()
        is_away.set()

        def opened() -> Sending:
            tries.release()
            if is_away.is_set():
                raise UnavailableError("the database is held by another process")
            return post.sending

        courier = Courier(opened, pause=0.01)
        courier.start()
        for _ in range(5):
            assert tries.acquire(timeout=20)
        is_away.clear()
        receiver.wait()
        courier.stop()

        assert [one.message for one in caplog.records].count("webhooks.refused") == 1
