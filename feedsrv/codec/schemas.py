"""The grammars: served to editors and strangers as they lie here, and held against what we read.

What a refusal advises comes from the grammar's own documentation, so that an author reads the
same sentence in an editor and in a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final

from lxml import etree
from lxml.etree import _Element

from feedsrv.codec.complaints import Found, told
from feedsrv.codec.parsing import SchemaError
from feedsrv.errors import NotFoundError

SCHEMAS: Final = ("words.xsd", "mitigation.xsd", "feed.xsd", "authoring.xsd", "catalogue.xsd")

# How a document in each grammar begins.
_ROOTS: Final = {
    "mitigation.xsd": '<Mitigation xmlns="urn:feedsrv:mitigation:1">',
    "feed.xsd": '<Feed xmlns="urn:feedsrv:feed:1">',
    "authoring.xsd": '<Mitigation xmlns="urn:feedsrv:authoring:1">',
    "catalogue.xsd": '<Catalogue xmlns="urn:feedsrv:catalogue:1">',
}
FOLDER: Final = Path(__file__).with_name("schemas")
_MOST_SENTENCES: Final = 10
_MANY_CHILDREN: Final = 2_000
_MOST_ERRORS: Final = 500
_CHUNK: Final = 4 * 1024
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"


class UnknownSchemaError(NotFoundError):
    """There is no grammar of that name."""

    code = "xml.unknown_schema"

    def __init__(self, name: str) -> None:
        super().__init__(f"no grammar {name[:60]!r}; there are {', '.join(SCHEMAS)}")


def schema_file(name: str) -> bytes:
    """The bytes of one of `SCHEMAS`.

    Raises:
        UnknownSchemaError: it is none of them.
    """
    if name not in SCHEMAS:
        raise UnknownSchemaError(name)
    return (FOLDER / name).read_bytes()


def validate(element: _Element, name: str, source: str) -> None:
    """Hold a parsed document against the grammar `name`, one of `SCHEMAS`.

    Raises:
        SchemaError: it does not fit; the first sentence has line and path, the rest follow.
    """
    schema, lock = _schema(name)
    # The log of errors belongs to the schema, not to the call: two threads would mix theirs.
    with lock:
        wrong = next((one for one in (*_flooded(element, schema), element) if not schema.validate(one)), None)
        if wrong is None:
            return
        count = len(schema.error_log)
        log = islice(schema.error_log, _MOST_SENTENCES)
        found = [Found(entry.line, entry.path, entry.message) for entry in log]
    first, *rest = [told(one, wrong, advice(), _ROOTS[name]) for one in found]
    others = [f"line {one.line}, {one.path}: {one.sentence}" for one in rest]
    if count > len(found):
        others.append(f"and {count - len(found)} more")
    raise SchemaError(first.sentence, source=source, line=first.line, path=first.path, others=tuple(others))


def _flooded(element: _Element, schema: etree.XMLSchema) -> Iterator[_Element]:
    """The beginning of a document that is long and full of errors, up to some hundreds of them; or nothing.

    The library counts siblings to tell the place of each error: twenty thousand entries that are all
    wrong would take half a minute. Read as a stream errors have no place, and are soon found.
    """
    if len(element) < _MANY_CHILDREN:
        return
    parser = etree.XMLPullParser(
        ("start",), tag=str(element.tag), schema=schema, resolve_entities=False, no_network=True
    )
    written = etree.tostring(element, encoding="UTF-8")
    for start in range(0, len(written), _CHUNK):
        parser.feed(written[start : start + _CHUNK])
        if len(parser.feed_error_log) > _MOST_ERRORS:
            _, root = next(parser.read_events())
            beginning = deepcopy(element)
            del beginning[len(root) :]
            yield beginning
            return


@cache
def _schema(name: str) -> tuple[etree.XMLSchema, Lock]:
    if name not in SCHEMAS:
        raise UnknownSchemaError(name)
    return etree.XMLSchema(file=str(FOLDER / name)), Lock()


@cache
def advice() -> Mapping[str, str]:
    """What the grammars say of their types, by the type's name and by each of its patterns."""
    sentences: dict[str, str] = {}
    for name in SCHEMAS:
        for kind in etree.parse(FOLDER / name).getroot().iter(f"{_XSD}simpleType"):
            owner = kind if kind.get("name") else kind.getparent()
            sentence = "" if owner is None else owner.findtext(f"{_XSD}annotation/{_XSD}documentation", "")
            if kind.get("name"):
                sentences[kind.get("name", "")] = sentence
            for pattern in kind.iter(f"{_XSD}pattern"):
                sentences[pattern.get("value", "")] = sentence
    return MappingProxyType(sentences)
