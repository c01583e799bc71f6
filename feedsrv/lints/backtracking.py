"""How long a pattern computes on the worst input that can be made from its own structure.

The growth is measured, and carried on to the longest request that IIS takes. That the pattern may not
come back at all while this measures is why `gate_process` runs it. Wildcards are not tried: they are no
regular expressions where they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import exp, log
from time import thread_time
from typing import Final

from feedsrv.lints.ecmascript import TooNestedError
from feedsrv.lints.iis_patterns import BadPatternError, Matcher
from feedsrv.lints.judging import Objection
from feedsrv.lints.probes import Probe, TooManyRepeatsError, probes
from feedsrv.model.action import InboundRule, OutboundRule, Syntax

MOST_SECONDS: Final = 6.0
"""What one request may cost. Squares of the length stay below one second, cubes begin at a minute."""

_FOR_EVER: Final = 1e18
_MEASURABLE: Final = 0.0005
_LONG: Final = 0.1
_SHORT: Final = 48


@dataclass(frozen=True, slots=True)
class Slow:
    """A probe that shows a pattern to be slow."""

    probe: Probe
    seconds: float
    """What the longest such request would cost, carried on from what was measured."""

    def __str__(self) -> str:
        ends = f", then {self.probe.end!r}" if self.probe.end else ""
        starts = f"{self.probe.start!r}, then " if self.probe.start else ""
        return f"{starts}{self.probe.pump!r} {self.probe.most_times} times{ends}"


def slowest(pattern: str, clock: Clock) -> Slow | None:
    """The first probe on which a pattern would compute for too long, or None.

    Raises:
        TooNestedError: its groups lie too deep in each other.
        TooManyRepeatsError: it repeats too many parts.
    """
    for probe in probes(pattern):
        seconds = _projected(probe, clock)
        if seconds > MOST_SECONDS:
            return Slow(probe, seconds)
    return None


@dataclass(frozen=True, slots=True)
class Clock:
    """Measures how long a search computes."""

    find: Callable[[str], object]
    tell: Callable[[str], None] = lambda _: None
    """Hears each input before it is tried."""

    def time(self, text: str) -> float:
        """The computing time of one search, in seconds; the least of three, where it can be waited for.

        Whatever else this process does in between only ever makes it longer.
        """
        self.tell(text)
        least = self._once(text)
        if _MEASURABLE < least < _LONG:
            least = min(least, self._once(text), self._once(text))
        return least

    def _once(self, text: str) -> float:
        # Of the thread: under a limit on its computing time, a process is told its time in coarse ticks.
        before = thread_time()
        self.find(text)
        return thread_time() - before


def _projected(probe: Probe, clock: Clock) -> float:
    """What the longest such request would cost, in seconds."""
    points: list[tuple[int, float]] = []
    for times in _ladder(probe):
        points.append((times, clock.time(probe.text(times))))
        if points[-1][1] > _MEASURABLE:
            break
    times, seconds = points[-1]
    if times == probe.most_times:
        return seconds
    # From half of it on, so that neither noise nor what the start costs weighs much.
    earlier, less = next((point for point in reversed(points) if point[0] * 2 <= times), points[0])
    power: float = log(seconds / max(less, 1e-7)) / log(times / earlier) if earlier < times else 1.0
    # In logarithms, so that what would outlast the universe is still a number.
    return exp(min(log(_FOR_EVER), log(seconds) + power * log(probe.most_times / times)))


def _ladder(probe: Probe) -> Iterator[int]:
    """Ever longer, slowly at first: what doubles with every character should be caught early."""
    times = 1
    while times < probe.most_times:
        yield times
        is_short = times * len(probe.pump) < _SHORT
        times += max(1, 2 // len(probe.pump)) if is_short else max(1, times // 2)
    yield probe.most_times


def backtracking_of(rule: InboundRule | OutboundRule, matcher: Matcher) -> Iterator[Objection]:
    """Each pattern of a rule that compiles, and would compute for too long on some request."""
    for pattern, ignore_case in dict.fromkeys(_patterns(rule)):
        try:
            regex = matcher.compile(pattern, Syntax.ECMASCRIPT, ignore_case=ignore_case)
            slow = slowest(pattern, Clock(regex.find, partial(matcher.tell, pattern)))
        except BadPatternError:
            continue  # A slip, and named as one.
        except (TooNestedError, TooManyRepeatsError) as problem:
            yield f"pattern {pattern!r} cannot be tried for its worst case: {problem}", "write it shorter"
            continue
        if slow is not None:
            remedy = "rewrite it so that no two parts can match the same text: [^;]* for .*, one * for two"
            yield f"pattern {pattern!r} backtracks: {slow} takes {_in_words(slow.seconds)}", remedy


def _patterns(rule: InboundRule | OutboundRule) -> Iterator[tuple[str, bool]]:
    """The regular expressions of a rule; what IIS matches otherwise does not backtrack there."""
    if rule.syntax is Syntax.ECMASCRIPT:
        yield rule.pattern, rule.ignore_case
        yield from ((one.pattern, one.ignore_case) for one in rule.conditions)
    first = rule.preconditions if isinstance(rule, OutboundRule) else None
    if first is not None and first.syntax is Syntax.ECMASCRIPT:
        yield from ((one.pattern, one.ignore_case) for one in first.conditions)


def _in_words(seconds: float) -> str:
    """A span, as rough as what it is known from."""
    for unit, length in ("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60):
        if seconds >= 2 * length:
            return unit
    return "many seconds"
