"""The structure of an ECMAScript pattern: enough of it to make texts that it half matches.

For patterns that the engine has compiled already, so nothing is refused here but nesting too deep to
follow. Sets of characters are kept as their members of one small alphabet. Anchors, word boundaries and
back-references match no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from feedsrv.errors import BadInputError

ALPHABET: Final = frozenset(map(chr, range(0x20, 0x7F))) | {"\t", "\n", "\r", "\x01", "é"}
MOST_NESTED: Final = 50
WITHOUT_END: Final = 1 << 30
"""For a repetition without an upper bound."""

_BREAKS: Final = frozenset("\n\r")
_DIGITS: Final = frozenset("0123456789")
_WORD: Final = frozenset(one for one in ALPHABET if one.isascii() and (one.isalnum() or one == "_"))
_BLANK: Final = frozenset(" \t\n\r")
_SETS: Final = {
    "d": _DIGITS,
    "D": ALPHABET - _DIGITS,
    "w": _WORD,
    "W": ALPHABET - _WORD,
    "s": _BLANK,
    "S": ALPHABET - _BLANK,
}
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "0": "\0"}
_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!")


class TooNestedError(BadInputError):
    """A pattern's groups lie so deep in each other that nobody can follow them."""

    code = "lint.too_nested"

    def __init__(self) -> None:
        super().__init__(f"its groups lie more than {MOST_NESTED} deep in each other")


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other; nothing at all, where it has no parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One part or another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part again and again."""

    body: Node
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Look:
    """What must or must not come next, or have come before; it takes up no text."""

    body: Node


Node = Chars | Sequence | Choice | Repeat | Look
NOTHING: Final = Sequence(())


def read(pattern: str) -> Node:
    """Read a pattern that compiles.

    Raises:
        TooNestedError: more than `MOST_NESTED` groups in each other.
    """
    return _Reader(pattern).choice(0)


class _Reader:
    """Reads a pattern from left to right, keeping its place."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def choice(self, depth: int) -> Node:
        """Alternatives up to a closing parenthesis or the end."""
        if depth > MOST_NESTED:
            raise TooNestedError
        parts = [self._sequence(depth)]
        while self._take("|"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._quantified(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self, atom: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        self._take("?")  # Lazy: the same texts, in another order.
        return Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int] | None:
        for mark, bounds in (("*", (0, WITHOUT_END)), ("+", (1, WITHOUT_END)), ("?", (0, 1))):
            if self._take(mark):
                return bounds
        if not self._pattern.startswith("{", self._at):
            return None
        end = self._pattern.find("}", self._at)
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or not (most.isdecimal() or not most):
            return None  # A brace that stands for itself.
        self._at = end + 1
        bound = min(int(least), WITHOUT_END)
        return bound, min(int(most), WITHOUT_END) if most else WITHOUT_END if comma else bound

    def _atom(self, depth: int) -> Node:
        one = self._next()
        if one == "(":
            return self._group(depth)
        if one == "[":
            return self._class()
        if one == ".":
            return Chars(ALPHABET - _BREAKS)
        if one in "^$":
            return NOTHING
        if one == "\\":
            return self._escape()
        return Chars(frozenset(one))

    def _group(self, depth: int) -> Node:
        look = next((mark for mark in _LOOKS if self._pattern.startswith(mark, self._at - 1)), None)
        if look is not None:
            self._at += len(look) - 1
        elif self._take("?<"):
            self._skip_name()
        else:
            self._take("?:")
        inside = self.choice(depth + 1)
        self._take(")")
        return inside if look is None else Look(inside)

    def _skip_name(self) -> None:
        """To behind the name of a group; without its end, it was none."""
        self._at = max(self._at, self._pattern.find(">", self._at) + 1)

    def _escape(self) -> Node:
        one = self._next()
        if one in "bB" or one in "123456789k":
            if one == "k" and self._take("<"):
                self._skip_name()
            return NOTHING
        return Chars(self._escaped(one))

    def _escaped(self, one: str) -> frozenset[str]:
        """What a backslash and this character stand for."""
        if one in _SETS:
            return _SETS[one]
        digits = {"x": 2, "u": 4}.get(one)
        if digits is not None:
            number = self._pattern[self._at : self._at + digits]
            if len(number) == digits and all(digit in "0123456789abcdefABCDEF" for digit in number):
                self._at += digits
                return frozenset(chr(int(number, 16)))
        if one == "c" and self._at < len(self._pattern):
            return frozenset(chr(ord(self._next()) % 32))
        return frozenset(_CONTROLS.get(one, one))

    def _class(self) -> Node:
        is_negated = self._take("^")
        members: set[str] = set()
        while not self._take("]"):
            first = self._member()
            if len(first) == 1 and self._is_range():
                self._take("-")
                last = self._member()
                low, high = min(first), min(last)
                members |= {one for one in ALPHABET if low <= one <= high} | first | last
            else:
                members |= first
        return Chars(ALPHABET - members if is_negated else frozenset(members))

    def _is_range(self) -> bool:
        return self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at)

    def _member(self) -> frozenset[str]:
        one = self._next()
        if one != "\\":
            return frozenset(one)
        escaped = self._next()
        return frozenset("\b") if escaped == "b" else self._escaped(escaped)

    def _next(self) -> str:
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, mark: str) -> bool:
        if not self._pattern.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True
