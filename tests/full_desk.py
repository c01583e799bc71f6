"""A desk that has been at work for years: thousands of mitigations with their history, in rows.

The rows are those that the workflow would have kept, made from a few real ones: nobody waits for forty
thousand imports.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from feedsrv.clock import to_text
from feedsrv.codec.authoring import read_draft
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.records import Published, Revision
from feedsrv.stores import tables
from feedsrv.stores.sql import SqlStore
from tests.publisher import written

TEMPLATE: Final = "M0000"
REWRITE: Final = """<UrlRewrite id="A1" name="no way in"><Site name="Default Web Site"/><Inbound pattern=".*">
  <Conditions><Condition input="{UrlDecode:{REQUEST_URI}}" pattern="way-in"/></Conditions>
  <AbortRequest/></Inbound></UrlRewrite>"""
SAMPLES: Final = (
    """<Samples><MustBlock name="attack" url="/way-in?x"/><MustPass name="work" url="/owa/"/></Samples>"""
)
_AT_ONCE: Final = 2_000


def document(mitigation_id: str, change: int) -> bytes:
    """A mitigation with a rule and its samples, in its so manieth wording."""
    text = written(
        mitigation_id, title=f"No way in, wording {change}", change=f"Wording {change}.", action=REWRITE
    )
    return text.replace(b"</Mitigation>", SAMPLES.encode() + b"</Mitigation>")


def template(number: int, at: datetime) -> Revision:
    """One published revision, as each mitigation has it."""
    draft = read_draft(document(TEMPLATE, number), revision=number, issued=at, source="bench.xml")
    begun = begin_revision(draft, source="bench.xml", source_digest="", by="anna")
    digest = digest_of(begun.unsigned)
    out = Published(digest, len(begun.unsigned), at)
    return replace(
        begun,
        stage=Stage.PUBLISHED,
        hands=frozenset({"anna", "carl"}),
        approved_by="ben",
        approved_digest=digest,
        shelved=True,
        published=out,
    )


def fill(store: SqlStore, *, mitigations: int, revisions: int, at: datetime) -> None:
    """Keep that many mitigations, M0001 first, with that many published revisions each, and what was done."""
    with store.begin() as work:
        for number in range(1, revisions + 1):
            work.revisions.save(template(number, at - timedelta(days=revisions - number)))
        connection: Connection = work._connection
        patterns = [
            dict(row._mapping)
            for row in connection.execute(select(tables.revisions).where(tables.revisions.c.id == TEMPLATE))
        ]
        connection.execute(tables.revisions.delete().where(tables.revisions.c.id == TEMPLATE))
        rows: list[dict[str, Any]] = []
        for count in range(1, mitigations + 1):
            rows += (_row(one, f"M{count:04}") for one in patterns)
            if len(rows) >= _AT_ONCE:
                connection.execute(insert(tables.revisions), rows)
                rows = []
        if rows:
            connection.execute(insert(tables.revisions), rows)
        _remember(connection, mitigations * revisions, at)


def _row(pattern: dict[str, Any], mitigation_id: str) -> dict[str, Any]:
    """The row of the same revision of another mitigation."""
    old, new = TEMPLATE.encode(), mitigation_id.encode()
    unsigned = pattern["unsigned"].replace(old, new)
    digest = digest_of(unsigned)
    return pattern | {
        "id": mitigation_id,
        "words": pattern["words"].replace(TEMPLATE, mitigation_id),
        "unsigned": unsigned,
        "authoring": pattern["authoring"].replace(old, new),
        "digest": digest,
        "approved_digest": digest,
        "published_digest": digest,
    }


def _remember(connection: Connection, entries: int, at: datetime) -> None:
    """An audit log of that length; its chain is not one that was written."""
    first = (connection.scalar(select(tables.audit.c.seq).order_by(tables.audit.c.seq.desc())) or 0) + 1
    verbs, actors = ("import", "submit", "approve", "publish"), ("anna", "ben", "paula")
    rows = [
        {
            "seq": seq,
            "at": to_text(at - timedelta(minutes=entries - seq)),
            "actor": actors[seq % len(actors)],
            "verb": verbs[seq % len(verbs)],
            "subject": f"M{seq % 2000:04} revision {seq % 20 + 1}",
            "detail": "{}",
            "previous": "0" * 64,
            "hash": f"{seq:064x}",
        }
        for seq in range(first, first + entries)
    ]
    for begin in range(0, len(rows), _AT_ONCE):
        connection.execute(insert(tables.audit), rows[begin : begin + _AT_ONCE])
