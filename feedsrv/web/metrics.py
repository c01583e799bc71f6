"""What the public surface counts of itself, for Prometheus.

Counters live where `PROMETHEUS_MULTIPROC_DIR` says, when it is set (our gunicorn settings set it),
so that any worker can tell the sum over all. What is said of feeds is read from the shelf at the
moment of asking, and so the same in every worker.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from threading import Lock, Thread
from time import sleep
from typing import Final

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from feedsrv.clock import Clock
from feedsrv.errors import UnavailableError
from feedsrv.web.feed import KINDS, ShelfReader
from feedsrv.web.headers import UNCACHED
from feedsrv.web.listing import ListingError, listings

OTHER: Final = "other"
TELL_EVERY: Final = 1.0
"""Seconds by which one worker's counts may lag behind in what another worker tells."""
_MANY_PROCESSES: Final = "PROMETHEUS_MULTIPROC_DIR"


class Meter:
    """Counts answers by kind of path and class of status, and the bytes that were sent.

    What goes out from the shelf is tallied in plain numbers first and handed on once a second: a
    shared counter at every poll would cost a tenth of the poll.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "feedsrv_http_answers_total",
            "Answers of the public surface, by what was asked for and the class of the status.",
            ["kind", "status"],
            registry=self.registry,
        )
        self._bytes = Counter(
            "feedsrv_http_body_bytes_total",
            "Bytes of bodies sent by the public surface, by what was asked for.",
            ["kind"],
            registry=self.registry,
        )
        self._tallies = {kind: _Tally() for kind in KINDS}
        if _MANY_PROCESSES in os.environ:
            # Another worker may be asked for the sum, so this one must tell without being asked.
            Thread(target=self._keep_telling, name="feedsrv-meter", daemon=True).start()
            atexit.register(self.tell)

    def unchanged(self, kind: str) -> None:
        """Count a 304."""
        tally = self._tallies[kind]
        with tally.lock:
            tally.unchanged += 1

    def found(self, kind: str, size: int) -> None:
        """Count a 200 from the shelf."""
        tally = self._tallies[kind]
        with tally.lock:
            tally.found += 1
            tally.size += size

    def count(self, kind: str, status: int, size: int) -> None:
        """Count any other answer."""
        self._answers.labels(kind, f"{status // 100}xx").inc()
        self._bytes.labels(kind).inc(size)

    def tell(self) -> None:
        """Hand on what was tallied since the last time."""
        for kind, tally in self._tallies.items():
            found, unchanged, size = tally.take()
            self._answers.labels(kind, "2xx").inc(found)
            self._answers.labels(kind, "3xx").inc(unchanged)
            self._bytes.labels(kind).inc(size)

    def _keep_telling(self) -> None:
        while True:
            sleep(TELL_EVERY)
            self.tell()


class _Tally:
    """Answers of one kind that were not handed on yet."""

    __slots__ = ("found", "lock", "size", "unchanged")

    def __init__(self) -> None:
        self.lock = Lock()
        self.found = self.unchanged = self.size = 0

    def take(self) -> tuple[int, int, int]:
        """What was counted, and begin at nought."""
        with self.lock:
            taken = (self.found, self.unchanged, self.size)
            self.found = self.unchanged = self.size = 0
        return taken


class FeedGauges(Collector):
    """How fresh the feeds on the shelf are."""

    def __init__(self, shelf: ShelfReader, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """One sample a feed; none while the list of feeds cannot be read."""
        labels = ("product", "channel")
        version = GaugeMetricFamily("feedsrv_feed_version", "Version of the current feed.", labels=labels)
        age = GaugeMetricFamily(
            "feedsrv_feed_age_seconds", "Time since the current feed was issued.", labels=labels
        )
        left = GaugeMetricFamily(
            "feedsrv_feed_expires_in_seconds",
            "Time until the current feed expires; negative afterwards.",
            labels=labels,
        )
        readable = GaugeMetricFamily(
            "feedsrv_shelf_readable", "1 where the list of feeds can be read from the shelf, else 0."
        )
        try:
            found = listings(self._shelf)
        except (UnavailableError, ListingError):
            found = ()
            readable.add_metric((), 0)
        else:
            readable.add_metric((), 1)
        now = self._clock()
        for feed in found:
            key = (feed.product, feed.channel)
            version.add_metric(key, feed.version)
            age.add_metric(key, (now - feed.issued).total_seconds())
            left.add_metric(key, (feed.expires - now).total_seconds())
        return (version, age, left, readable)


def metrics_blueprint(meter: Meter, gauges: FeedGauges) -> Blueprint:
    """`/metrics`, for Prometheus."""
    door = Blueprint("metrics", __name__)

    @door.get("/metrics")
    def metrics() -> Response:
        meter.tell()
        registry = meter.registry
        if _MANY_PROCESSES in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it registers itself
        text = generate_latest(registry) + generate_latest(_Only(gauges))
        answer = Response(text, content_type=CONTENT_TYPE_LATEST)
        answer.headers["Cache-Control"] = UNCACHED
        return answer

    return door


class _Only(CollectorRegistry):
    """A registry of one collector, which is asked anew each time."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self.register(collector)
