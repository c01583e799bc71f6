"""What somebody typed into a small form: each field once, of bounded length, of its type."""

from __future__ import annotations

from datetime import date
from typing import Final

from flask import request

from feedsrv.errors import BadInputError
from feedsrv.model.lifecycle import Role

_MOST_DIGITS: Final = 9


class BadFieldError(BadInputError):
    """A field of a form cannot be used as it was sent."""

    code = "console.bad_field"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


def typed(name: str, *, most: int = 2_000) -> str:
    """The words of a field, without white space around them; empty where it was not sent.

    Raises:
        BadFieldError: sent twice, too long, or with what no text holds.
    """
    said = request.form.getlist(name)
    if len(said) > 1:
        raise BadFieldError(name, f"it came {len(said)} times; send it once")
    text = said[0].strip() if said else ""
    if len(text) > most:
        raise BadFieldError(name, f"{len(text)} characters; at most {most} fit")
    if "\x00" in text:
        raise BadFieldError(name, "holds a character that no text has; leave it out")
    return text


def typed_lines(name: str, *, most: int = 4_000) -> tuple[str, ...]:
    """The lines of a field that hold something; words on one line count one by one.

    Raises:
        BadFieldError: as `typed`.
    """
    return tuple(typed(name, most=most).replace(",", " ").split())


def typed_number(name: str) -> int:
    """A whole number from 0 up.

    Raises:
        BadFieldError: it is none.
    """
    text = typed(name)
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise BadFieldError(name, f"{text[:40]!a} is no whole number")
    return int(text)


def typed_day(name: str) -> date:
    """A day such as 2027-01-31.

    Raises:
        BadFieldError: it is none.
    """
    text = typed(name)
    try:
        # Python reads other ways to write a day, too; people here see one.
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise BadFieldError(name, f"{text[:40]!a} is no day such as 2027-01-31")
    return found


def typed_roles(name: str = "roles") -> frozenset[Role]:
    """The roles that were ticked.

    Raises:
        BadFieldError: one of them is none.
    """
    found = set()
    for said in request.form.getlist(name):
        try:
            found.add(Role(said))
        except ValueError:
            raise BadFieldError(name, f"{said[:40]!a} is no role; there are {', '.join(Role)}") from None
    return frozenset(found)
