"""Published mitigations: the bytes that are signed, and the words in them."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from feedsrv.codec.body import body_nodes, mitigation_of
from feedsrv.codec.parsing import LIMITS_MITIGATION, parse
from feedsrv.codec.reading import day, moment, text_of
from feedsrv.codec.schemas import validate
from feedsrv.codec.writing import moment_text, node, write
from feedsrv.model.mitigation import Mitigation

NAMESPACE: Final = "urn:feedsrv:mitigation:1"
_SCHEMA: Final = "mitigation.xsd"


def write_mitigation(mitigation: Mitigation) -> bytes:
    """The unsigned document of a revision: the same words always give the same bytes.

    Raises:
        XmlError: it says what the grammar cannot, or what not every reader reads alike.
    """
    source = f"mitigation {mitigation}"
    root = node(
        "Mitigation",
        body_nodes(mitigation),
        id=mitigation.id,
        revision=str(mitigation.revision),
        issued=moment_text(mitigation.issued, "/Mitigation/@issued", source),
        severity=mitigation.severity,
        status=mitigation.status,
        channel=mitigation.channel,
    )
    return write(
        root,
        namespace=NAMESPACE,
        schema=_SCHEMA,
        limits=LIMITS_MITIGATION,
        source=source,
    )


def read_mitigation(data: bytes, *, source: str = "mitigation") -> Mitigation:
    """Read a published mitigation, signed or not. A signature in it is *not* checked.

    Raises:
        XmlError: not a mitigation of ours; see its subclasses.
    """
    return mitigation_from(parse(data, limits=LIMITS_MITIGATION, source=source), source=source)


def mitigation_from(element: _Element, *, source: str) -> Mitigation:
    """Read a parsed mitigation, such as the very elements that a signature was found to cover.

    Raises:
        SchemaError: not in the grammar.
        MeaningError: in the grammar, but the words contradict themselves.
    """
    validate(element, _SCHEMA, source)
    review_by = next(element.iterchildren(f"{{{NAMESPACE}}}ReviewBy"))
    return mitigation_of(
        element,
        revision=int(element.get("revision", "")),
        issued=moment(element, "issued", source=source),
        review_by=day(text_of(review_by), review_by, source=source),
        source=source,
    )
