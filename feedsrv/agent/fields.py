"""Reading our own JSON files field by field, so that a wrong one is named and never half believed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from feedsrv.clock import from_text


class FieldError(ValueError):
    """A field is missing or of the wrong kind; the message names its path."""


class Fields:
    """One JSON object and the path that led to it."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise FieldError(f"{path or 'the file'} must be an object")
        self._values: Mapping[str, object] = value
        self.path = path

    @classmethod
    def parse(cls, content: str | bytes) -> Fields:
        """Read JSON that is to be one object.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(cast("object", json.loads(content)))
        except RecursionError:
            raise FieldError("it is nested deeper than any file of ours") from None

    def as_mapping(self) -> dict[str, object]:
        """The object itself."""
        return dict(self._values)

    def names(self) -> tuple[str, ...]:
        """The fields there are, as written."""
        return tuple(self._values)

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def value(self, name: str) -> object:
        """Any value; the field must be there."""
        if name not in self._values:
            raise FieldError(f"{self._at(name)} is missing")
        return self._values[name]

    def text(self, name: str) -> str:
        """A text."""
        value = self.value(name)
        if not isinstance(value, str):
            raise FieldError(f"{self._at(name)} must be a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text, or None where the field is null or missing."""
        return None if self._values.get(name) is None else self.text(name)

    def number(self, name: str) -> int:
        """A whole number."""
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldError(f"{self._at(name)} must be a whole number")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise FieldError(f"{self._at(name)} must be true or false")
        return value

    def moment(self, name: str) -> datetime:
        """A moment such as `2026-05-14T12:30:00Z`."""
        try:
            return from_text(self.text(name))
        except ValueError:
            raise FieldError(f"{self._at(name)} must be a moment such as 2026-05-14T12:30:00Z") from None

    def moment_or_none(self, name: str) -> datetime | None:
        """A moment, or None where the field is null or missing."""
        return None if self._values.get(name) is None else self.moment(name)

    def child(self, name: str) -> Fields:
        """An object."""
        return Fields(self.value(name), self._at(name))

    def child_or_none(self, name: str) -> Fields | None:
        """An object, or None where the field is null or missing."""
        return None if self._values.get(name) is None else self.child(name)

    def children(self, name: str) -> Iterator[Fields]:
        """A list of objects."""
        for index, value in enumerate(self._list(name)):
            yield Fields(value, f"{self._at(name)}[{index}]")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self._as_text(value, name) for value in self._list(name))

    def mapping(self, name: str) -> dict[str, object]:
        """An object whose fields are somebody else's business."""
        return self.child(name).as_mapping()

    def named(self, name: str) -> Iterator[tuple[str, Fields]]:
        """An object of objects."""
        outer = self.child(name)
        for key in outer.names():
            yield key, outer.child(key)

    def _list(self, name: str) -> list[object]:
        value = self.value(name)
        if not isinstance(value, list):
            raise FieldError(f"{self._at(name)} must be a list")
        return value

    def _as_text(self, value: object, name: str) -> str:
        if not isinstance(value, str):
            raise FieldError(f"{self._at(name)} must be a list of texts")
        return value
