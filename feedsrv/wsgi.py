"""The two surfaces, as gunicorn loads them: `gunicorn "feedsrv.wsgi:public()"`, and `private()`.

The public one is handed a folder of published files, and nothing else: no key, no database. The private
one reads the database and certificates, and opens no key.
"""

from __future__ import annotations

from functools import partial

from flask import Flask

from feedsrv.observability.logs import configure_logging
from feedsrv.settings import read_settings
from feedsrv.web.app import create_app
from feedsrv.web.door import Door
from feedsrv.web.folder import FolderShelf


def public() -> Door:
    """The public surface for the settings of this process's environment."""
    settings = read_settings()
    return create_app(shelf=FolderShelf(settings.shelf_folder), publisher=settings.publisher)


def private() -> Flask:
    """The private surface for the settings of this process's environment."""
    # Not at the top: a public process must not so much as load a database.
    from feedsrv.web.private import create_private_app  # noqa: PLC0415 -- see above
    from feedsrv.wiring.watch import look  # noqa: PLC0415 -- see above

    configure_logging()
    settings = read_settings()
    return create_private_app(look=partial(look, settings), publisher=settings.publisher)
