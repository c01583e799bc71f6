"""How long a pattern computes on the worst input that can be made from its own structure.

Whatever is repeated is pumped: alone, and together with what lies between it and a repetition before.
Then the growth is measured, and carried on to the longest request that IIS takes. That the pattern may
not come back at all while this measures is why `gate_process` runs it. Wildcards are not tried: they are
no regular expressions where they run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import exp, log
from time import thread_time
from typing import Final

from feedsrv.errors import BadInputError
from feedsrv.lints.ecmascript import Chars, Choice, Look, Node, Repeat, Sequence, TooNestedError, read
from feedsrv.lints.iis_patterns import BadPatternError, Matcher
from feedsrv.lints.judging import Objection
from feedsrv.lints.variants import MOST_CHARACTERS
from feedsrv.model.action import InboundRule, OutboundRule, Syntax

MOST_REPEATS: Final = 16
"""Longer patterns cannot be tried in all their pairs while somebody waits."""
MOST_TEXTS: Final = 4
"""So many ways through one part are tried."""
MANY: Final = 8
"""A part that repeats less often than this cannot take long."""
MOST_SECONDS: Final = 6.0
"""What one request may cost. Squares of the length stay below one second, cubes begin at a minute."""
_FOR_EVER: Final = 1e18
_MEASURABLE: Final = 0.0005
_LONG: Final = 0.1
_SHORT: Final = 48
_LONGEST_UNIT: Final = 64
_ENDS: Final = ("\x01\n", "")
"""What hardly any part matches; and nothing, which leaves out what is still wanted."""


class TooManyRepeatsError(BadInputError):
    """A pattern repeats so many parts that their worst case cannot be looked for."""

    code = "lint.too_many_repeats"

    def __init__(self, repeats: int) -> None:
        super().__init__(f"it repeats {repeats} parts; no more than {MOST_REPEATS} can be tried together")


@dataclass(frozen=True, slots=True)
class Probe:
    """An input on which a pattern may be slow."""

    start: str
    pump: str
    end: str

    def text(self, times: int) -> str:
        """The input with its middle so many times."""
        return self.start + self.pump * times + self.end

    @property
    def most_times(self) -> int:
        """How often the middle fits into the longest request."""
        return max(1, (MOST_CHARACTERS - len(self.start) - len(self.end)) // len(self.pump))


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


@dataclass(frozen=True, slots=True)
class _Site:
    """A repetition, and the parts that come before it."""

    before: tuple[Node, ...]
    repeat: Repeat


def probes(pattern: str) -> tuple[Probe, ...]:
    """Inputs on which a pattern may be slow, none twice.

    Raises:
        TooNestedError: its groups lie too deep in each other.
        TooManyRepeatsError: it repeats too many parts.
    """
    root = read(pattern)
    sites = list(_sites(root, ()))
    if len(sites) > MOST_REPEATS:
        raise TooManyRepeatsError(len(sites))
    rank = Counter(one for chars in _all_chars(root) for one in chars.members)
    found: dict[Probe, None] = {}
    for start, pump in (*_alone(sites, rank), *_in_pairs(sites, rank)):
        if pump and len(start) + len(pump) < MOST_CHARACTERS // MANY:
            found.update(dict.fromkeys(Probe(start, pump, end) for end in _ENDS))
    return tuple(found)


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


def _sites(node: Node, before: tuple[Node, ...]) -> Iterator[_Site]:
    match node:
        case Repeat(body=body, most=most):
            if most >= MANY:
                yield _Site(before, node)
            yield from _sites(body, before)
        case Sequence(parts=parts):
            for number, part in enumerate(parts):
                yield from _sites(part, (*before, *parts[:number]))
        case Choice(parts=parts):
            for part in parts:
                yield from _sites(part, before)
        case Look(body=body):
            yield from _sites(body, before)
        case Chars():
            pass


def _all_chars(node: Node) -> Iterator[Chars]:
    match node:
        case Chars():
            yield node
        case Repeat(body=body) | Look(body=body):
            yield from _all_chars(body)
        case Sequence(parts=parts) | Choice(parts=parts):
            for part in parts:
                yield from _all_chars(part)


def _alone(sites: list[_Site], rank: Counter[str]) -> Iterator[tuple[str, str]]:
    """Each repetition after what must come before it."""
    for site in sites:
        for text in _texts(site.repeat.body, rank):
            yield _shortest(site.before, rank), text


def _in_pairs(sites: list[_Site], rank: Counter[str]) -> Iterator[tuple[str, str]]:
    """What lies from one repetition to the next, so that both can take any share of it.

    A search that is not anchored begins anywhere, which is a repetition before the first part.
    """
    for late in sites:
        for unit in _texts(late.repeat.body, rank)[:1]:
            yield "", _shortest(late.before, rank) + unit
        for early in sites:
            split = len(early.before)
            if split < len(late.before) and late.before[:split] == early.before:
                between = _shortest(late.before[split + 1 :], rank)
                for unit in _texts(early.repeat.body, rank)[:1]:
                    yield _shortest(early.before, rank), unit + between
                    yield _shortest(early.before, rank), between


def _shortest(parts: tuple[Node, ...], rank: Counter[str]) -> str:
    return _texts(Sequence(parts), rank, shortest=True)[0]


def _texts(node: Node, rank: Counter[str], *, shortest: bool = False) -> list[str]:
    """Some texts that a part matches; characters that other parts match as well come first."""
    match node:
        case Chars(members=members):
            return sorted(members, key=lambda one: (-rank[one], not one.isalnum(), one))[:2] or [""]
        case Sequence(parts=parts):
            columns = [_texts(part, rank, shortest=shortest) for part in parts]
            rows = min(MOST_TEXTS, max(map(len, columns), default=1))
            return _some(
                "".join(column[min(row, len(column) - 1)] for column in columns) for row in range(rows)
            )
        case Choice(parts=parts):
            columns = [_texts(part, rank, shortest=shortest) for part in parts]
            return _some(column[row] for row in range(2) for column in columns if row < len(column))
        case Repeat(body=body, least=least, most=most):
            least = min(least, _LONGEST_UNIT)
            if shortest:
                return [_texts(body, rank, shortest=True)[0] * least]
            texts = _texts(body, rank)
            return _some((*(text * max(1, least) for text in texts), texts[0] * min(most, least + 2)))
        case Look():
            return [""]


def _some(texts: Iterator[str] | tuple[str, ...]) -> list[str]:
    return [text for text, _ in zip(dict.fromkeys(texts), range(MOST_TEXTS), strict=False)]


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
