"""Notices that are told, and sent to addresses on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_network

from feedsrv.publishing.notice_records import Delivery, Notice
from feedsrv.publishing.notices.addresses import Networks
from feedsrv.publishing.notices.desk import NoticeDesk
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.ports import Store
from feedsrv.wiring.sending import Sending
from feedsrv.wiring.webhooks import AtWork, begin
from tests.people import Office

HERE: Networks = (ip_network("127.0.0.0/8"),)
OLD_KEY = b"o" * 32


@dataclass
class Post:
    """Notices that are told, and sent to addresses on this machine."""

    office: Office = field(default_factory=Office)
    networks: Networks = HERE
    asked: list[str] = field(default_factory=list)
    """Names that the resolver was asked for."""

    @property
    def store(self) -> Store:
        """Where notices and deliveries are kept."""
        return self.office.store

    @property
    def desk(self) -> NoticeDesk:
        """The verbs."""
        return NoticeDesk(
            self.store, now=self.clock, networks=self.networks, secret=key_of, resolve=self.resolve
        )

    @property
    def sending(self) -> Sending:
        """What sends."""
        return Sending(
            self.store,
            self.networks,
            lambda number: [key_of(number), OLD_KEY],
            clock=self.clock,
            resolve=self.resolve,
        )

    def clock(self) -> datetime:
        """The test's time."""
        return self.office.at

    def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """Every name leads to this machine, on the port that is asked for."""
        assert port
        self.asked.append(host)
        return ("127.0.0.1",)

    def add(self, url: str, *kinds: str) -> int:
        """A further address; that it was added is sent to none."""
        number = self.desk.add_webhook(url, kinds, by=self.office.boss).number
        with self.store.begin() as work:
            newest = work.notices.newest(1)[0].number
            for one in work.webhooks.all():
                work.webhooks.save(replace(one, told=newest))
        return number

    def tell(self, kind: str = "mitigation.published", subject: str = "M0001 revision 1") -> Notice:
        """Tell of something."""
        with self.store.begin() as work:
            sentence = "Änna published it."
            return tell(work, self.office.at, kind=kind, subject=subject, by="anna", sentence=sentence)

    def send(self, sending: Sending | None = None) -> None:
        """Send whatever is due, and wait for it."""
        at_work: AtWork = {}
        begin(sending or self.sending, at_work)
        for one in at_work.values():
            assert one.outcome(30)

    def delivery(self, notice: Notice, webhook: int = 1) -> Delivery | None:
        """What became of a notice."""
        with self.store.look() as work:
            return work.deliveries.get(webhook, notice.number)


def key_of(number: int) -> bytes:
    """The key of a webhook."""
    return bytes([number]) * 32
