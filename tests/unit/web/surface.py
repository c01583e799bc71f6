"""The public surface over a shelf, as somebody who asks it sees it."""

from __future__ import annotations

from pathlib import Path

from werkzeug.test import Client, TestResponse

from feedsrv.web.app import create_app
from feedsrv.web.folder import FolderShelf
from tests.unit.web.published import AT, CURRENT, lay_out

FEED = f"/{CURRENT}"


def client_of(folder: Path) -> Client:
    """Somebody who asks, at the moment of the small publication."""
    return Client(create_app(shelf=FolderShelf(folder), publisher="Contoso", clock=lambda: AT))


def published(folder: Path) -> Path:
    """The folder, with the small publication in it."""
    lay_out(folder)
    return folder


def get(client: Client, path: str, **headers: str) -> TestResponse:
    """Ask with these headers; `Accept_Encoding` is `Accept-Encoding`."""
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
