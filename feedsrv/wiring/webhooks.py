"""Delivering notices beside other work: nobody waits for an address that is slow, or away.

Each address has a thread of its own, and one that hangs holds up nobody else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.notices.addresses import read_networks
from feedsrv.settings import Settings
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.wiring.desk import require_current
from feedsrv.wiring.outside import Bounded
from feedsrv.wiring.people import webhook_keys
from feedsrv.wiring.sending import Sending

log = logging.getLogger(__name__)

PAUSE: Final = 5.0
"""Seconds between two looks at what is to be sent."""
_END: Final = 1.0
"""Seconds that whoever ends waits for a look to end."""

AtWork = dict[int, Bounded[bool]]
"""By number of the webhook, what sends to it."""


class Courier:
    """Sends notices for as long as it runs, beside whatever else this process does."""

    def __init__(self, opened: Callable[[], Sending], *, pause: float = PAUSE) -> None:
        """`opened` opens what is needed; it is asked again where that was refused."""
        self._opened: Final = opened
        self._pause: Final = pause
        self._stop: Final = Event()
        self._thread: Final = Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin; returns at once, and nothing that goes wrong later is raised."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being sent at this moment is sent again by the next."""
        self._stop.set()
        self._thread.join(_END)

    def _run(self) -> None:
        sending: Sending | None = None
        at_work: AtWork = {}
        said = ""
        while not self._stop.is_set():
            try:
                sending = sending or self._opened()
                begin(sending, at_work)
                said = ""
            except FeedsrvError as refusal:
                if str(refusal) != said:  # met again at every look until somebody acts: told once
                    said = str(refusal)
                    log.error("webhooks.refused", extra={"code": refusal.code, "why": said})  # noqa: TRY400 -- no traceback
            except Exception:
                log.exception("webhooks.failed")
            self._stop.wait(self._pause)


def courier(settings: Settings) -> Courier:
    """A courier for the database in force: `start` it, and `stop` it at the end."""
    return Courier(partial(open_sending, settings))


def open_sending(settings: Settings) -> Sending:
    """What is needed to send notices, on a store of its own.

    Raises:
        OperatorError: the database cannot be used, or is of another version.
    """
    require_current(settings.database)
    return Sending(
        SqlStore(open_database(settings.database)),
        networks=read_networks(settings.webhook_networks),
        keys=partial(webhook_keys, settings),
    )


def deliver_due(settings: Settings, *, longest: float = 30.0) -> None:
    """Send what is due, once, for at most that many seconds; what is not done by then is sent later.

    Raises:
        FeedsrvError: the database or a setting cannot be used.
    """
    at_work: AtWork = {}
    begin(open_sending(settings), at_work)
    ends = time.monotonic() + longest
    for one in at_work.values():
        one.outcome(ends - time.monotonic())


def begin(sending: Sending, at_work: AtWork) -> None:
    """Begin to send what is due, to every address where nothing is being sent; returns at once.

    Raises:
        FeedsrvError: the store cannot be used.
    """
    for number in [number for number, one in at_work.items() if one.outcome(0) or one.is_lost]:
        del at_work[number]
    sending.plan()
    for number in sorted(sending.due() - at_work.keys()):
        at_work[number] = Bounded(partial(_send_all, sending, number))


def _send_all(sending: Sending, number: int) -> bool:
    try:
        sending.send_all(number)
    except Exception:
        # Whatever it is, others are to be sent theirs; the delivery is tried again.
        log.exception("webhooks.failed", extra={"webhook": number})
    return True
