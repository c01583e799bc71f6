"""The desk: people, sign-ins, tokens, repeated answers, notices; what lists of revisions show."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# What lists show, and where it stood in the words of a revision when this migration was written.
_LISTED = {"title": 4, "severity": 3, "status": 9, "channel": 10, "review_by": 6}


def upgrade() -> None:
    """Make it so."""
    with op.batch_alter_table("revisions") as table:
        table.add_column(sa.Column("returned", sa.Text()))
        table.add_column(sa.Column("break_glass", sa.Text()))
        table.add_column(sa.Column("title", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("severity", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("status", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("channel", sa.String(32), nullable=False, server_default=""))
        table.add_column(sa.Column("review_by", sa.String(10), nullable=False, server_default=""))
    _fill()
    with op.batch_alter_table("revisions") as table:
        for name in _LISTED:
            table.alter_column(name, server_default=None)
    op.create_table(
        "people",
        sa.Column("folded", sa.String(128), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("password", sa.Text()),
        sa.Column("since", sa.String(20), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.String(20)),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.String(20)),
        sa.Column("signed_in_at", sa.String(20)),
        sa.UniqueConstraint("subject", name="uq_people_subject"),
        sa.PrimaryKeyConstraint("folded", name="pk_people"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("begins", sa.String(20), nullable=False),
        sa.Column("fresh_at", sa.String(20), nullable=False),
        sa.Column("seen_at", sa.String(20), nullable=False),
        sa.Column("ends", sa.String(20), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(20)),
        sa.Column("provider_session", sa.Text()),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_person", "sign_ins", ["person"])
    op.create_index("ix_sign_ins_provider_session", "sign_ins", ["provider_session"])
    op.create_table(
        "tokens",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("ends", sa.String(20), nullable=False),
        sa.Column("revoked_at", sa.String(20)),
        sa.Column("revoked_by", sa.String(64)),
        sa.Column("used_at", sa.String(20)),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        sa.PrimaryKeyConstraint("number", name="pk_tokens"),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answers"),
    )
    op.create_index("ix_answers_at", "answers", ["at"])
    op.create_table(
        "notices",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("weight", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.String(20)),
        sa.PrimaryKeyConstraint("number", name="pk_notices"),
    )
    op.create_table(
        "webhooks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.String(20)),
        sa.PrimaryKeyConstraint("number", name="pk_webhooks"),
    )
    op.create_table(
        "deliveries",
        sa.Column("webhook", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notice", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.String(20)),
        sa.Column("done_at", sa.String(20)),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("webhook", "notice", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_next_at", "deliveries", ["next_at"])
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limits"),
    )


def _fill() -> None:
    """Say of each revision that is kept what its words say."""
    revisions = sa.table(
        "revisions",
        sa.column("id", sa.String()),
        sa.column("number", sa.Integer()),
        sa.column("words", sa.Text()),
        *(sa.column(name, sa.String()) for name in _LISTED),
    )
    connection = op.get_bind()
    kept = connection.execute(sa.select(revisions.c.id, revisions.c.number, revisions.c.words)).all()
    for row in kept:
        words = json.loads(row.words)
        connection.execute(
            sa.update(revisions)
            .where(revisions.c.id == row.id, revisions.c.number == row.number)
            .values({name: words[place] for name, place in _LISTED.items()})
        )


def downgrade() -> None:
    """Take it back."""
    for gone in (
        "rate_limits",
        "deliveries",
        "webhooks",
        "notices",
        "answers",
        "tokens",
        "sign_ins",
        "people",
    ):
        op.drop_table(gone)
    with op.batch_alter_table("revisions") as table:
        for name in ("break_glass", "returned", *_LISTED):
            table.drop_column(name)
