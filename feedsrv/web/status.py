"""The status of the service for its operators: a page, the same as JSON, and as metrics.

What is shown is a look that is at most some seconds old, so that whoever scrapes often costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Final

from flask import Blueprint, Response, jsonify
from jinja2 import Environment, PackageLoader, StrictUndefined
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from feedsrv.clock import Clock, to_text
from feedsrv.publishing.watching.checks import CHECKS
from feedsrv.publishing.watching.results import Grade, Result, worst
from feedsrv.web.coding import coded
from feedsrv.web.guard import visitor
from feedsrv.web.headers import PAGE_SAFETY, UNCACHED, content_type
from feedsrv.web.page import ICON, page_files

Look = Callable[[], Sequence[Result]]
"""Sees and judges everything, the worst first."""

KEPT: Final = timedelta(seconds=30)
STYLESHEET: Final = "status.css"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a look came to, and when it began."""

    at: datetime
    results: tuple[Result, ...]

    @property
    def grade(self) -> Grade:
        """The worst."""
        return worst(self.results)

    @property
    def sentence(self) -> str:
        """Whether all is well, in one sentence."""
        critical = sum(one.grade is Grade.CRITICAL for one in self.results)
        warnings = sum(one.grade is Grade.WARNING for one in self.results)
        if not critical and not warnings:
            return f"All is well: {len(self.results)} things were looked at."
        told = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for count, word in ((critical, "critical finding"), (warnings, "warning"))
            if count
        ]
        stopped = any(one.stops_publishing for one in self.results)
        end = " Something cannot be published until then." if stopped else ""
        return f"Not all is well: {' and '.join(told)} to look at.{end}"

    def of(self, grade: Grade) -> tuple[Result, ...]:
        """Those of one grade."""
        return tuple(one for one in self.results if one.grade is grade)


class Watching:
    """Keeps the newest look for a while. Whoever asks while another look is under way gets the one before."""

    def __init__(self, look: Look, clock: Clock, *, kept: timedelta = KEPT) -> None:
        self._look = look
        self._clock = clock
        self._kept = kept
        self._lock = Lock()
        self._newest: Standing | None = None

    def now(self) -> Standing:
        """How things stand."""
        newest = self._newest
        if newest is not None and self._is_fresh(newest):
            return newest
        if not self._lock.acquire(blocking=newest is None):
            assert newest is not None
            return newest
        try:
            if self._newest is None or not self._is_fresh(self._newest):
                at = self._clock()
                self._newest = Standing(at, tuple(self._look()))
            return self._newest
        finally:
            self._lock.release()

    def _is_fresh(self, one: Standing) -> bool:
        # A clock that was set back must not keep an old look alive.
        return timedelta(0) <= self._clock() - one.at < self._kept


def status_blueprint(watching: Watching, publisher: str) -> Blueprint:
    """`/status`, `/status.json`, `/metrics`."""
    door = Blueprint("status", __name__)

    @door.get("/status")
    def page() -> Response:
        standing = watching.now()
        text = (
            _environment()
            .get_template("status.html")
            .render(
                standing=standing,
                publisher=publisher,
                has_desk=visitor() is not None,
                grades=(Grade.CRITICAL, Grade.WARNING, Grade.OK),
                stylesheet=STYLESHEET,
                icon=ICON,
            )
        )
        answer = Response(text, content_type=content_type("status.html"))
        answer.headers.extend(PAGE_SAFETY)
        return _uncached(answer)

    @door.get("/status.json")
    def document() -> Response:
        return _uncached(jsonify(as_json(watching.now())))

    @door.get("/metrics")
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(CheckGauges(watching))
        return _uncached(Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))

    @door.get(f"/<any({STYLESHEET},{ICON}):name>")
    def beside(name: str) -> Response:
        return _uncached(Response(_files()[name], content_type=content_type(name)))

    return door


def _uncached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = UNCACHED
    return answer


def as_json(standing: Standing) -> dict[str, object]:
    """How things stand, for programs; `feedsrv doctor --json` prints the same."""
    return {
        "at": to_text(standing.at),
        "grade": standing.grade.word,
        "sentence": standing.sentence,
        "results": [
            {
                "check": one.check,
                "subject": one.subject,
                "grade": one.grade.word,
                "sentence": one.sentence,
                "remedy": one.remedy,
                "value": one.value,
                "stopsPublishing": one.stops_publishing,
            }
            for one in standing.results
        ],
    }


class CheckGauges(Collector):
    """Every check as gauges."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    def describe(self) -> Iterable[Metric]:
        """Nothing: being registered must cost no look."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The grade of every result, and the number that belongs to it."""
        standing = self._watching.now()
        grades = GaugeMetricFamily(
            "feedsrv_check_grade",
            "0 where all is well, 1 for a warning, 2 for what is critical.",
            labels=("check", "subject"),
        )
        stops = GaugeMetricFamily(
            "feedsrv_publishing_stopped", "1 where a finding keeps something from being published, else 0."
        )
        looked = GaugeMetricFamily(
            "feedsrv_checks_looked_timestamp_seconds", "When the checks were run, in seconds since 1970."
        )
        stops.add_metric((), float(any(one.stops_publishing for one in standing.results)))
        looked.add_metric((), standing.at.timestamp())
        for one in standing.results:
            grades.add_metric((one.check, one.subject), float(one.grade))
        return (grades, stops, looked, *self._values(standing.results))

    def _values(self, results: Iterable[Result]) -> Iterable[Metric]:
        by_check: dict[str, list[Result]] = {}
        for one in results:
            if one.value is not None:
                by_check.setdefault(one.check, []).append(one)
        for check in CHECKS:
            if check.gauge is not None and check.name in by_check:
                family = GaugeMetricFamily(check.gauge, check.value, labels=("subject",))
                for one in by_check[check.name]:
                    assert one.value is not None
                    family.add_metric((one.subject,), one.value)
                yield family


@cache
def _files() -> dict[str, bytes]:
    """The page for people has its stylesheet already; what this one needs beyond it comes after."""
    theirs = page_files()
    ours = (files("feedsrv.web") / "static" / STYLESHEET).read_bytes()
    return {STYLESHEET: theirs["style.css"] + b"\n" + ours, ICON: theirs[ICON]}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("feedsrv.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["machine"] = to_text
    environment.filters["moment"] = lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    environment.filters["coded"] = coded
    return environment
