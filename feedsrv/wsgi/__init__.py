"""The two surfaces, as gunicorn loads them: `gunicorn "feedsrv.wsgi:public()"`, and `private()`.

The public one is handed a folder of published files, and nothing else: no key, no database, no secret.
The private one reads the database, and opens the keys for as long as a publication takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from feedsrv.web.door import Door

# What a surface needs is loaded when it is asked for: a public process must not so much as load a
# database, and a command that makes the public page needs neither surface.


def public() -> Door:
    """The public surface for the settings of this process's environment."""
    from feedsrv.settings import read_settings  # noqa: PLC0415 -- see above
    from feedsrv.web.app import create_app  # noqa: PLC0415 -- see above
    from feedsrv.web.folder import FolderShelf  # noqa: PLC0415 -- see above

    settings = read_settings()
    return create_app(shelf=FolderShelf(settings.shelf_folder), publisher=settings.publisher)


def private() -> Flask:
    """The private surface for the settings of this process's environment."""
    from feedsrv.observability.logs import configure_logging  # noqa: PLC0415 -- see above
    from feedsrv.settings import read_settings  # noqa: PLC0415 -- see above
    from feedsrv.wsgi.private import private_app  # noqa: PLC0415 -- see above

    configure_logging()
    return private_app(read_settings())
