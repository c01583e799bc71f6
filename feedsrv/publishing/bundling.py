"""Everything a server without internet needs of one feed, in one file: the same input, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from feedsrv.clock import to_text
from feedsrv.model.feed import digest_of, feed_path
from feedsrv.publishing.records import Head
from feedsrv.publishing.zipping import zipped

MANIFEST: Final = "manifest.json"


def bundle(
    head: Head, document: bytes, mitigations: Mapping[str, bytes], trust_files: Mapping[str, bytes]
) -> bytes:
    """The feed, the mitigations it lists and what proves them, under their paths, and a manifest of digests.

    `mitigations` and `trust_files` go by path below the shelf's root.
    """
    feed = head.feed
    files = {f"v1/{feed_path(feed.product, feed.channel)}": document, **trust_files, **mitigations}
    known = {f"v1/{entry.href}": entry.digest for entry in feed.entries}
    manifest = {
        "product": feed.product,
        "channel": feed.channel,
        "version": feed.version,
        "issued": to_text(feed.issued),
        "expires": to_text(feed.expires),
        "files": [
            {"path": path, "size": len(data), "digest": known.get(path) or digest_of(data)}
            for path, data in sorted(files.items())
        ],
    }
    text = json.dumps(manifest, separators=(",", ":")) + "\n"
    return zipped({MANIFEST: text.encode("ascii"), **dict(sorted(files.items()))})
