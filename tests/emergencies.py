"""An emergency on a service: what one person published alone, at any time of its life."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from feedsrv.clock import now
from feedsrv.codec.feed import read_feed
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from tests.commands import MITIGATIONS, Service

PRODUCT: Final = "exchange-2019"
ALONE: Final = ("--incident", "INC-7", "--reason", "It is exploited.", "--as", "alice")


def urgent(mitigation_id: str = "M0042", title: str = "In a hurry") -> bytes:
    """A mitigation that is looked at again within a week."""
    document = (MITIGATIONS / "M0001.xml").read_bytes()
    return (
        document.replace(b'id="M0001"', f'id="{mitigation_id}"'.encode())
        .replace(b'<ReviewWithin days="90"/>', b'<ReviewWithin days="5"/>')
        .replace(b"ProxyNotShell", title.encode(), 1)
    )


def break_glass(service: Service, folder: Path, document: bytes | None = None) -> str:
    """Publish a mitigation as one person alone; gives its digest."""
    file = folder / "urgent.xml"
    file.write_bytes(document or urgent())
    mitigation_id = service.done("mitigation", "import", os.fspath(file), "--as", "alice").split()[1]
    digest = service.digest_of(mitigation_id)
    service.done("mitigation", "break-glass", mitigation_id, "--digest", digest, *ALONE)
    service.done("feed", "publish", "--as", "alice")
    return digest


@contextmanager
def opened(service: Service) -> Iterator[SqlStore]:
    """The service's database."""
    store = SqlStore(open_database(f"sqlite:///{service.data}/feedsrv.sqlite"))
    try:
        yield store
    finally:
        store.close()


def lapse(service: Service) -> None:
    """Let the time to countersign be over."""
    with opened(service) as store, store.begin() as work:
        for one in work.revisions.emergencies():
            if one.break_glass is not None:
                over = replace(one.break_glass, until=now() - timedelta(minutes=1))
                work.revisions.save(replace(one, break_glass=over))


def states(service: Service) -> dict[str, str]:
    """What agents are told of each mitigation, such as `2 withdrawn`."""
    path = service.data / "shelf" / "v1" / "feeds" / PRODUCT / "production.xml"
    feed = read_feed(path.read_bytes(), source=path.name)
    return {entry.id: f"{entry.revision} {entry.state}" for entry in feed.entries}


def alarms(service: Service) -> list[str]:
    """What everybody sees on every page."""
    with opened(service) as store, store.look() as work:
        return [f"{one.kind} {one.subject}" for one in work.notices.alarms()]
