"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "products",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
    )
    op.create_table(
        "updates",
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("build", sa.String(64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("releasing_by", sa.String(64)),
        sa.PrimaryKeyConstraint("product", "build", name="pk_updates"),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("unsigned", sa.LargeBinary(), nullable=False),
        sa.Column("authoring", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_digest", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("hands", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approved_digest", sa.String(64)),
        sa.Column("shelved", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("published_digest", sa.String(64)),
        sa.Column("published_size", sa.Integer()),
        sa.Column("published_at", sa.String(20)),
        sa.PrimaryKeyConstraint("id", "number", name="pk_revisions"),
    )
    op.create_index("ix_revisions_stage", "revisions", ["stage"])
    op.create_table(
        "feed_versions",
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.PrimaryKeyConstraint("product", "channel", "number", name="pk_feed_versions"),
    )
    op.create_table(
        "feeds",
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product", "channel", "version"],
            ["feed_versions.product", "feed_versions.channel", "feed_versions.number"],
            name="fk_feeds_feed_versions",
        ),
        sa.PrimaryKeyConstraint("product", "channel", name="pk_feeds"),
    )
    op.create_table(
        "intents",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begun", sa.String(20), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_intents"),
    )
    op.create_index("ix_intents_state", "intents", ["state"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )


def downgrade() -> None:
    """Take it back."""
    for table in ("audit", "intents", "feeds", "feed_versions", "revisions", "updates", "products"):
        op.drop_table(table)
