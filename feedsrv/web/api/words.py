"""What every document of the API has in common: how it is written, and the forms of its smallest parts."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from feedsrv.clock import to_text

LONGEST_TEXT: Final = 4_000
"""Characters of a text that people write."""
MOST_ITEMS: Final = 4_000
"""Of a list in one document: a mitigation has no more elements."""


class Words(BaseModel):
    """One document, or a part of one; its fields are described where they stand."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        ser_json_bytes="base64",
    )

    @classmethod
    def of(cls, found: object) -> Self:
        """The same, of a record whose attributes have these names."""
        return super().model_validate(found, from_attributes=True)


class Body(Words):
    """What a client sends: taken at its word, so that `"5"` is no number and `1` is not true."""

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:  # noqa: ANN401 -- as pydantic declares it
        """Read what a request's JSON was parsed to; dates and choices are texts there.

        Raises:
            ValidationError: it is of another shape.
        """
        return cls.model_validate_json(json.dumps(_whole_where_whole(obj)), strict=True)


def _whole_where_whole(found: object) -> object:
    """The same, in which 403.0 is 403: JSON knows one kind of number."""
    match found:
        case float() if found.is_integer():
            return int(found)
        case list():
            return [_whole_where_whole(one) for one in found]
        case dict():
            return {name: _whole_where_whole(one) for name, one in found.items()}
        case _:
            return found


_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


def _whole(written: object) -> object:
    # Python would take `1_000`, ` 5` and `5.0` for whole numbers, too.
    if isinstance(written, str) and not _DIGITS.fullmatch(written):
        raise ValueError("write a whole number in digits")
    return written


IN_DIGITS: Final = BeforeValidator(_whole)
"""Of a whole number in a path or a query; stands after its bounds."""

Number = Annotated[int, Field(ge=1, le=999_999_999), IN_DIGITS]
"""Of a revision, a version, a token and so on."""

Moment = Annotated[datetime, PlainSerializer(to_text, return_type=str, when_used="json")]
"""Such as `2026-11-22T12:30:00Z`, always UTC."""

InText = Annotated[str, BeforeValidator(str)]
"""Whatever has a form for people, in that form: a build, a range."""

MitigationId = Annotated[str, Field(pattern=r"^(M[0-9]{4}|PING1)$", max_length=5)]
"""`M` and four digits; `PING1` is the heartbeat."""
ProductId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", max_length=32)]
BuildNumber = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){3}$", max_length=43)]
Digest = Annotated[str, Field(pattern=r"^sha256-[A-Za-z0-9_-]{43}$", max_length=50)]
PersonName = Annotated[str, Field(min_length=1, max_length=64)]
Sentence = Annotated[str, Field(min_length=1, max_length=1_000)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


SourceName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$", max_length=200)]


class Source(Words):
    """Where a document comes from."""

    source: SourceName = "API"
    """For people and the audit log, such as a file's name and a commit."""


class Problem(Words):
    """Why a request was refused: RFC 9457, with a stable `code` for programs."""

    model_config = ConfigDict(extra="allow")

    type: str
    """Always `about:blank`: `code` says what it is."""
    title: str
    """The status in words."""
    status: int
    """The status."""
    detail: str
    """What was got, what was wanted and what to do, for people."""
    code: str
    """Stable; docs/refusals.md lists every one."""
    errors: list[FieldError] | None = None
    """Of a request that has another shape: every field that is wrong."""


class FieldError(Words):
    """One field that is wrong."""

    field: str
    """Where it stands, such as `body.actions.0.id`."""
    detail: str
    """What is wrong with it."""
    code: str
    """What kind of wrong, such as `missing`."""
