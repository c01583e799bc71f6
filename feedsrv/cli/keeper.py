"""`feedsrv keeper`: keeps feeds and revocation lists fresh, and tells what begins and ends to be wrong.

It also takes back what one person published alone in an emergency and nobody countersigned in time, and sends
notices to webhooks.
"""

from __future__ import annotations

import logging
import signal
import threading
from datetime import datetime
from typing import Final

import click

from feedsrv.cli.common import warn
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import Stage
from feedsrv.observability.logs import configure_logging
from feedsrv.publishing.people import KEEPER
from feedsrv.publishing.refusals import PublishInProgressError
from feedsrv.publishing.watching.checks import examine, judged
from feedsrv.publishing.watching.events import KEEPER_FAILS, PUBLISHING_FAILS, found_by, names_of
from feedsrv.publishing.watching.seen import Seen
from feedsrv.settings import Settings, read_settings
from feedsrv.signing.signer import chain_ends
from feedsrv.stores.database import StoreNotReadyError
from feedsrv.trust.profile import Kind
from feedsrv.wiring.desk import open_cycle, open_keys, open_workflow, require_current
from feedsrv.wiring.keyring import open_store
from feedsrv.wiring.keys import read_trust, renew_lists
from feedsrv.wiring.outside import Bounded
from feedsrv.wiring.telling import Teller
from feedsrv.wiring.watch import see
from feedsrv.wiring.webhooks import courier, deliver_due
from feedsrv.wsgi.site import site

log = logging.getLogger(__name__)

_POLL: Final = 0.2
"""Seconds between two glances at whether we are asked to end, while a look goes on."""


@click.command()
@click.option("--once", is_flag=True, help="Look once, and end; with 1 where that was refused.")
def keeper(*, once: bool) -> None:
    """Sign feeds anew before they expire, renew revocation lists, finish what a killed publication began.

    Then it looks at what `feedsrv doctor` looks at, and logs once what begins and what ends. A refusal is
    logged, and met again at the next look until somebody acts. The key for mitigations is opened only to
    take back what one person published alone and nobody countersigned in time. Beside all that, notices
    are sent to webhooks.
    """
    configure_logging()
    stop = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stop.set())

    settings = read_settings()
    rounds = Rounds(settings, stop)
    if once:
        done = rounds.make()
        raise SystemExit(0 if _sent(settings) and done else 1)
    notices = courier(settings)
    notices.start()
    while True:
        rounds.make()
        if stop.wait(settings.keeper_interval.total_seconds()):
            notices.stop()
            return


def _sent(settings: Settings) -> bool:
    """Send what webhooks wait for; False where that was refused."""
    try:
        deliver_due(settings)
    except FeedsrvError as refusal:
        _log_refusal(refusal)
        return False
    return True


def _log_refusal(refusal: FeedsrvError) -> None:
    log.error("keeper.refused", extra={"code": refusal.code, "why": str(refusal)})


class Rounds:
    """One round after another: tend, look, tell."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._teller = Teller()

    def make(self) -> bool:
        """One round; False where a refusal was logged, to be met again until somebody acts.

        Whatever goes wrong, the keeper lives on: feeds would expire everywhere because of it.
        """
        found = tend(self._settings)
        done = not found
        try:
            self._look(found)
        except Exception:
            log.exception("keeper.failed")
        return done

    def _look(self, found: dict[tuple[str, str], str]) -> None:
        told = {PUBLISHING_FAILS, KEEPER_FAILS}
        # Beside us, so that a slow answer from the network does not keep us from ending when asked to.
        looking = Bounded(self._see)
        seen: Seen | None = None
        while seen is None and not (self._stop.is_set() or looking.is_lost):
            seen = looking.outcome(_POLL)
        if seen is not None:
            found |= found_by(examine(seen))
            told |= set(names_of(check.name for check in judged(seen)))
        has_store = seen is not None and seen.store is not None
        with open_store(self._settings) as store:
            self._teller.tell(store if has_store else None, found, judged=told, at=now())

    def _see(self) -> Seen:
        return see(self._settings)


def tend(settings: Settings) -> dict[tuple[str, str], str]:
    """Renew lists, sign anew whatever feed is due, take back what nobody countersigned.

    Gives what was refused, as conditions.
    """
    found: dict[tuple[str, str], str] = {}
    # Lists first: what they revoke, and until when they hold, is published with the feeds. Feeds before
    # withdrawals: to refresh them finishes a publication that was cut short, which may be one to take back.
    for subject, task in (("lists", _renew), ("feeds", _refresh), ("withdrawals", _withdraw)):
        try:
            task(settings)
        except FeedsrvError as refusal:
            _log_refusal(refusal)
            found[PUBLISHING_FAILS, subject] = f"[{refusal.code}] {refusal}"
            if isinstance(refusal, StoreNotReadyError):
                break  # the next would say the same
        except Exception as error:
            log.exception("keeper.failed")
            found[KEEPER_FAILS, subject] = f"{type(error).__name__}: {error}"
    return found


def _renew(settings: Settings) -> None:
    require_current(settings.database)
    for sentence in renew_lists(settings, now=now()):
        log.info("list.renewed", extra={"what": sentence})


def _refresh(settings: Settings) -> None:
    # Opened anew each time: keys may have been renewed, or put right, in between.
    keys = open_keys(settings, now=now(), tell=warn, signing=frozenset({Kind.FEED}))
    try:
        open_cycle(settings, keys, site(settings.publisher)).refresh(by=KEEPER, at=now())
    except PublishInProgressError:
        return  # whoever is publishing makes the feeds fresh


def _withdraw(settings: Settings) -> None:
    """Draw up what is due, and publish that alone: what waits for a person goes on waiting."""
    desk = open_workflow(settings, key_ends=_mitigation_key_ends(settings))
    drawn_up = desk.withdraw_due(by=KEEPER)
    going = frozenset((one.id, one.number) for one in drawn_up if one.stage is Stage.APPROVED)
    if not going:
        return
    keys = open_keys(settings, now=now(), tell=warn)
    try:
        open_cycle(settings, keys, site(settings.publisher)).run(by=KEEPER, at=now(), only=going)
    except PublishInProgressError:
        return  # the next look finds it as it is


def _mitigation_key_ends(settings: Settings) -> datetime | None:
    """For the rules; where the certificates cannot be read, publishing says so itself."""
    try:
        return chain_ends(read_trust(settings).chains[Kind.MITIGATION])
    except FeedsrvError:
        return None
