from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.notice_records import Delivery, Notice, Weight
from feedsrv.publishing.notices.desk import MOST, NoticeDesk
from feedsrv.publishing.notices.kinds import CHOICES, GIVEN_UP, KINDS, TEST
from feedsrv.publishing.notices.refusals import (
    BadWebhookUrlError,
    ForbiddenAddressError,
    TooManyWebhooksError,
    UnknownDeliveryError,
    UnknownKindError,
    UnknownWebhookError,
)
from feedsrv.publishing.notices.telling import settle, tell
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.permits import MissingRoleError
from tests.hashing import staffed
from tests.people import AT, Office

URL = "https://hooks.example.org/T0/s3cret-path"


@dataclass
class Board:
    """The desk of notices of an office; names lead to `addresses`."""

    office: Office = field(default_factory=lambda: staffed(Office()))
    addresses: tuple[str, ...] = ("93.184.215.14",)

    @property
    def desk(self) -> NoticeDesk:
        """The verbs."""
        return NoticeDesk(
            self.office.store,
            now=lambda: self.office.at,
            networks=(),
            secret=lambda number: bytes([number]) * 32,
            resolve=lambda *_: self.addresses,
        )

    @property
    def by(self) -> Principal:
        """An administrator."""
        return self.office.boss

    def tell(self, kind: str, subject: str = "M0001 revision 1") -> Notice:
        """Tell of something."""
        with self.office.store.begin() as work:
            return tell(work, self.office.at, kind=kind, subject=subject, by="ben", sentence="Ben did it.")


@pytest.fixture
def board() -> Board:
    """A board beside which anna is an administrator and ben an author."""
    return Board()


class TestTelling:
    """What people are told of."""

    def test_a_notice_has_the_weight_of_its_kind(self, board: Board) -> None:
        """One person alone is an alarm; an approval is not."""
        alarm = board.tell("mitigation.break-glass")
        plain = board.tell("mitigation.approved")

        assert (alarm.weight, plain.weight) == (Weight.ALARM, Weight.PLAIN)
        assert board.desk.newest(2) == (plain, alarm)
        assert board.desk.newest(1, before=plain.number) == (alarm,)

    def test_an_alarm_stands_until_it_is_settled(self, board: Board) -> None:
        """By whoever told of it; settling again changes nothing."""
        alarm = board.tell("mitigation.break-glass")
        other = board.tell("mitigation.break-glass", "M0002 revision 1")
        assert board.desk.alarms() == (alarm, other)

        for _ in range(2):
            with board.office.store.begin() as work:
                settle(work, AT, kind="mitigation.break-glass", subject="M0001 revision 1")

        assert board.desk.alarms() == (other,)
        assert board.desk.newest(2)[1] == replace(alarm, settled_at=AT)

    def test_a_kind_that_is_not_in_the_table_cannot_be_told(self, board: Board) -> None:
        """Webhooks choose from the table: nobody would ever hear of it."""
        with pytest.raises(KeyError):
            board.tell("mitigation.eaten")

    def test_every_kind_says_what_it_is_about(self) -> None:
        """In the form that the database and a receiver's filter can hold."""
        for name, kind in KINDS.items():
            assert name.replace(".", "").replace("-", "").isalpha()
            assert len(name) <= 64
            assert kind.summary
        assert set(KINDS) - set(CHOICES) == {TEST, GIVEN_UP}


class TestWebhooks:
    """Addresses of programs."""

    def test_an_address_is_sent_what_comes_after_it_was_added(self, board: Board) -> None:
        """Its path lets one in there, and so is written into no log and no notice."""
        board.tell("mitigation.published")

        added = board.desk.add_webhook(URL, ["mitigation.published"], by=board.by)

        assert added.told == board.desk.newest(9)[1].number
        assert board.desk.webhooks(board.by) == (added,)
        assert board.office.acts()[-1] == "anna webhook-add webhook 1"
        assert board.office.entries()[-1].detail["host"] == "hooks.example.org"
        assert "s3cret" not in repr(board.office.entries()) + repr(board.desk.newest(9))

    @pytest.mark.parametrize(
        "act",
        [
            lambda desk, by: desk.webhooks(by),
            lambda desk, by: desk.add_webhook(URL, [], by=by),
            lambda desk, by: desk.remove_webhook(1, by=by),
            lambda desk, by: desk.secret_of(1, by=by),
            lambda desk, by: desk.redeliver(1, 1, by=by),
            lambda desk, by: desk.try_webhook(1, by=by),
            lambda desk, by: desk.deliveries(1, by=by),
        ],
    )
    def test_they_are_the_administrators(
        self, board: Board, act: Callable[[NoticeDesk, Principal], object]
    ) -> None:
        """To see, to change and to try; nothing changes."""
        board.desk.add_webhook(URL, [], by=board.by)
        before = board.office.acts()
        ben = Principal("ben", frozenset({Role.AUTHOR}), "console")

        with pytest.raises(MissingRoleError):
            act(board.desk, ben)

        assert board.office.acts() == before

    def test_where_it_leads_is_judged_when_it_is_added(self, board: Board) -> None:
        """A name that leads inside is refused, and so is a number."""
        board.addresses = ("93.184.215.14", "10.0.0.1")
        with pytest.raises(ForbiddenAddressError):
            board.desk.add_webhook(URL, [], by=board.by)
        with pytest.raises(BadWebhookUrlError):
            board.desk.add_webhook("http://0x7f000001/", [], by=board.by)

        assert board.desk.webhooks(board.by) == ()

    @pytest.mark.parametrize("kind", ["", "mitigation", "mitigation.eaten", TEST, "x" * 100_000, "\ud800"])
    def test_a_kind_that_nobody_tells_of_is_refused(self, board: Board, kind: str) -> None:
        """Its owner would wait in vain."""
        with pytest.raises(UnknownKindError) as refusal:
            board.desk.add_webhook(URL, ["mitigation.published", kind], by=board.by)

        assert len(str(refusal.value)) < 300

    def test_there_are_not_endlessly_many(self, board: Board) -> None:
        """Each notice is sent to every one."""
        for _ in range(MOST):
            board.desk.add_webhook(URL, [], by=board.by)
        with pytest.raises(TooManyWebhooksError):
            board.desk.add_webhook(URL, [], by=board.by)

        board.desk.remove_webhook(3, by=board.by)

        assert board.desk.add_webhook(URL, [], by=board.by).number == MOST + 1

    def test_each_has_a_key_of_its_own(self, board: Board) -> None:
        """As Standard Webhooks writes it; that somebody looked at it is written down."""
        board.desk.add_webhook(URL, [], by=board.by)

        key = board.desk.secret_of(1, by=board.by)

        assert key == "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
        assert board.office.acts()[-1] == "anna webhook-secret webhook 1"

    @pytest.mark.parametrize("number", [0, 2, -1, 10**30])
    def test_one_that_is_not_there_is_named(self, board: Board, number: int) -> None:
        """Nor is one that was removed."""
        board.desk.add_webhook(URL, [], by=board.by)
        board.desk.remove_webhook(1, by=board.by)

        for wanted in (number, 1):
            with pytest.raises(UnknownWebhookError):
                board.desk.remove_webhook(wanted, by=board.by)
            with pytest.raises(UnknownWebhookError):
                board.desk.secret_of(wanted, by=board.by)
            with pytest.raises(UnknownWebhookError):
                board.desk.deliveries(wanted)

    def test_a_notice_is_sent_again_when_somebody_asks(self, board: Board) -> None:
        """With as many tries as a new one; what was never to be sent there is refused."""
        board.desk.add_webhook(URL, [], by=board.by)
        with board.office.store.begin() as work:
            work.deliveries.save(Delivery(1, 1, 8, None, None, "answered 500"))
        board.office.later(hours=1)

        again = board.desk.redeliver(1, 1, by=board.by)

        assert again == Delivery(1, 1, 0, AT + timedelta(hours=1), None, "asked for again")
        assert board.desk.deliveries(1) == (again,)
        with pytest.raises(UnknownDeliveryError):
            board.desk.redeliver(1, 2, by=board.by)

    def test_trying_an_address_puts_down_one_notice_for_it_alone(self, board: Board) -> None:
        """Others are not sent that."""
        board.desk.add_webhook(URL, ["trouble.begun"], by=board.by)
        board.desk.add_webhook(URL, [], by=board.by)

        notice = board.desk.try_webhook(1, by=board.by)

        assert notice.kind == TEST
        assert [one.notice for one in board.desk.deliveries(1)] == [notice.number]
        assert board.desk.deliveries(2) == ()
