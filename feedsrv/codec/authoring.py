"""Drafts: what people write and review. Revision and moment of issue come from outside.

White space in texts is collapsed when it is read, so authors may wrap lines as they like.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from lxml.etree import _Element

from feedsrv.codec.body import body_nodes, mitigation_of
from feedsrv.codec.parsing import LIMITS_MITIGATION, SchemaError, parse, path_of
from feedsrv.codec.reading import collapse, day, name_of, text_of
from feedsrv.codec.schemas import validate
from feedsrv.codec.writing import Node, node, text, write
from feedsrv.model.mitigation import Draft, RequestSample, Samples

NAMESPACE: Final = "urn:feedsrv:authoring:1"
_SCHEMA: Final = "authoring.xsd"


def read_draft(data: bytes, *, revision: int, issued: datetime, source: str) -> Draft:
    """Read what an author wrote; `issued` is also the day from which `ReviewWithin` counts.

    Raises:
        XmlError: not a draft, with line, path and remedy; see its subclasses.
    """
    root = parse(data, limits=LIMITS_MITIGATION, source=source, authored=True)
    validate(root, _SCHEMA, source)
    mitigation = mitigation_of(
        root,
        revision=revision,
        issued=issued,
        review_by=_review_by(root, issued, source=source),
        source=source,
    )
    samples = [
        (name_of(one), _sample(one))
        for group in root.iterchildren(f"{{{NAMESPACE}}}Samples")
        for one in group.iterchildren("*")
    ]
    return Draft(
        mitigation,
        Samples(
            must_block=tuple(sample for kind, sample in samples if kind == "MustBlock"),
            must_pass=tuple(sample for kind, sample in samples if kind == "MustPass"),
            may_block=tuple(sample for kind, sample in samples if kind == "MayBlock"),
        ),
        tuple(text_of(note) for note in root.iterchildren(f"{{{NAMESPACE}}}Note")),
    )


def write_draft(draft: Draft) -> bytes:
    """A draft as a document, without its revision and moment of issue, and with a date to review by.

    Raises:
        XmlError: it says what the grammar cannot, or what not every reader reads alike.
    """
    mitigation = draft.mitigation
    samples = [
        *(_sample_node("MustBlock", sample) for sample in draft.samples.must_block),
        *(_sample_node("MustPass", sample) for sample in draft.samples.must_pass),
        *(_sample_node("MayBlock", sample) for sample in draft.samples.may_block),
    ]
    root = node(
        "Mitigation",
        body_nodes(mitigation),
        [node("Samples", samples)] if samples else [],
        (text("Note", note) for note in draft.notes),
        id=mitigation.id,
        channel=mitigation.channel,
        severity=mitigation.severity,
        status=mitigation.status,
    )
    return write(
        root,
        namespace=NAMESPACE,
        schema=_SCHEMA,
        limits=LIMITS_MITIGATION,
        source=f"draft of {mitigation}",
    )


def _review_by(root: _Element, issued: datetime, *, source: str) -> date:
    within = next(root.iterchildren(f"{{{NAMESPACE}}}ReviewWithin"), None)
    if within is None:
        by = next(root.iterchildren(f"{{{NAMESPACE}}}ReviewBy"))
        return day(text_of(by), by, source=source)
    try:
        return issued.date() + timedelta(days=int(within.get("days", "")))
    except OverflowError:
        raise SchemaError(
            "there is no such date", source=source, line=within.sourceline, path=path_of(within)
        ) from None


def _sample(element: _Element) -> RequestSample:
    def pairs(child: str, name: str) -> Iterator[tuple[str, str]]:
        for one in element.iterchildren(f"{{{NAMESPACE}}}{child}"):
            yield one.get(name, ""), one.get("value", "")

    known_issue = element.get("knownIssue")
    return RequestSample(
        name=element.get("name", ""),
        url=element.get("url", ""),
        method=element.get("method", "GET"),
        headers=tuple(pairs("Header", "name")),
        response_headers=tuple(pairs("ResponseHeader", "name")),
        action=element.get("action"),
        expect=tuple(pairs("Expect", "header")),
        known_issue=None if known_issue is None else collapse(known_issue),
    )


def _sample_node(kind: str, sample: RequestSample) -> Node:
    return node(
        kind,
        (node("Header", name=name, value=value) for name, value in sample.headers),
        (node("ResponseHeader", name=name, value=value) for name, value in sample.response_headers),
        (node("Expect", header=name, value=value) for name, value in sample.expect),
        name=sample.name,
        method=sample.method,
        url=sample.url,
        action=sample.action,
        knownIssue=sample.known_issue,
    )
