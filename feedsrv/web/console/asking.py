"""What an address asks for, read from its query; a value that nobody offers is refused by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from flask import request

from feedsrv.errors import BadInputError

Chosen = TypeVar("Chosen", bound=str)
_MOST_DIGITS: Final = 18
"""More than any number here has, and few enough for every database."""


class BadQuestionError(BadInputError):
    """An address asks for something that there is not."""

    code = "console.bad_question"


def one_of(name: str, known: Iterable[Chosen]) -> Chosen | None:
    """The value of that name; None where it is missing or empty.

    Raises:
        BadQuestionError: none of those there are.
    """
    said = request.args.get(name, "").strip()
    if not said:
        return None
    choices = {str(one): one for one in known}
    if said not in choices:
        raise BadQuestionError(f"{name}={said[:40]!r} is none of {', '.join(choices)}")
    return choices[said]


def number(name: str) -> int | None:
    """The whole number of that name; None where it is missing or empty.

    Raises:
        BadQuestionError: no whole number.
    """
    said = request.args.get(name, "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS):
        raise BadQuestionError(f"{name}={said[:40]!r} is no whole number")
    return int(said)


def text(name: str, *, most: int = 100) -> str | None:
    """The words of that name, on one line; None where they are missing or empty.

    Raises:
        BadQuestionError: too long.
    """
    said = " ".join(request.args.get(name, "").split())
    if len(said) > most:
        raise BadQuestionError(f"{name} has {len(said)} letters; at most {most} are looked for")
    return said or None
