"""The list of feeds, for people and programs that do not know which there are; it is not signed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import quoteattr

from feedsrv.clock import to_text
from feedsrv.model.feed import feed_path
from feedsrv.publishing.records import Head

INDEX_XML: Final = "v1/feeds/index.xml"
INDEX_JSON: Final = "v1/feeds/index.json"


def list_as_json(heads: Iterable[Head]) -> bytes:
    """The list as JSON; hrefs are relative to `/v1/`."""
    text = json.dumps({"feeds": [_fields(head) for head in heads]}, indent=2)
    return text.encode("ascii") + b"\n"


def list_as_xml(heads: Iterable[Head]) -> bytes:
    """The same list as XML."""
    lines = [
        "  <Feed "
        + " ".join(f"{name}={quoteattr(str(value))}" for name, value in _fields(head).items())
        + "/>"
        for head in heads
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<Feeds xmlns="urn:feedsrv:feeds:1">',
            *lines,
            "</Feeds>",
            "",
        ]
    ).encode("utf-8")


def bundle_path(product: str, channel: str) -> str:
    """Where the bundle of a feed lies below `/v1/`."""
    return f"bundles/{product}/{channel}.zip"


def _fields(head: Head) -> dict[str, str | int]:
    feed = head.feed
    return {
        "product": feed.product,
        "channel": feed.channel,
        "version": feed.version,
        "issued": to_text(feed.issued),
        "expires": to_text(feed.expires),
        "entries": len(feed.entries),
        "digest": head.digest,
        "size": head.size,
        "href": feed_path(feed.product, feed.channel),
        "bundle": bundle_path(feed.product, feed.channel),
    }
