"""`feedsrv keeper`: keeps feeds fresh."""

from __future__ import annotations

import logging
import signal
import threading

import click

from feedsrv.cli.common import cycle
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.observability.logs import configure_logging
from feedsrv.publishing.refusals import PublishInProgressError
from feedsrv.settings import read_settings

log = logging.getLogger(__name__)

NAME = "keeper"


@click.command()
@click.option("--once", is_flag=True, help="Look once, and end; with 1 where that was refused.")
def keeper(*, once: bool) -> None:
    """Sign feeds anew before they expire, and finish what a killed publication began.

    A refusal is logged, and met again at the next look until somebody acts.
    """
    configure_logging()
    stop = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stop.set())

    interval = read_settings().keeper_interval.total_seconds()
    while True:
        done = tend()
        if once:
            raise SystemExit(0 if done else 1)
        if stop.wait(interval):
            return


def tend() -> bool:
    """Look at every feed once; False where a refusal was logged, to be met again until somebody acts."""
    try:
        # Opened anew each time: keys may have been renewed, or put right, in between.
        cycle().refresh(by=NAME, at=now())  # it logs what it publishes
    except PublishInProgressError:
        return True  # whoever is publishing makes the feeds fresh
    except FeedsrvError as refusal:
        log.error("keeper.refused", extra={"code": refusal.code, "why": str(refusal)})  # noqa: TRY400 -- no traceback
        return False
    except Exception:
        # What nobody foresaw must not end the keeper: feeds would expire everywhere because of it.
        log.exception("keeper.failed")
        return False
    return True
