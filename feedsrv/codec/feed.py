"""Feeds: the bytes that are signed, and the words in them. Agents read one at every poll that brings news."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta
from itertools import islice
from typing import Final

from lxml.etree import _Element

from feedsrv.codec.parsing import LIMITS_FEED, MeaningError, parse, path_of
from feedsrv.codec.reading import meaning, moment, text_of
from feedsrv.codec.schemas import validate
from feedsrv.codec.writing import Node, moment_text, node, text, write
from feedsrv.model.feed import Announcement, BadFeedError, Entry, EntryState, Feed, Poll

NAMESPACE: Final = "urn:feedsrv:feed:1"
_SCHEMA: Final = "feed.xsd"
_ENTRY: Final = f"{{{NAMESPACE}}}Entry"
_TRUST: Final = f"{{{NAMESPACE}}}Trust"
_ROLLOUT: Final = f"{{{NAMESPACE}}}Rollout"
_STATES: Final = {state.value: state for state in EntryState}


def write_feed(feed: Feed) -> bytes:
    """The unsigned document of a feed: the same words always give the same bytes.

    Raises:
        XmlError: it says what the grammar cannot.
    """
    source = f"feed {feed.product}/{feed.channel} version {feed.version}"
    root = node(
        "Feed",
        node(
            "Poll",
            interval=_seconds(feed.poll.interval),
            jitter=_seconds(feed.poll.jitter),
        ),
        _trust_nodes(feed, source),
        [_entry_node(entry) for entry in feed.entries],
        product=feed.product,
        channel=feed.channel,
        version=str(feed.version),
        issued=moment_text(feed.issued, "/Feed/@issued", source),
        expires=moment_text(feed.expires, "/Feed/@expires", source),
        previous=feed.previous,
    )
    return write(
        root,
        namespace=NAMESPACE,
        schema=_SCHEMA,
        limits=LIMITS_FEED,
        source=source,
    )


def read_feed(data: bytes, *, source: str = "feed") -> Feed:
    """Read a feed, signed or not. A signature in it is *not* checked.

    Raises:
        XmlError: not a feed of ours; see its subclasses.
    """
    return feed_from(parse(data, limits=LIMITS_FEED, source=source), source=source)


def feed_from(element: _Element, *, source: str) -> Feed:
    """Read a parsed feed, such as the very elements that a signature was found to cover.

    Raises:
        SchemaError: not in the grammar.
        MeaningError: in the grammar, but the words contradict themselves.
    """
    validate(element, _SCHEMA, source)
    poll = next(element.iterchildren("*"))
    announced = _announced(element, source)
    entries = _entries(element, source)
    with meaning(element, source=source):
        return Feed(
            product=element.get("product", ""),
            channel=element.get("channel", ""),
            version=int(element.get("version", "")),
            issued=moment(element, "issued", source=source),
            expires=moment(element, "expires", source=source),
            previous=element.get("previous"),
            entries=entries,
            poll=Poll(
                interval=timedelta(seconds=int(poll.get("interval", ""))),
                jitter=timedelta(seconds=int(poll.get("jitter", ""))),
            ),
            announced=announced,
        )


def _announced(root: _Element, source: str) -> tuple[Announcement, ...]:
    trust = root.find(_TRUST)
    return () if trust is None else tuple(_next(one, source) for one in trust.iterchildren("*"))


def _next(element: _Element, source: str) -> Announcement:
    with meaning(element, source=source):
        certificate, *vouchers = (_der(one) for one in element.iterchildren("*"))
        announced = Announcement(
            role=element.get("role", ""),
            certificate=certificate,
            begins=moment(element, "begins", source=source),
            vouchers=tuple(vouchers),
        )
        said = element.get("sha256")
        if said != announced.sha256:
            raise BadFeedError(f"the certificate has the SHA-256 {announced.sha256}, and sha256 says {said}")
    return announced


def _der(element: _Element) -> bytes:
    written = text_of(element)
    try:
        der = b64decode(written, validate=True)
    except ValueError:
        der = b""
    # Readers differ in what they make of blanks, and of bits beyond the last byte.
    if _base64(der) != written:
        raise BadFeedError("a certificate is written as base64 on one line, as every encoder writes it")
    return der


def _base64(der: bytes) -> str:
    return b64encode(der).decode("ascii")


def _entries(root: _Element, source: str) -> tuple[Entry, ...]:
    # By columns, since an agent reads a thousand entries at once and this halves the cost. What the
    # grammar has checked is not checked again.
    elements = list(root.iterchildren(_ENTRY))
    ids = [one.get("id", "") for one in elements]
    revisions = [one.get("revision", "") for one in elements]
    for one, identity, revision in zip(elements, ids, revisions, strict=True):
        if one.get("href") != f"mitigations/{identity}/{revision}.xml":
            raise MeaningError(
                BadFeedError(f"{one.get('href')!r} is not where {identity} revision {revision} lies"),
                source=source,
                line=one.sourceline,
                path=f"{path_of(one)}/@href",
            )
    return tuple(
        map(
            Entry,
            ids,
            map(int, revisions),
            [_STATES[one.get("state", "")] for one in elements],
            [one.get("digest", "") for one in elements],
            [int(one.get("size", "")) for one in elements],
            # One for each entry, says the grammar; what a signature may hold comes after them all.
            [int(one.get("percent", "")) for one in islice(root.iter(_ROLLOUT), len(elements))],
        )
    )


def _trust_nodes(feed: Feed, source: str) -> list[Node]:
    return [node("Trust", [_next_node(one, source) for one in feed.announced])] if feed.announced else []


def _next_node(announced: Announcement, source: str) -> Node:
    return node(
        "Next",
        text("Certificate", _base64(announced.certificate)),
        [text("Voucher", _base64(voucher)) for voucher in announced.vouchers],
        role=announced.role,
        begins=moment_text(announced.begins, "/Feed/Trust/Next/@begins", source),
        sha256=announced.sha256,
    )


def _entry_node(entry: Entry) -> Node:
    return node(
        "Entry",
        node("Rollout", percent=str(entry.rollout)),
        id=entry.id,
        revision=str(entry.revision),
        state=entry.state,
        digest=entry.digest,
        size=str(entry.size),
        href=entry.href,
    )


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.9g}"
