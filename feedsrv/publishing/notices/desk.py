"""The desk of notices: what people are told of, and the addresses of programs that are told of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from feedsrv.clock import Clock
from feedsrv.publishing.admitting import admit, note
from feedsrv.publishing.notice_records import Delivery, Notice, Webhook
from feedsrv.publishing.notices.addresses import Networks, Resolve, judge_target, read_target, resolved
from feedsrv.publishing.notices.kinds import CHOICES, TEST
from feedsrv.publishing.notices.refusals import (
    TooManyWebhooksError,
    UnknownDeliveryError,
    UnknownKindError,
    UnknownWebhookError,
)
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.ports import Store, Work

MOST: Final = 20
"""Addresses."""
_ACT: Final = "webhooks.change"


class NoticeDesk:
    """Notices, alarms and webhooks."""

    def __init__(
        self,
        store: Store,
        *,
        now: Clock,
        networks: Networks,
        secret: Callable[[int], bytes],
        resolve: Resolve = resolved,
    ) -> None:
        """`networks`: private ones that webhooks may lie in; `secret`: the key of each webhook."""
        self._store: Final = store
        self._now: Final = now
        self._networks: Final = networks
        self._secret: Final = secret
        self._resolve: Final = resolve

    def newest(self, limit: int, before: int | None = None) -> tuple[Notice, ...]:
        """That many of the newest notices, newest first; of those with a lower number than `before`."""
        with self._store.look() as work:
            return work.notices.newest(limit, before=before)

    def alarms(self) -> tuple[Notice, ...]:
        """What everybody must know until it is settled, oldest first."""
        with self._store.look() as work:
            return work.notices.alarms()

    def webhooks(self, by: Principal) -> tuple[Webhook, ...]:
        """Every address in use, in order of number.

        Raises:
            NotAllowedError: `by` may not see them: an address is often a secret in itself.
        """
        with self._store.look() as work:
            admit(work, by, _ACT)
            return work.webhooks.all()

    def add_webhook(self, url: str, kinds: Iterable[str], *, by: Principal) -> Webhook:
        """Send notices to a further address, from the next one on; no kinds for all of them.

        `secret_of` says the key that the receiver checks signatures with.

        Raises:
            BadWebhookUrlError: it is no address.
            ForbiddenAddressError: it lies where notices are not sent.
            UnknownKindError: no notice is of that kind.
            TooManyWebhooksError: there are too many.
            NotAllowedError: `by` may not.
        """
        wanted = frozenset(kinds)
        for kind in sorted(wanted.difference(CHOICES)):
            raise UnknownKindError(kind)
        with self._store.look() as work:
            admit(work, by, _ACT)
        target = read_target(url)
        judge_target(target, self._networks, self._resolve)
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, _ACT)
            if len(work.webhooks.all()) >= MOST:
                raise TooManyWebhooksError(MOST)
            newest = work.notices.newest(1)
            told = newest[0].number if newest else 0
            added = work.webhooks.add(Webhook(0, url, wanted, at, by.name, told))
            # The path of such an address is often what lets one in there: the log has the host alone.
            detail = {"host": target.host, "kinds": ", ".join(sorted(wanted)) or "all"}
            note(work, at, by, "webhook-add", f"webhook {added.number}", **detail)
            sentence = f"{by.name} has notices sent to {target.host} (webhook {added.number})"
            tell(
                work,
                at,
                kind="webhook.added",
                subject=f"webhook {added.number}",
                by=by.name,
                sentence=sentence,
            )
        return added

    def remove_webhook(self, number: int, *, by: Principal) -> None:
        """Send nothing more to an address; what waits to be sent there is given up.

        Raises:
            UnknownWebhookError: there is none of that number.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, _ACT)
            found = _known(work, number)
            work.webhooks.save(replace(found, removed_at=at))
            note(work, at, by, "webhook-remove", f"webhook {number}")
            sentence = f"{by.name} removed webhook {number} ({read_target(found.url).host})"
            tell(work, at, kind="webhook.removed", subject=f"webhook {number}", by=by.name, sentence=sentence)

    def secret_of(self, number: int, *, by: Principal) -> str:
        """The key of a webhook, as its receiver is given it (`whsec_...`, as Standard Webhooks has it).

        Raises:
            UnknownWebhookError: there is none of that number.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            admit(work, by, _ACT)
            _known(work, number)
            note(work, self._now(), by, "webhook-secret", f"webhook {number}")
        return f"whsec_{b64encode(self._secret(number)).decode()}"

    def deliveries(
        self, number: int, limit: int = 50, *, by: Principal | None = None
    ) -> tuple[Delivery, ...]:
        """That many of the newest attempts to send there, newest notice first.

        Raises:
            UnknownWebhookError: there is none of that number.
            NotAllowedError: `by` is given and may not.
        """
        with self._store.look() as work:
            if by is not None:
                admit(work, by, _ACT)
            _known(work, number)
            return work.deliveries.newest(number, limit)

    def redeliver(self, number: int, notice: int, *, by: Principal) -> Delivery:
        """Send a notice once more, soon, with as many tries as a new one.

        Raises:
            UnknownWebhookError: there is no webhook of that number.
            UnknownDeliveryError: the notice was never to be sent there.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, _ACT)
            _known(work, number)
            if work.deliveries.get(number, notice) is None:
                raise UnknownDeliveryError(number, notice)
            again = Delivery(number, notice, 0, at, None, "asked for again")
            work.deliveries.save(again)
            note(work, at, by, "webhook-redeliver", f"webhook {number}", notice=str(notice))
        return again

    def try_webhook(self, number: int, *, by: Principal) -> Notice:
        """Send a notice that says nothing, soon, to this address alone; returns it.

        Raises:
            UnknownWebhookError: there is none of that number.
            NotAllowedError: `by` may not.
        """
        with self._store.begin() as work:
            at = self._now()
            admit(work, by, _ACT)
            _known(work, number)
            subject = f"webhook {number}"
            sentence = f"{by.name} tries whether webhook {number} is reached"
            notice = tell(work, at, kind=TEST, subject=subject, by=by.name, sentence=sentence)
            work.deliveries.save(Delivery(number, notice.number, 0, at, None, "waits"))
            note(work, at, by, "webhook-test", subject)
        return notice


def _known(work: Work, number: int) -> Webhook:
    found = work.webhooks.get(number) if 0 < number < 2**31 else None
    if found is None or found.removed_at is not None:
        raise UnknownWebhookError(number)
    return found
