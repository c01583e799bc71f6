"""Timing contenders in turn, so that a busy moment of the machine strikes each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Ratio:
    """How much one contender's median is of another's, and what it may be at most."""

    name: str
    baseline: str
    seconds: float
    baseline_seconds: float
    at_most: float | None
    """None where the ratio is shown for its own sake."""

    @property
    def value(self) -> float:
        """The ratio of medians."""
        return self.seconds / self.baseline_seconds

    @property
    def is_missed(self) -> bool:
        """True where it is more than it may be."""
        return self.at_most is not None and self.value > self.at_most

    def __str__(self) -> str:
        goal = (
            ""
            if self.at_most is None
            else f", at most {self.at_most:.2f}: {'MISSED' if self.is_missed else 'ok'}"
        )
        return (
            f"{self.name:<56} {self.seconds * 1000:>8.1f} ms  {self.value:>5.2f} x {self.baseline} "
            f"({self.baseline_seconds * 1000:.1f} ms){goal}"
        )


def medians(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    before: Mapping[str, Callable[[], object]] | None = None,
    watch: Callable[[], float] = perf_counter,
) -> dict[str, float]:
    """Seconds that each contender takes, as the median of its turns; a first turn is not counted.

    `before` is done ahead of each turn of the contender of that name, and not counted either. `watch` is what
    the time is read from: `process_time` leaves out what others on this machine do meanwhile.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            if before is not None:
                before[name]()
            begun = watch()
            run()
            if number:
                taken[name].append(watch() - begun)
    return {name: median(times) for name, times in taken.items()}
