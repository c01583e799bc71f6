"""The tables, in types that every database has; the migrations make them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
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
    Column("returned", Text),
    Column("break_glass", Text),
    # What lists show and are filtered by, beside the words that hold it, too.
    Column("title", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("review_by", String(10), nullable=False),
    # Ids with a space between them.
    Column("supersedes", Text, nullable=False),
    # The newest of each is found without reading a row of the table, whose documents are large.
    Index("ix_revisions_newest", "id", "number", "stage"),
    Index("ix_revisions_stage", "stage", "id", "number"),
)
# Few rows, which nobody should look for among thousands.
Index(
    "ix_revisions_supersedes",
    revisions.c.id,
    revisions.c.number,
    sqlite_where=revisions.c.supersedes != "",
    postgresql_where=revisions.c.supersedes != "",
)
Index(
    "ix_revisions_break_glass",
    revisions.c.id,
    revisions.c.number,
    sqlite_where=revisions.c.break_glass.is_not(None),
    postgresql_where=revisions.c.break_glass.is_not(None),
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
    Index("ix_audit_at", "at"),
    Index("ix_audit_actor", "actor", "seq"),
    Index("ix_audit_verb", "verb", "seq"),
    Index("ix_audit_subject", "subject", "seq"),
)

# Fingerprints and key ids are 64 hexadecimal digits. Chains and policies are JSON with base64 in it.

keys: Final = Table(
    "keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),
    # Empty while it is only requested: databases disagree on whether two NULLs are the same.
    Column("certificate", String(64), nullable=False),
    Column("role", String(32), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("place", Text),
    Column("exportable", Boolean(create_constraint=False), nullable=False),
    Column("request", LargeBinary),
    Column("chain", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    UniqueConstraint("key", "certificate"),
)

revocations: Final = Table(
    "revocations",
    metadata,
    Column("issuer", String(64), primary_key=True),
    # Serial numbers have up to 160 bits: more than any database's integers.
    Column("serial", String(64), primary_key=True),
    Column("at", String(20), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("by", String(64), nullable=False),
)

revocation_lists: Final = Table(
    "revocation_lists",
    metadata,
    Column("issuer", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    # The number of a CRL may be any positive one, of up to 20 octets.
    Column("number", String(64), nullable=False),
    Column("begins", String(20), nullable=False),
    Column("ends", String(20), nullable=False),
    Column("der", LargeBinary, nullable=False),
)

announcements: Final = Table(
    "announcements",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("begins", String(20), nullable=False),
    Column("vouchers", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(20), nullable=False),
)

policies: Final = Table(
    "policies",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("anchors", Text, nullable=False),
    Column("organisation", Text),
    Column("policy_oid", Text),
    Column("eku", Text, nullable=False),
    Column("since", String(20), nullable=False),
    Column("note", Text, nullable=False),
)

stamps: Final = Table(
    "stamps",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("at", String(20), nullable=False),
    Column("authority", Text, nullable=False),
)

conditions: Final = Table(
    "conditions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("since", String(20), nullable=False),
    Column("detail", Text, nullable=False),
)

people: Final = Table(
    "people",
    metadata,
    # The name as it is compared, so that no database's collation decides who is the same.
    Column("folded", String(128), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("shown", Text, nullable=False),
    Column("email", Text),
    Column("subject", Text),
    Column("roles", Text, nullable=False),
    Column("password", Text),
    Column("since", String(20), nullable=False),
    Column("by", Text, nullable=False),
    Column("removed_at", String(20)),
    Column("failures", Integer, nullable=False),
    Column("locked_until", String(20)),
    Column("signed_in_at", String(20)),
    UniqueConstraint("subject"),
)

sign_ins: Final = Table(
    "sign_ins",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("begins", String(20), nullable=False),
    Column("fresh_at", String(20), nullable=False),
    Column("seen_at", String(20), nullable=False),
    Column("ends", String(20), nullable=False),
    Column("roles", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("ended_at", String(20)),
    Column("provider_session", Text),
    Index("ix_sign_ins_person", "person"),
    Index("ix_sign_ins_provider_session", "provider_session"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("scope", Text, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("ends", String(20), nullable=False),
    Column("revoked_at", String(20)),
    Column("revoked_by", String(64)),
    Column("used_at", String(20)),
    UniqueConstraint("digest"),
)

answers: Final = Table(
    "answers",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("at", String(20), nullable=False),
    Column("status", Integer),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_answers_at", "at"),
)

notices: Final = Table(
    "notices",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(20), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("weight", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("settled_at", String(20)),
    # Every page asks for the alarms that stand.
    Index("ix_notices_alarms", "weight", "settled_at"),
)

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("by", String(64), nullable=False),
    Column("told", Integer, nullable=False),
    Column("removed_at", String(20)),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("webhook", Integer, primary_key=True, autoincrement=False),
    Column("notice", Integer, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", String(20)),
    Column("done_at", String(20)),
    Column("outcome", Text, nullable=False),
    Index("ix_deliveries_next_at", "next_at"),
)

# How often somebody asked; shared by every process and host on this database.
rate_limits: Final = Table(
    "rate_limits",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("count", Integer, nullable=False),
    # Seconds since 1970, as the library that counts has it.
    Column("ends", Float, nullable=False),
)
