"""What differs between two lines, marked within them.

So that a reviewer sees the two letters that were added to a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

from markupsafe import Markup, escape

_PIECES: Final = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_PIECES: Final = 400
"""Beyond so many, what lies between the common beginning and the common end is marked as one."""
_ALIKE: Final = 0.4
"""Below this share in common, marks here and there would say less than one mark."""


def marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Both texts as HTML, with what only one of them has in `mark` elements; all of it escaped.

    >>> marked("(?=.*auto)(?=.*<power)", "(?=.*auto.*)(?=.*<power)")[1]
    Markup('(?=.*auto<mark>.*</mark>)(?=.*&lt;power)')
    >>> marked("critical", "high")
    (Markup('<mark>critical</mark>'), Markup('<mark>high</mark>'))
    """
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    begin = _alike(old, new)
    end = _alike(old[begin:][::-1], new[begin:][::-1])
    codes = _codes(old[begin : len(old) - end], new[begin : len(new) - end])
    left = [(True, old[:begin]), *((same, old[begin + a : begin + b]) for same, a, b, _, _ in codes)]
    right = [(True, new[:begin]), *((same, new[begin + a : begin + b]) for same, _, _, a, b in codes)]
    if _share(left) < _ALIKE and _share(right) < _ALIKE and not end:
        return _line([(False, old)]), _line([(False, new)])
    return _line([*left, (True, old[len(old) - end :])]), _line([*right, (True, new[len(new) - end :])])


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many pieces two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(old, new, strict=False)))


def _codes(old: Sequence[str], new: Sequence[str]) -> list[tuple[bool, int, int, int, int]]:
    if max(len(old), len(new)) > _MOST_PIECES:
        return [(False, 0, len(old), 0, len(new))]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(tag == "equal", a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes()]


def _share(runs: Sequence[tuple[bool, Sequence[str]]]) -> float:
    """How much of a text, by its length, the other one has as well."""
    sizes = [(same, sum(map(len, pieces))) for same, pieces in runs]
    return sum(size for same, size in sizes if same) / (sum(size for _, size in sizes) or 1)


def _line(runs: Sequence[tuple[bool, Sequence[str]]]) -> Markup:
    return Markup("").join(_run(runs))


def _run(runs: Sequence[tuple[bool, Sequence[str]]]) -> Iterator[Markup]:
    for same, pieces in runs:
        text = escape("".join(pieces))
        yield text if same or not text else Markup("<mark>{}</mark>").format(text)
