"""Keys, revocation, rotation, proofs of time, and trouble that has not ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "keys",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("certificate", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("place", sa.Text()),
        sa.Column("exportable", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("request", sa.LargeBinary()),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.UniqueConstraint("key", "certificate", name="uq_keys_key"),
        sa.PrimaryKeyConstraint("number", name="pk_keys"),
    )
    op.create_table(
        "revocations",
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "serial", name="pk_revocations"),
    )
    op.create_table(
        "revocation_lists",
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("begins", sa.String(20), nullable=False),
        sa.Column("ends", sa.String(20), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name="pk_revocation_lists"),
    )
    op.create_table(
        "announcements",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("begins", sa.String(20), nullable=False),
        sa.Column("vouchers", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_announcements"),
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("anchors", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text()),
        sa.Column("policy_oid", sa.Text()),
        sa.Column("eku", sa.Text(), nullable=False),
        sa.Column("since", sa.String(20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_policies"),
    )
    op.create_table(
        "stamps",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_stamps"),
    )
    op.create_table(
        "conditions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("since", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "subject", name="pk_conditions"),
    )


def downgrade() -> None:
    """Take it back."""
    for table in (
        "conditions",
        "stamps",
        "policies",
        "announcements",
        "revocation_lists",
        "revocations",
        "keys",
    ):
        op.drop_table(table)
