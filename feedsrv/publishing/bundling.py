"""Everything a server without internet needs of one feed, in one file: the same input, the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from feedsrv.clock import to_text
from feedsrv.model.feed import digest_of, feed_path
from feedsrv.publishing.records import Head

MANIFEST: Final = "manifest.json"
# A zip file cannot tell an earlier day; the manifest and the signed documents tell the real ones.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


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
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        archive.writestr(_member(MANIFEST), json.dumps(manifest, indent=2) + "\n")
        for path, data in sorted(files.items()):
            archive.writestr(_member(path), data)
    return packed.getvalue()


def _member(path: str) -> ZipInfo:
    member = ZipInfo(path, _EPOCH)
    member.external_attr = 0o644 << 16
    member.create_system = 3  # Unix, wherever it is made
    return member
