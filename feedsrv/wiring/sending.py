"""Sending notices to the addresses of programs: signed, and tried again where they were not taken.

A delivery is kept before it is sent and after: where we are killed in between it is sent again, so that a
receiver may hear of a notice twice (under the same `webhook-id`) and never not at all.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from hmac import digest
from importlib.metadata import version
from typing import Final

from feedsrv.clock import Clock, now, to_text
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.notice_records import Delivery, Notice, Webhook
from feedsrv.publishing.notices.addresses import Networks, Resolve, judge_target, read_target, resolved
from feedsrv.publishing.notices.kinds import GIVEN_UP, TEST
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.ports import Store, Work
from feedsrv.wiring.posting import NotPostedError, post

log = logging.getLogger(__name__)

RETRIES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 12 * 60, 24 * 60))
"""How long after each attempt that failed the next one is made; after the last, none is."""
_AT_WORK: Final = timedelta(minutes=5)
"""After which a delivery is made again by somebody else, where whoever began it was never heard of."""
_KEPT_FOR: Final = timedelta(days=30)
_AT_ONCE: Final = 200
"""Notices that are put down for delivery in one unit of work."""

Keys = Callable[[int], Sequence[bytes]]
"""The keys of each webhook; what is sent is signed with every one of them."""


@dataclass(frozen=True)
class Sending:
    """What is needed to send notices."""

    store: Store
    networks: Networks
    keys: Keys
    clock: Clock = now
    resolve: Resolve = resolved

    def plan(self) -> None:
        """Put down for delivery whatever was told since the last look."""
        with self.store.look() as work:
            newest = work.notices.newest(1)
            if not newest or all(one.told >= newest[0].number for one in work.webhooks.all()):
                return
        with self.store.begin() as work:
            at = self.clock()
            for webhook in work.webhooks.all():
                told = work.notices.after(webhook.told, _AT_ONCE)
                for notice in filter(partial(_is_for, webhook), told):
                    work.deliveries.save(Delivery(webhook.number, notice.number, 0, at, None, "waits"))
                if told:
                    work.webhooks.save(replace(webhook, told=told[-1].number))
            work.deliveries.forget(before=at - _KEPT_FOR)

    def due(self) -> frozenset[int]:
        """Webhooks that something is to be sent to now."""
        with self.store.look() as work:
            return frozenset(one.webhook for one in work.deliveries.due(self.clock()))

    def send_all(self, number: int) -> None:
        """Send what is due to one webhook, oldest first, until there is nothing, or one was not taken."""
        while (claimed := self._claim(number)) is not None:
            if not self._carry_out(*claimed):
                return

    def send_one(self, number: int, notice: int) -> bool:
        """Send one notice to one webhook now; False where it is not due, or somebody else is sending it."""
        claimed = self._claim(number, only=notice)
        if claimed is not None:
            self._carry_out(*claimed)
        return claimed is not None

    def _carry_out(self, webhook: Webhook, notice: Notice, delivery: Delivery) -> bool:
        outcome = self._send(webhook, notice)
        self._keep(webhook, notice, delivery, outcome)
        return outcome.is_done

    def _claim(self, number: int, *, only: int | None = None) -> tuple[Webhook, Notice, Delivery] | None:
        """The next delivery, kept as begun, so that no other process begins it, too."""
        with self.store.begin() as work:
            at = self.clock()
            webhook = work.webhooks.get(number)
            for one in work.deliveries.due(at):
                if one.webhook != number or only not in {None, one.notice}:
                    continue
                notice = _notice(work, one.notice)
                if webhook is None or webhook.removed_at is not None or notice is None:
                    work.deliveries.save(replace(one, next_at=None, outcome="the webhook was removed"))
                    continue
                begun = replace(one, attempts=one.attempts + 1, next_at=at + _AT_WORK, outcome="at work")
                work.deliveries.save(begun)
                return webhook, notice, begun
        return None

    def _send(self, webhook: Webhook, notice: Notice) -> _Outcome:
        began = time.monotonic()
        try:
            target = read_target(webhook.url)
            addresses = judge_target(target, self.networks, self.resolve)
            body = body_of(notice)
            stamp = int(self.clock().timestamp())
            headers = headers_of(notice, body, stamp=stamp, keys=self.keys(webhook.number))
            status = post(target, addresses, headers, body)
        except NotPostedError as error:
            return _Outcome(is_done=False, sentence=str(error))
        except FeedsrvError as refusal:
            return _Outcome(is_done=False, sentence=f"[{refusal.code}] {refusal}")
        if 300 <= status < 400:
            return _Outcome(is_done=False, sentence=f"answered {status}: redirects are not followed")
        took = time.monotonic() - began
        return _Outcome(is_done=200 <= status < 300, sentence=f"answered {status} after {took:.1f} s")

    def _keep(self, webhook: Webhook, notice: Notice, begun: Delivery, outcome: _Outcome) -> None:
        with self.store.begin() as work:
            at = self.clock()
            current = work.deliveries.get(begun.webhook, begun.notice)
            if current is None or current.attempts != begun.attempts:
                return  # asked for again meanwhile: that stands
            if outcome.is_done:
                kept = replace(begun, next_at=None, done_at=at, outcome=outcome.sentence)
            else:
                pause = RETRIES[begun.attempts - 1] if begun.attempts <= len(RETRIES) else None
                again = None if pause is None or notice.kind == TEST else at + pause
                kept = replace(begun, next_at=again, outcome=outcome.sentence)
                if again is None and notice.kind != TEST:
                    _tell_once(work, webhook, notice, at)
            work.deliveries.save(kept)
        what = {"webhook": webhook.number, "notice": notice.number, "outcome": kept.outcome}
        if outcome.is_done:
            log.info("webhook.sent", extra=what)
        else:
            log.warning("webhook.failed", extra={**what, "attempts": kept.attempts})


@dataclass(frozen=True)
class _Outcome:
    is_done: bool
    sentence: str


def body_of(notice: Notice) -> bytes:
    """What is sent of a notice: JSON, UTF-8."""
    said = {
        "type": notice.kind,
        "timestamp": to_text(notice.at),
        "data": {
            "number": notice.number,
            "weight": notice.weight.value,
            "subject": notice.subject,
            "by": notice.by,
            "sentence": notice.sentence,
        },
    }
    return json.dumps(said, ensure_ascii=False).encode()


def headers_of(notice: Notice, body: bytes, *, stamp: int, keys: Sequence[bytes]) -> Mapping[str, str]:
    """What stands before the body: which notice it is, when it was sent, and one signature for each key.

    As Standard Webhooks has it: HMAC-SHA256 over id, seconds since 1970 and body, joined by dots.
    """
    name = f"notice-{notice.number}"
    signed = f"{name}.{stamp}.".encode() + body
    signatures = (f"v1,{b64encode(digest(key, signed, sha256)).decode()}" for key in keys)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"feedsrv/{version('feedsrv')}",
        "webhook-id": name,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(signatures),
        "Connection": "close",
    }


def _is_for(webhook: Webhook, notice: Notice) -> bool:
    return notice.kind not in {TEST, GIVEN_UP} and (not webhook.kinds or notice.kind in webhook.kinds)


def _notice(work: Work, number: int) -> Notice | None:
    return next((one for one in work.notices.newest(1, before=number + 1) if one.number == number), None)


def _tell_once(work: Work, webhook: Webhook, notice: Notice, at: datetime) -> None:
    """Tell people that an address is not reached; once, until it is reached again."""
    for one in work.deliveries.newest(webhook.number, _AT_ONCE):
        if one.done_at is not None:
            break
        if one.notice != notice.number and one.next_at is None and one.attempts > len(RETRIES):
            return
    host = read_target(webhook.url).host
    sentence = f"webhook {webhook.number} ({host}) took no notice for two days; what it missed is in its log"
    subject = f"webhook {webhook.number}"
    tell(work, at, kind=GIVEN_UP, subject=subject, by=webhook.by, sentence=sentence)
