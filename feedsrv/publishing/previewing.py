"""What an agent would change on a server, and how it takes that back: for people who review a mitigation.

Written from the words alone, in the form in which agents write it; the server itself is seen by them alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerChange:
    """What one action does to a server that is affected."""

    action_id: str
    title: str
    where: str
    """What is changed: a file with its location, an application pool, a service."""
    before: str | None
    """What is there before; None where nothing of it is, or nobody here can know."""
    change: str
    """The fragment of `applicationHost.config` with its location, or what is set."""
    undo: str
    """How it is taken back."""
