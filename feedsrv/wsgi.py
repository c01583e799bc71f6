"""The public surface, as gunicorn loads it: `gunicorn "feedsrv.wsgi:public()"`.

It is handed a folder of published files, and nothing else: no key, no database.
"""

from __future__ import annotations

from feedsrv.settings import read_settings
from feedsrv.web.app import create_app
from feedsrv.web.door import Door
from feedsrv.web.folder import FolderShelf


def public() -> Door:
    """The application for the settings of this process's environment."""
    settings = read_settings()
    return create_app(shelf=FolderShelf(settings.shelf_folder), publisher=settings.publisher)
