"""Two texts line by line: as a unified diff, and side by side with unchanged stretches folded.

Both come from one comparison, whose cost is bounded: however large or repetitive the texts are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

_CONTEXT: Final = 3
"""Unchanged lines that are shown around a change."""
_MOST_WORK: Final = 300_000
"""Steps that the comparison may take line by line at worst; stretches beyond them are shown as replaced."""

SAME: Final = "same"
CHANGED: Final = "changed"
ADDED: Final = "added"
REMOVED: Final = "removed"
FOLDED: Final = "folded"

Opcode = tuple[str, int, int, int, int]
"""`equal`, `replace`, `delete` or `insert`, and the stretches of both sides, as `difflib` has them."""
Stretch = tuple[int, int]


# A tuple, since there may be ten thousand of them, and each attribute of a frozen object is set by a call.
class SidePair(NamedTuple):
    """One line on each side."""

    left_no: int | None
    """Counts from 1; None where the left side has no such line."""
    left: str
    right_no: int | None
    right: str
    kind: str
    """`same`, `changed`, `added`, `removed`; `folded` for a stretch that is left out, which says how long."""


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """How the old lines become the new ones; each stretch follows on the one before."""
    found: list[Opcode] = []
    for code in _Comparison(old, new).stretches():
        if found and found[-1][0] == code[0]:
            before = found.pop()
            found.append((code[0], before[1], code[2], before[3], code[4]))
        else:
            found.append(code)
    return found


def unified(old: Sequence[str], new: Sequence[str], codes: Sequence[Opcode], names: tuple[str, str]) -> str:
    """A unified diff; empty where both are the same."""
    lines: list[str] = []
    for group in _groups(codes):
        first, last = group[0], group[-1]
        lines.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += (f" {line}" for line in old[i1:i2])
            else:
                lines += (f"-{line}" for line in old[i1:i2])
                lines += (f"+{line}" for line in new[j1:j2])
    return "\n".join([f"--- {names[0]}", f"+++ {names[1]}", *lines]) if lines else ""


def lay_side_by_side(old: Sequence[str], new: Sequence[str], codes: Sequence[Opcode]) -> tuple[SidePair, ...]:
    """Both texts beside each other."""
    return tuple(_sides(old, new, codes))


def _sides(old: Sequence[str], new: Sequence[str], codes: Sequence[Opcode]) -> Iterator[SidePair]:
    shown = 0
    for group in _groups(codes):
        yield from _folded(group[0][1] - shown)
        for tag, i1, i2, j1, j2 in group:
            for step in range(max(i2 - i1, j2 - j1)):
                yield _pair(old, new, (i1 + step, i2), (j1 + step, j2), is_same=tag == "equal")
        shown = group[-1][2]
    yield from _folded(len(old) - shown)


def _pair(
    old: Sequence[str], new: Sequence[str], left: Stretch, right: Stretch, *, is_same: bool
) -> SidePair:
    (i, left_end), (j, right_end) = left, right
    has_left, has_right = i < left_end, j < right_end
    if is_same:
        kind = SAME
    elif has_left and has_right:
        kind = CHANGED
    else:
        kind = REMOVED if has_left else ADDED
    return SidePair(
        i + 1 if has_left else None,
        old[i] if has_left else "",
        j + 1 if has_right else None,
        new[j] if has_right else "",
        kind,
    )


def _folded(lines: int) -> Iterator[SidePair]:
    if lines:
        told = "1 line as before" if lines == 1 else f"{lines} lines as before"
        yield SidePair(None, told, None, told, FOLDED)


class _Comparison:
    """Cuts both texts at lines that each has once and in the same order, and compares what lies between.

    This is how patience diffs work. Without the cuts, `difflib` needs the square of the number of lines, and
    where one line stands a thousand times on both sides, even more.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._old = old
        self._new = new
        self._work = _MOST_WORK

    def stretches(self) -> Iterator[Opcode]:
        """Each stretch; neighbours may be of one kind."""
        old, new = self._old, self._new
        begin = _common(old, new)
        end = min(_common(old[::-1], new[::-1]), len(old) - begin, len(new) - begin)
        i = j = begin
        yield from _equal(0, 0, begin)
        for at_old, at_new in _anchors(old, new, (begin, len(old) - end), (begin, len(new) - end)):
            yield from self._between((i, at_old), (j, at_new))
            yield from _equal(at_old, at_new, 1)
            i, j = at_old + 1, at_new + 1
        yield from self._between((i, len(old) - end), (j, len(new) - end))
        yield from _equal(len(old) - end, len(new) - end, end)

    def _between(self, left: Stretch, right: Stretch) -> Iterator[Opcode]:
        (i1, i2), (j1, j2) = left, right
        if i1 == i2 or j1 == j2:
            if i1 < i2 or j1 < j2:
                yield "delete" if i1 < i2 else "insert", i1, i2, j1, j2
            return
        old, new = self._old[i1:i2], self._new[j1:j2]
        counted = Counter(new)
        pairs = sum(counted[line] for line in old)
        # It looks at every pair of equal lines to find the longest stretch, and again on both sides of it.
        steps = (pairs + len(old)) * min(len(old), len(new))
        if not pairs or steps > self._work:
            yield "replace", i1, i2, j1, j2
            return
        self._work -= steps
        for tag, a1, a2, b1, b2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield tag, i1 + a1, i1 + a2, j1 + b1, j1 + b2


def _equal(old: int, new: int, lines: int) -> Iterator[Opcode]:
    if lines:
        yield "equal", old, old + lines, new, new + lines


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def _anchors(old: Sequence[str], new: Sequence[str], left: Stretch, right: Stretch) -> list[tuple[int, int]]:
    """Lines that stand once in each stretch, as many as are in the same order."""
    here, there = _once(old, left), _once(new, right)
    return _rising([(at, there[line]) for line, at in here.items() if line in there])


def _once(lines: Sequence[str], stretch: Stretch) -> dict[str, int]:
    """Where each line stands that stands once, in order."""
    counted = Counter(lines[slice(*stretch)])
    return {lines[at]: at for at in range(*stretch) if counted[lines[at]] == 1}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest chain of pairs that rise on both sides; they rise on the left already."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for number, (_, right) in enumerate(pairs):
        at = bisect_left(ends, right)
        before.append(last[at - 1] if at else None)
        ends[at : at + 1] = [right]
        last[at : at + 1] = [number]
    chain: list[tuple[int, int]] = []
    here = last[-1] if last else None
    while here is not None:
        chain.append(pairs[here])
        here = before[here]
    return chain[::-1]


def _groups(codes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """Stretches that change, each with the lines around it."""
    group: list[Opcode] = []
    for number, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        is_last = number == len(codes) - 1
        if group and (is_last or i2 - i1 > 2 * _CONTEXT):
            shown = min(_CONTEXT, i2 - i1)
            yield [*group, ("equal", i1, i1 + shown, j1, j1 + shown)]
            group = []
        if not is_last:
            shown = i2 - i1 if group else min(_CONTEXT, i2 - i1)
            group.append(("equal", i2 - shown, i2, j2 - shown, j2))
    if group:
        yield group


def _span(start: int, end: int) -> str:
    """A stretch as a unified diff writes it."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"
