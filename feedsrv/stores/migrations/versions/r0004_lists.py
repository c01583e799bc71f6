"""What lists of revisions, of the audit log and of alarms are found by, without reading all there is."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Where it stood in the words of a revision when this migration was written.
_SUPERSEDES = 16
_OF_AUDIT = {"actor": ["actor", "seq"], "at": ["at"], "subject": ["subject", "seq"], "verb": ["verb", "seq"]}


def upgrade() -> None:
    """Make it so."""
    with op.batch_alter_table("revisions") as table:
        table.add_column(sa.Column("supersedes", sa.Text(), nullable=False, server_default=""))
    _fill()
    with op.batch_alter_table("revisions") as table:
        table.alter_column("supersedes", server_default=None)
    op.drop_index("ix_revisions_stage", "revisions")
    op.create_index("ix_revisions_stage", "revisions", ["stage", "id", "number"])
    op.create_index("ix_revisions_newest", "revisions", ["id", "number", "stage"])
    _partial("ix_revisions_supersedes", "supersedes != ''")
    _partial("ix_revisions_break_glass", "break_glass IS NOT NULL")
    for name, columns in _OF_AUDIT.items():
        op.create_index(f"ix_audit_{name}", "audit", columns)
    op.create_index("ix_notices_alarms", "notices", ["weight", "settled_at"])


def _partial(name: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "revisions", ["id", "number"], sqlite_where=where, postgresql_where=where)


def _fill() -> None:
    """Say of each revision that is kept what its words say."""
    revisions = sa.table(
        "revisions",
        sa.column("id", sa.String()),
        sa.column("number", sa.Integer()),
        sa.column("words", sa.Text()),
        sa.column("supersedes", sa.Text()),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(revisions.c.id, revisions.c.number, revisions.c.words)).all():
        superseded = json.loads(row.words)[_SUPERSEDES]
        if superseded:
            connection.execute(
                sa.update(revisions)
                .where(revisions.c.id == row.id, revisions.c.number == row.number)
                .values(supersedes=" ".join(superseded))
            )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_notices_alarms", "notices")
    for name in _OF_AUDIT:
        op.drop_index(f"ix_audit_{name}", "audit")
    for name in ("break_glass", "newest", "supersedes", "stage"):
        op.drop_index(f"ix_revisions_{name}", "revisions")
    op.create_index("ix_revisions_stage", "revisions", ["stage"])
    with op.batch_alter_table("revisions") as table:
        table.drop_column("supersedes")
