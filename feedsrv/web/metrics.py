"""What the public surface counts of itself, for Prometheus.

Counters live where `PROMETHEUS_MULTIPROC_DIR` says, when it is set (our gunicorn settings set it),
so that any worker can tell the sum over all. What is said of feeds is read from the shelf at the
moment of asking, and so the same in every worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
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


class Meter:
    """Counts answers by kind of path and class of status, and the bytes that were sent."""

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
        # Looking a counter up by its labels costs more than counting: done once for the busy ones.
        self._found = {kind: self._answers.labels(kind, "2xx") for kind in KINDS}
        self._unchanged = {kind: self._answers.labels(kind, "3xx") for kind in KINDS}
        self._sent = {kind: self._bytes.labels(kind) for kind in KINDS}

    def unchanged(self, kind: str) -> None:
        """Count a 304."""
        self._unchanged[kind].inc()

    def found(self, kind: str, size: int) -> None:
        """Count a 200 from the shelf."""
        self._found[kind].inc()
        self._sent[kind].inc(size)

    def count(self, kind: str, status: int, size: int) -> None:
        """Count any other answer."""
        self._answers.labels(kind, f"{status // 100}xx").inc()
        self._bytes.labels(kind).inc(size)


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
        registry = meter.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
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
