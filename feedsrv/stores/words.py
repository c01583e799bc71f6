"""Frozen words as JSON and back, quick enough to read a thousand of them for each publication.

Made from the dataclasses themselves, so nothing has to be written down twice. Only this database
reads it: what is published is written by `codec`, and compared with what was approved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from feedsrv.clock import from_text, to_text
from feedsrv.model.build import Build

Word = TypeVar("Word")
_Plain = Any  # what JSON holds
_Reader = Callable[[_Plain], Any]


def _as_it_is(plain: _Plain) -> _Plain:
    return plain


_READERS: Final[Mapping[Any, _Reader]] = {
    str: _as_it_is,
    int: _as_it_is,
    bool: _as_it_is,
    datetime: from_text,
    date: date.fromisoformat,
    # Four numbers, since texts would have to be parsed again.
    Build: lambda plain: Build(*plain),
    timedelta: lambda plain: timedelta(seconds=plain),
}
# In this order: a moment is a date, too, and many an enumeration is a text.
_WRITERS: Final[tuple[tuple[Any, _Reader], ...]] = (
    (Build, lambda word: [word.major, word.minor, word.cumulative, word.security]),
    (datetime, to_text),
    (date, date.isoformat),
    (timedelta, lambda word: int(word.total_seconds())),
    (Enum, lambda word: word.value),
    (str | int | None, _as_it_is),
)


def to_json(word: object) -> str:
    """Write a word: an object of a dataclass, with all it holds."""
    return json.dumps(_plain(word), separators=(",", ":"), ensure_ascii=False)


def from_json(kind: type[Word], text: str) -> Word:
    """Read what `to_json` wrote."""
    hint: Any = kind
    read: Word = _reader(hint)(json.loads(text))
    return read


def _plain(word: object) -> _Plain:
    """Objects as lists of their fields, in order; where several kinds are possible, the kind comes first."""
    if is_dataclass(word) and not isinstance(word, Build | type):
        hints = _hints(type(word))
        return [_tagged(getattr(word, one.name), hints[one.name]) for one in fields(word)]
    if isinstance(word, tuple):
        return [_plain(one) for one in word]
    for kind, write in _WRITERS:
        if isinstance(word, kind):
            return write(word)
    raise TypeError(f"{type(word).__name__} is no word that is kept as JSON")


def _tagged(value: object, hint: object) -> _Plain:
    if _is_choice(hint):
        return [type(value).__name__, _plain(value)]
    if get_origin(hint) is tuple and _is_choice(get_args(hint)[0]):
        assert isinstance(value, tuple), hint
        return [_tagged(one, get_args(hint)[0]) for one in value]
    return _plain(value)


@cache
def _reader(hint: Any) -> _Reader:  # noqa: ANN401 -- any type hint of a field
    """What reads a value of that type; made once for each type."""
    if hint in _READERS:
        return _READERS[hint]
    if get_origin(hint) is tuple:
        return _tuple_reader(get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return _choice_reader(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {one.value: one for one in hint}.__getitem__
    return _object_reader(hint)


def _tuple_reader(hints: tuple[Any, ...]) -> _Reader:
    if len(hints) == 2 and hints[1] is Ellipsis:
        read = _reader(hints[0])
        if read is _as_it_is:
            return tuple
        return lambda plain: tuple(map(read, plain))
    readers = [_reader(one) for one in hints]
    return lambda plain: tuple(read(one) for read, one in zip(readers, plain, strict=True))


def _choice_reader(hints: tuple[Any, ...]) -> _Reader:
    kinds = [one for one in hints if one is not type(None)]
    if len(kinds) == 1:
        only = _reader(kinds[0])
        return lambda plain: None if plain is None else only(plain)
    readers = {kind.__name__: _reader(kind) for kind in kinds}
    return lambda plain: readers[plain[0]](plain[1])


def _object_reader(kind: Any) -> _Reader:  # noqa: ANN401 -- a dataclass
    if not is_dataclass(kind) or not isinstance(kind, type):
        raise TypeError(f"{kind} is no word that is kept as JSON")
    hints = _hints(kind)
    readers = [_reader(hints[one.name]) for one in fields(kind)]

    def read(plain: _Plain) -> object:
        return kind(*[reader(one) for reader, one in zip(readers, plain, strict=True)])

    return read


def _is_choice(hint: object) -> bool:
    """True for a union of several kinds of objects, such as the kinds of actions."""
    if get_origin(hint) not in {Union, UnionType}:
        return False
    return len([one for one in get_args(hint) if one is not type(None)]) > 1


@cache
def _hints(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- a dataclass
    return get_type_hints(kind)
