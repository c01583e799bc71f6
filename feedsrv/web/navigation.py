"""Where the pages of the private surface are, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation."""

    label: str
    path: str
    roles: tuple[str, ...] = ()
    """Who is shown it; empty for everybody. The page itself asks again."""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

    label: str
    entries: tuple[Entry, ...]


NAVIGATION: Final = (
    Group(
        "Work",
        (
            Entry("What needs me", "/"),
            Entry("Mitigations", "/mitigations"),
            Entry("Publish", "/publish"),
            Entry("Notices", "/notices"),
        ),
    ),
    Group(
        "Published",
        (
            Entry("Feeds", "/feeds"),
            Entry("Catalogue", "/catalogue"),
            Entry("Rollout", "/rollout"),
        ),
    ),
    Group(
        "Operations",
        (
            Entry("Keys", "/keys"),
            Entry("Status", "/status"),
            Entry("Audit log", "/audit", ("auditor",)),
        ),
    ),
    Group(
        "Administration",
        (
            Entry("People", "/people", ("administrator",)),
            Entry("Tokens", "/tokens"),
            Entry("Webhooks", "/webhooks", ("administrator",)),
        ),
    ),
)


def where(path: str) -> str:
    """The path of the entry that a page belongs to; empty where it belongs to none.

    >>> where("/mitigations/M0001"), where("/"), where("/account")
    ('/mitigations', '/', '')
    """
    entries = [one.path for group in NAVIGATION for one in group.entries]
    return max(
        (one for one in entries if path == one or (one != "/" and path.startswith(one + "/"))), default=""
    )
