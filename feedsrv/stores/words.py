"""Frozen words as JSON and back, quick enough to read a thousand of them for each publication.

Made from the dataclasses themselves, so nothing has to be written down twice. Only this database
reads it: what is published is written by `codec`, and compared with what was approved.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from feedsrv.clock import to_text
from feedsrv.model.build import Build

Word = TypeVar("Word")
_Plain = Any  # what JSON holds
_Reader = Callable[[_Plain], Any]
_Writer = Callable[[Any], _Plain]


def _as_it_is(plain: _Plain) -> _Plain:
    return plain


# How each plain type is written and read. Moments are read by the quickest that reads what `to_text` wrote.
_PLAIN: Final[Mapping[Any, tuple[_Writer, _Reader]]] = {
    str: (_as_it_is, _as_it_is),
    int: (_as_it_is, _as_it_is),
    bool: (_as_it_is, _as_it_is),
    bytes: (lambda word: b64encode(word).decode("ascii"), b64decode),
    datetime: (to_text, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    timedelta: (lambda word: int(word.total_seconds()), lambda plain: timedelta(seconds=plain)),
    # Four numbers, since texts would have to be parsed again.
    Build: (attrgetter("major", "minor", "cumulative", "security"), lambda plain: Build(*plain)),
}


def to_json(word: object) -> str:
    """Write a word: an object of a dataclass, with all it holds."""
    kind: Any = type(word)
    return json.dumps(_writer(kind)(word), separators=(",", ":"), ensure_ascii=False)


def from_json(kind: type[Word], text: str) -> Word:
    """Read what `to_json` wrote."""
    hint: Any = kind
    read: Word = _reader(hint)(json.loads(text))
    return read


@cache
def _writer(hint: Any) -> _Writer:  # noqa: ANN401 -- any type hint of a field
    """What writes a value of that type; made once for each type.

    Objects become lists of their fields, in order; where several kinds are possible, the kind comes first.
    """
    if hint in _PLAIN:
        return _PLAIN[hint][0]
    if get_origin(hint) is tuple:
        return _tuple_writer(get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return _choice_writer(_kinds(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return attrgetter("value")
    parts = [(attrgetter(name), _writer(kind)) for name, kind in _fields(hint)]
    return lambda word: [write(part(word)) for part, write in parts]


def _tuple_writer(hints: tuple[Any, ...]) -> _Writer:
    if len(hints) == 2 and hints[1] is Ellipsis:
        write = _writer(hints[0])
        return lambda words: [write(word) for word in words]
    writers = [_writer(hint) for hint in hints]
    return lambda words: [write(word) for write, word in zip(writers, words, strict=True)]


def _choice_writer(kinds: tuple[Any, ...]) -> _Writer:
    if len(kinds) == 1:
        only = _writer(kinds[0])
        return lambda word: None if word is None else only(word)
    writers = {kind: _writer(kind) for kind in kinds}
    return lambda word: [type(word).__name__, writers[type(word)](word)]


@cache
def _reader(hint: Any) -> _Reader:  # noqa: ANN401 -- any type hint of a field
    """What reads a value of that type; made once for each type."""
    if hint in _PLAIN:
        return _PLAIN[hint][1]
    if get_origin(hint) is tuple:
        return _tuple_reader(get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return _choice_reader(_kinds(hint))
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


def _choice_reader(kinds: tuple[Any, ...]) -> _Reader:
    if len(kinds) == 1:
        only = _reader(kinds[0])
        return lambda plain: None if plain is None else only(plain)
    readers = {kind.__name__: _reader(kind) for kind in kinds}
    return lambda plain: readers[plain[0]](plain[1])


def _object_reader(kind: Any) -> _Reader:  # noqa: ANN401 -- a dataclass
    readers = [_reader(part) for _, part in _fields(kind)]
    # What an older version kept lacks the fields that were added at the end since, with a default.
    needed = sum(one.default is MISSING and one.default_factory is MISSING for one in fields(kind))

    def read(plain: _Plain) -> object:
        if not needed <= len(plain) <= len(readers):
            raise ValueError(f"{kind.__name__} with {len(plain)} fields")
        return kind(*[reader(one) for reader, one in zip(readers, plain, strict=False)])

    return read


def _kinds(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- a union
    """The kinds of objects in a union, such as the kinds of actions, without None."""
    return tuple(kind for kind in get_args(hint) if kind is not type(None))


def _fields(kind: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 -- a dataclass
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no word that is kept as JSON")
    hints = get_type_hints(kind)
    return [(one.name, hints[one.name]) for one in fields(kind)]
