"""Refusals of this room: each names the file, the line and the place, and says what to do.

Whoever wrote the document must act, so all of them are bad input.
"""

from __future__ import annotations

from typing import ClassVar

from feedsrv.errors import BadInputError


class XmlError(BadInputError):
    """A document was not accepted as one of ours."""

    code = "xml"

    def __init__(
        self, sentence: str, *, source: str, line: int | None = None, path: str | None = None
    ) -> None:
        place = [source]
        if line is not None:
            place.append(f"line {line}")
        if path is not None:
            place.append(path)
        super().__init__(f"{', '.join(place)}: {sentence}")
        self.sentence = sentence
        self.source = source
        self.line = line
        self.path = path


class TooLargeError(XmlError):
    """More bytes than a document of this kind may have."""

    code = "xml.too_large"


class EncodingError(XmlError):
    """Not UTF-8 without a byte order mark."""

    code = "xml.encoding"


class MalformedError(XmlError):
    """Not well-formed XML."""

    code = "xml.malformed"


class DtdError(XmlError):
    """A document type declaration, and with it entities; none of ours needs one."""

    code = "xml.dtd"


class ProcessingInstructionError(XmlError):
    """A processing instruction; some verifiers drop it, and then the signature fails."""

    code = "xml.processing_instruction"


class TooDeepError(XmlError):
    """Elements inside elements, further than any document of ours."""

    code = "xml.too_deep"


class TooManyElementsError(XmlError):
    """More elements than a document of this kind may have."""

    code = "xml.too_many_elements"


class TooManyAttributesError(XmlError):
    """More attributes and namespace declarations than any element of ours has."""

    code = "xml.too_many_attributes"


class TextTooLongError(XmlError):
    """A text, tag or comment longer than any of ours."""

    code = "xml.text_too_long"


class NotPortableError(XmlError):
    """Something that not every reader reads alike, so a signature over it would not hold everywhere."""

    code = "xml.not_portable"


class SchemaError(XmlError):
    """Well-formed, but not in the grammar. `others` holds further sentences, each with its place."""

    code = "xml.schema"

    def __init__(
        self,
        sentence: str,
        *,
        source: str,
        line: int | None = None,
        path: str | None = None,
        others: tuple[str, ...] = (),
    ) -> None:
        super().__init__("\n".join([sentence, *others]), source=source, line=line, path=path)
        self.others = others


class MeaningError(XmlError):
    """In the grammar, but the words contradict themselves; `code` is that of the words' own refusal."""

    code: ClassVar[str] = "xml.meaning"

    def __init__(
        self, cause: BadInputError, *, source: str, line: int | None = None, path: str | None = None
    ) -> None:
        super().__init__(str(cause), source=source, line=line, path=path)
        self.code = cause.code  # type: ignore[misc]  # the one error that speaks for another
