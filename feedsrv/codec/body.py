"""What a published mitigation and an authored one have in common, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from lxml.etree import _Element

from feedsrv.codec.actions import action_from, action_node
from feedsrv.codec.reading import meaning, name_of, text_of
from feedsrv.codec.writing import Node, node, text
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.mitigation import PRODUCTION, Affects, Mitigation, Severity, Status


def body_nodes(mitigation: Mitigation) -> Iterator[Node]:
    """Everything inside a mitigation's root element."""
    yield text("Title", mitigation.title)
    yield text("Description", mitigation.description)
    for vulnerability in mitigation.vulnerabilities:
        yield node("Vulnerability", id=vulnerability)
    for reference in mitigation.references:
        yield node("Reference", href=reference)
    if mitigation.change is not None:
        yield text("Change", mitigation.change)
    yield text("ReviewBy", mitigation.review_by.isoformat())
    if mitigation.no_fix_yet is not None:
        yield text("NoFixYet", mitigation.no_fix_yet)
    for issue in mitigation.known_issues:
        yield text("KnownIssue", issue)
    for old in mitigation.supersedes:
        yield node("Supersedes", id=old)
    for affects in mitigation.affects:
        yield node("Affects", map(_range_node, affects.ranges), product=affects.product)
    yield node("Actions", map(action_node, mitigation.actions))


def mitigation_of(
    element: _Element, *, revision: int, issued: datetime, review_by: date, source: str
) -> Mitigation:
    """Read the root element of a mitigation whose grammar was checked.

    Raises:
        MeaningError: the words contradict themselves.
    """
    parts: dict[str, list[_Element]] = {}
    for part in element.iterchildren("*"):
        parts.setdefault(name_of(part), []).append(part)
    change, no_fix_yet = (parts.get(name, [None])[0] for name in ("Change", "NoFixYet"))
    affects = tuple(_affects(one, source=source) for one in parts["Affects"])
    actions = tuple(action_from(one, source=source) for one in parts["Actions"][0].iterchildren("*"))
    with meaning(element, source=source):
        return Mitigation(
            id=element.get("id", ""),
            revision=revision,
            issued=issued,
            severity=Severity(element.get("severity", "")),
            title=text_of(parts["Title"][0]),
            description=text_of(parts["Description"][0]),
            review_by=review_by,
            affects=affects,
            actions=actions,
            status=Status(element.get("status", Status.ACTIVE)),
            channel=element.get("channel", PRODUCTION),
            vulnerabilities=tuple(one.get("id", "") for one in parts.get("Vulnerability", ())),
            references=tuple(one.get("href", "") for one in parts.get("Reference", ())),
            change=None if change is None else text_of(change),
            no_fix_yet=None if no_fix_yet is None else text_of(no_fix_yet),
            known_issues=tuple(text_of(one) for one in parts.get("KnownIssue", ())),
            supersedes=tuple(one.get("id", "") for one in parts.get("Supersedes", ())),
        )


def _affects(element: _Element, *, source: str) -> Affects:
    ranges = tuple(_range(one, source=source) for one in element.iterchildren("*"))
    with meaning(element, source=source):
        return Affects(element.get("product", ""), ranges)


def _range(element: _Element, *, source: str) -> BuildRange:
    with meaning(element, source=source):
        fixed = element.get("fixed")
        return BuildRange(
            Build.parse(element.get("introduced", "")), None if fixed is None else Build.parse(fixed)
        )


def _range_node(one: BuildRange) -> Node:
    return node("Range", introduced=str(one.introduced), fixed=None if one.fixed is None else str(one.fixed))
