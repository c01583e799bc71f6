"""Run by Alembic: the connection was opened by `feedsrv.stores.database`, which also commits."""

from __future__ import annotations

from alembic import context

from feedsrv.stores.tables import metadata


def migrate() -> None:
    """Take the steps that are missing."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        # SQLite cannot change a table in place; Alembic then copies it.
        render_as_batch=True,
    )
    context.run_migrations()


# Only Alembic fills its context; a search for doctests, say, imports this file and must not run it.
if hasattr(context, "config"):
    migrate()
