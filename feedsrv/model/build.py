"""Builds of a product and ranges of them: the one way in which "affected" is decided."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from feedsrv.errors import BadInputError

_BUILD: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.(?:0|[1-9][0-9]{0,9})){3}")


class BadBuildError(BadInputError):
    """A build is not four whole numbers joined by dots."""

    code = "build.malformed"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} is not a build: write four whole numbers joined by dots, without leading "
            "zeros, such as 15.2.1118.7"
        )


class BadRangeError(BadInputError):
    """A range of builds ends at or before its beginning."""

    code = "build.empty_range"

    def __init__(self, introduced: Build, fixed: Build) -> None:
        super().__init__(f"the fix {fixed} must lie above {introduced}, the first affected build")


@dataclass(frozen=True, slots=True, order=True)
class Build:
    """A four-part product build; builds compare in release order.

    >>> Build.parse("15.2.986.5") < Build.parse("15.2.1118.7")
    True
    """

    major: int
    minor: int
    cumulative: int
    security: int

    @classmethod
    def parse(cls, text: str) -> Build:
        """Read a build such as `15.2.1118.7`.

        Raises:
            BadBuildError: not four whole numbers joined by dots.
        """
        if not _BUILD.fullmatch(text):
            raise BadBuildError(text)
        return cls(*map(int, text.split(".")))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.cumulative}.{self.security}"


@dataclass(frozen=True, slots=True, order=True)
class BuildRange:
    """Builds from `introduced` up to, and without, `fixed`.

    `fixed` is None while no cumulative update holds the fix.

    >>> BuildRange(Build(7, 0, 2046, 123), Build(7, 0, 2046, 521)).holds(Build(7, 0, 2046, 521))
    False
    """

    introduced: Build
    fixed: Build | None = None

    def __post_init__(self) -> None:
        if self.fixed is not None and self.fixed <= self.introduced:
            raise BadRangeError(self.introduced, self.fixed)

    def holds(self, build: Build) -> bool:
        """True where a server that runs this build is affected."""
        return self.introduced <= build and (self.fixed is None or build < self.fixed)

    def __str__(self) -> str:
        return f"{self.introduced} up to {self.fixed or 'any'}"
