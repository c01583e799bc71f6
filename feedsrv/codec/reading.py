"""What the readers of all documents share: texts, dates and flags of an element, refusals with their place.

By the time these run, the grammar has been checked: what is required is there, and has its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final

from lxml import etree
from lxml.etree import _Element

from feedsrv import clock
from feedsrv.codec.parsing import MeaningError, SchemaError, XmlError, path_of
from feedsrv.errors import BadInputError

_BLANKS: Final = re.compile(r"[ \t\r\n]+")


def collapse(text: str) -> str:
    r"""White space as the grammar counts it: runs become one blank, none at the ends.

    >>> collapse("  two\n   words ")
    'two words'
    """
    return _BLANKS.sub(" ", text).strip(" ")


def name_of(element: _Element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def text_of(element: _Element) -> str:
    """The text of an element, collapsed. A comment inside does not cut it short."""
    tails = [child.tail or "" for child in element]
    return collapse("".join([element.text or "", *tails]))


def moment(element: _Element, name: str, *, source: str) -> datetime:
    """The moment in an attribute."""
    try:
        return clock.from_text(element.get(name, ""))
    except ValueError:
        raise _no_such_time(element, source, f"/@{name}") from None


def day(text: str, element: _Element, *, source: str) -> date:
    """The day that `text`, found in `element`, names."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _no_such_time(element, source, "") from None


def flag(element: _Element, name: str, *, default: bool) -> bool:
    """A yes or no in an attribute."""
    value = element.get(name)
    return default if value is None else value == "true"


@contextmanager
def meaning(element: _Element, *, source: str) -> Iterator[None]:
    """Give a refusal by the words, raised inside, the place of `element`; its code stays.

    Raises:
        MeaningError: the words refused.
    """
    try:
        yield
    except XmlError:
        raise
    except BadInputError as cause:
        raise MeaningError(cause, source=source, line=element.sourceline, path=path_of(element)) from cause


def _no_such_time(element: _Element, source: str, suffix: str) -> SchemaError:
    return SchemaError(
        "there is no such date", source=source, line=element.sourceline, path=path_of(element) + suffix
    )
