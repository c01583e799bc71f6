"""Feeds: the bytes that are signed, and the words in them. Agents read one at every poll that brings news."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

from lxml.etree import _Element

from feedsrv.codec.parsing import LIMITS_FEED, MeaningError, parse, path_of
from feedsrv.codec.reading import meaning, moment
from feedsrv.codec.schemas import validate
from feedsrv.codec.writing import Node, moment_text, node, write
from feedsrv.model.feed import BadFeedError, Entry, EntryState, Feed, Poll

NAMESPACE: Final = "urn:feedsrv:feed:1"
_SCHEMA: Final = "feed.xsd"
_ENTRY: Final = f"{{{NAMESPACE}}}Entry"
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
        )


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
