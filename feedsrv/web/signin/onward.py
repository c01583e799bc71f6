"""Where to go after a sign-in: a page of ours, and never anybody else's."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

HOME: Final = "/"
_LONGEST: Final = 500
"""Characters; a page with every filter set has some hundred, and three of them must fit into one cookie."""
# Going back there would sign somebody out, or in once more.
_NOT_THERE: Final = ("/signin", "/signout", "/api/")


def own_path(wanted: str | None) -> str:
    r"""The path to go to, where it is one of ours; else the front page.

    >>> own_path("/mitigations?stage=draft"), own_path("//evil.example"), own_path("/\\evil.example")
    ('/mitigations?stage=draft', '/', '/')
    """
    if not wanted or len(wanted) > _LONGEST:
        return HOME
    # Browsers take a backslash for a slash, and drop tabs and line ends; a proxy may decode what is coded.
    for form in (wanted, unquote(wanted)):
        if not form.startswith("/") or form[1:2] in ("/", "\\") or not form.isprintable() or "\\" in form:
            return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or parts.path.startswith(_NOT_THERE):
        return HOME
    return wanted
