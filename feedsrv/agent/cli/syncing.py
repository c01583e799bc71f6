"""`feedsrv-agent sync` and `run`."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click

from feedsrv.agent.bundle import BundleSource
from feedsrv.agent.cli.common import PATIENCE, Home, log_to, pass_home, say, tell
from feedsrv.agent.events import tell_act
from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.notices import Notices
from feedsrv.agent.run import Runner
from feedsrv.agent.source import Source
from feedsrv.agent.state import Standing
from feedsrv.agent.sync import Synced
from feedsrv.clock import now, to_text


@click.command()
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read a bundle file instead of polling: for servers without internet.",
)
@click.option("--rehearse", is_flag=True, help="Judge and tell everything, change nothing.")
@pass_home
@click.pass_context
def sync(context: click.Context, home: Home, bundle: Path | None, *, rehearse: bool) -> None:
    """Poll once, and do what is to be done.

    Where the publisher cannot be reached, what is trusted already still counts: a server that has
    the fix by now takes its mitigation back.
    """
    with home.held(PATIENCE):
        log_to(home.folder)
        with nullcontext() if rehearse else Notices(home.folder).watching(now()):
            settings = home.settings_file.load()
            source: Source = home.source(settings) if bundle is None else BundleSource(bundle)
            with closing(source):
                done = home.sync(settings, rehearse=rehearse).run(source)
    for line in summary(done, places=rehearse):
        say(line)
    if tell(done.problems):
        context.exit(1)


@click.command()
@click.option(
    "--first-after",
    type=click.IntRange(0, 7 * 24 * 3600),
    metavar="SECONDS",
    help="Wait so long before the first sync. [default: as configured, or 600]",
)
@pass_home
def run(home: Home, first_after: int | None) -> None:
    """Sync for ever: at the pace of the feed, at this device's own moment, until SIGTERM or Ctrl-C.

    After errors it tries again sooner, more and more seldom; what a server asks for by Retry-After
    is honoured. Settings are read anew at every sync.
    """
    stop = threading.Event()
    asked: list[HttpSource] = []

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        for source in asked:
            source.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    log_to(home.folder, also_stderr=True)
    delay = home.settings_file.load().first_after if first_after is None else first_after

    def once() -> Synced:
        with home.held(PATIENCE), Notices(home.folder).watching(now()):
            settings = home.settings_file.load()
            with closing(home.source(settings)) as source:
                asked[:] = [source]
                if stop.is_set():
                    source.stop()
                return home.sync(settings).run(source)

    log = logging.getLogger("feedsrv.agent")
    tell_act(log, "agent.started", home=str(home.folder), first=delay)
    runner = Runner(once, lambda: home.state_file.load().device_id, now, stop.wait)
    runner.run(first_after=timedelta(seconds=delay))
    tell_act(log, "agent.stopped")


def summary(done: Synced, *, places: bool) -> list[str]:
    """What a person wants to know after a sync; with `places`, line for line."""
    lines = []
    last = done.state.last_sync
    if last is not None and last.feed_version is not None:
        stale = ", which has expired" if last.is_stale else ""
        lines.append(f"feed version {last.feed_version}{stale}; looked at {to_text(last.at)}")
    lines.extend(
        f"adopted the root {one}: an anchor that counts here vouches for it; `feedsrv-agent trust list` tells"
        for one in done.adopted
    )
    for one in done.state.standings:
        lines.append(_line(one))
        lines.extend(f"  {place}" for place in one.places if places)
    return lines or ["no feed is trusted here yet"]


def _line(one: Standing) -> str:
    revision = "" if one.revision is None else f" revision {one.revision}"
    return f"{one.id}{revision}: {one.status} ({one.detail})"
