"""The tables, in types that every database has; the migrations make them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

# Every constraint has a name of its own, so that a later migration can name it on any database.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Moments are text such as 2026-05-14T12:30:00Z: every database keeps and sorts that alike.

products: Final = Table(
    "products",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("words", Text, nullable=False),
)

updates: Final = Table(
    "updates",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("build", String(64), primary_key=True),
    Column("words", Text, nullable=False),
    Column("releasing_by", String(64)),
)

revisions: Final = Table(
    "revisions",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("stage", String(16), nullable=False),
    Column("words", Text, nullable=False),
    Column("unsigned", LargeBinary, nullable=False),
    Column("authoring", LargeBinary, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("author", String(64), nullable=False),
    Column("hands", Text, nullable=False),
    Column("approved_by", String(64)),
    Column("approved_digest", String(64)),
    Column("shelved", Boolean(create_constraint=False), nullable=False),
    Column("published_digest", String(64)),
    Column("published_size", Integer),
    Column("published_at", String(20)),
    Index("ix_revisions_stage", "stage"),
)

feeds: Final = Table(
    "feeds",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("words", Text, nullable=False),
    ForeignKeyConstraint(
        ["product", "channel", "version"],
        ["feed_versions.product", "feed_versions.channel", "feed_versions.number"],
    ),
)

feed_versions: Final = Table(
    "feed_versions",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("at", String(20), nullable=False),
    Column("digest", String(64)),
)

intents: Final = Table(
    "intents",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("begun", String(20), nullable=False),
    Column("by", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("words", Text, nullable=False),
    Index("ix_intents_state", "state"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(20), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
