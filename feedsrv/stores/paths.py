"""Which paths a shelf has: those that every web server serves alike, and nothing hidden."""

from __future__ import annotations

import re
from typing import Final

from feedsrv.publishing.refusals import BadPathError

_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
_PATH: Final = re.compile(rf"(?:{_NAME}/){{0,7}}{_NAME}")


def checked_path(path: str) -> str:
    """A path of the shelf, as it is.

    Raises:
        BadPathError: it would lead elsewhere, hides something, or names a compressed sibling.
    """
    if not _PATH.fullmatch(path) or path.endswith(".gz"):
        raise BadPathError(path)
    return path
