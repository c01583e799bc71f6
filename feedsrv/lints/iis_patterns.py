"""Patterns as IIS URL Rewrite matches them: ECMAScript, Wildcard and ExactMatch.

An ECMAScript pattern is searched anywhere in its input unless it is anchored. A Wildcard pattern must
match the whole input; `*` is its only special character and captures what it stood for. (The
module's reference gives `?` a meaning, too; the module does not.) ExactMatch must equal the whole input.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from regress import Regex, RegressError

from feedsrv.errors import BadInputError
from feedsrv.model.action import Syntax

Captures = tuple[str, ...]
"""What matched, then each group; a group that took no part is empty."""

# The module's engine is older than these; a pattern that needs them is refused, or never matches, there.
_TOO_NEW: Final = {
    "(?<=": "lookbehind",
    "(?<!": "lookbehind",
    "(?<": "a named group",
    r"\k<": "a named back-reference",
    r"\p{": "a Unicode property",
    r"\P{": "a Unicode property",
    r"\u{": "a long Unicode escape",
}
_LOOKS_LIKE_A_REGEX: Final = re.compile(r"^\^|\$$|\\[.dwsb/]|\(\?|\.[*+]|\[[^]]*\]")


class BadPatternError(BadInputError):
    """A pattern does not compile in the dialect it names."""

    code = "lint.bad_pattern"

    def __init__(self, pattern: str, syntax: Syntax, reason: str) -> None:
        super().__init__(f"pattern {pattern!r} is no {syntax} pattern: {reason}")
        self.reason = reason


class Matcher:
    """Compiles each pattern once and searches with it.

    `watch` is told each pattern and its input just before it is searched for, so that whoever waits
    outside can say which one never came back.
    """

    def __init__(self, watch: Callable[[str, str], None] | None = None) -> None:
        self._watch = watch
        self._compiled: dict[tuple[str, bool], Regex] = {}

    def search(self, pattern: str, syntax: Syntax, text: str, *, ignore_case: bool) -> Captures | None:
        """What a pattern captures from a text, or None where it does not match.

        Raises:
            BadPatternError: it does not compile.
        """
        regex = self.compile(pattern, syntax, ignore_case=ignore_case)
        self.tell(pattern, text)
        encoded = text.encode(errors="replace")  # Half a character, as JSON can hold it, is none.
        found = regex.find(encoded.decode())
        if found is None:
            return None
        # The engine counts in UTF-8 bytes.
        groups = [found.group(number) for number in range(count_groups(pattern, syntax) + 1)]
        return tuple("" if group is None else encoded[group].decode() for group in groups)

    def tell(self, pattern: str, text: str) -> None:
        """Let whoever watches know what is tried next."""
        if self._watch is not None:
            self._watch(pattern, text)

    def compile(self, pattern: str, syntax: Syntax, *, ignore_case: bool) -> Regex:
        """Compile a pattern.

        Raises:
            BadPatternError: it does not compile.
        """
        source = _as_ecmascript(pattern.encode(errors="replace").decode(), syntax)
        key = (source, ignore_case)
        if key not in self._compiled:
            try:
                self._compiled[key] = Regex(source, "i" if ignore_case else "")
            except RegressError as problem:
                raise BadPatternError(pattern, syntax, str(problem)) from None
        return self._compiled[key]


def pattern_slips(pattern: str, syntax: Syntax) -> tuple[str, ...]:
    r"""Known slips in a pattern, each a clause; empty where there are none.

    >>> pattern_slips(r"autodiscover\.json", Syntax.WILDCARD)
    ('it looks like a regular expression, but its syntax is Wildcard',)
    """
    try:
        Matcher().compile(pattern, syntax, ignore_case=False)
    except BadPatternError as problem:
        return (str(problem),)
    match syntax:
        case Syntax.ECMASCRIPT:
            # In order, so that lookbehind is not called a named group.
            newer = next((what for mark, what in _TOO_NEW.items() if mark in _without_escapes(pattern)), None)
            return (f"it uses {newer}, which IIS URL Rewrite does not have",) if newer else ()
        case Syntax.WILDCARD:
            if _LOOKS_LIKE_A_REGEX.search(pattern):
                return ("it looks like a regular expression, but its syntax is Wildcard",)
            return ("'?' stands for itself in a Wildcard pattern, not for any character",) * ("?" in pattern)
        case Syntax.EXACT:
            return ()


def count_groups(pattern: str, syntax: Syntax) -> int:
    r"""How many back-references a pattern fills, beside number 0.

    >>> count_groups(r"(a)[(](?:b)\((c(d)?)", Syntax.ECMASCRIPT), count_groups("*/*.html", Syntax.WILDCARD)
    (3, 2)
    """
    match syntax:
        case Syntax.WILDCARD:
            return pattern.count("*")
        case Syntax.EXACT:
            return 0
        case Syntax.ECMASCRIPT:
            return len(re.findall(r"\((?!\?)|\(\?<(?![=!])", _without_escapes(pattern)))


def _as_ecmascript(pattern: str, syntax: Syntax) -> str:
    match syntax:
        case Syntax.ECMASCRIPT:
            return pattern
        case Syntax.WILDCARD:
            return "^" + r"([\s\S]*)".join(map(_escaped, pattern.split("*"))) + "$"
        case Syntax.EXACT:
            return f"^{_escaped(pattern)}$"


def _escaped(text: str) -> str:
    return re.sub(r"[\\^$.|?*+()\[\]{}/]", r"\\\g<0>", text)


def _without_escapes(pattern: str) -> str:
    r"""The pattern without what stands for itself: `\(` and such, and character classes."""
    plain = re.sub(r"\\[^kpPu]", "", pattern)
    return re.sub(r"\[[^]]*\]", "", plain)
