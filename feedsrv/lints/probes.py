"""Inputs on which a pattern may be slow, made from its own structure.

Whatever is repeated is pumped: alone, and together with what lies between it and a repetition before.
Several texts of each part are tried, those first that other parts match as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from feedsrv.errors import BadInputError
from feedsrv.lints.ecmascript import Chars, Choice, Look, Node, Repeat, Sequence, read
from feedsrv.lints.variants import MOST_CHARACTERS

MOST_REPEATS: Final = 16
"""Longer patterns cannot be tried in all their pairs while somebody waits."""
MOST_TEXTS: Final = 4
"""So many ways through one part are tried."""
MANY: Final = 8
"""A part that repeats less often than this cannot take long."""

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
