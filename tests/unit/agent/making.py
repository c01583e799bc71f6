"""Mitigations, feeds and states for the agent's tests, each with one line of what matters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from feedsrv.agent.state import Applied, Change
from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    InboundRule,
    Place,
    Scope,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.feed import Entry, EntryState, Feed, digest_of
from feedsrv.model.mitigation import Affects, Mitigation, Severity, Status, rule_name

AT: Final = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
PRODUCT: Final = "exchange-2019"
AFFECTED: Final = Build.parse("15.2.986.5")
FIXED: Final = Build.parse("15.2.986.36")
INTRODUCED: Final = Build.parse("15.2.221.12")
DEVICE: Final = "6f9c2f0e-4c5f-4f0e-9a51-0d9d3e1f7a10"


def rule(
    id_: str = "A1",
    *,
    name: str = "PowerShell - inbound",
    pattern: str = ".*",
    site: str = "Default Web Site",
) -> UrlRewrite:
    """A rule that blocks requests to a site."""
    condition = Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)")
    return UrlRewrite(
        id_, name, Place(Scope.SITE, site), InboundRule(pattern, AbortRequest(), conditions=(condition,))
    )


def pool(id_: str = "A1", name: str = "MSExchangeECPAppPool") -> AppPool:
    """An application pool to stop."""
    return AppPool(id_, name)


def mitigation(
    id_: str = "M0001",
    revision: int = 1,
    *,
    actions: tuple[Action, ...] | None = None,
    introduced: Build = INTRODUCED,
    fixed: Build | None = FIXED,
    product: str = PRODUCT,
    status: Status = Status.ACTIVE,
    supersedes: tuple[str, ...] = (),
    channel: str = "production",
    issued: datetime = AT,
) -> Mitigation:
    """A mitigation that affects builds below `FIXED`."""
    return Mitigation(
        id_,
        revision,
        issued,
        Severity.CRITICAL,
        f"Block {id_}",
        "Blocks requests that abuse a vulnerability.",
        date(2026, 9, 1),
        (Affects(product, (BuildRange(introduced, fixed),)),),
        actions or (rule(),),
        status=status,
        channel=channel,
        vulnerabilities=("CVE-2022-41040",),
        change=None if revision == 1 else f"Changed for revision {revision}.",
        no_fix_yet=None if fixed else "No cumulative update holds the fix yet.",
        supersedes=supersedes,
    )


def entry(id_: str = "M0001", revision: int = 1, *, rollout: int = 100) -> Entry:
    """A feed's line for a mitigation."""
    return Entry(id_, revision, EntryState.ACTIVE, digest_of(f"{id_}/{revision}".encode()), 100, rollout)


def feed(*entries: Entry, expires: datetime = AT + timedelta(days=7), version: int = 1) -> Feed:
    """A feed with these lines."""
    previous = None if version == 1 else digest_of(b"before")
    return Feed(PRODUCT, "production", version, AT, expires, previous, entries)


def applied(
    one: Mitigation, *, order: int = 1, complete: bool = True, actions: tuple[Action, ...] | None = None
) -> Applied:
    """What is recorded of a mitigation whose changes are in place."""
    changes = tuple(
        Change(
            action,
            rule_name("feedsrv", one.id, action.id, getattr(action, "name", "")),
            {"before": "absent"},
            n,
        )
        for n, action in enumerate(actions or one.actions, order)
    )
    return Applied(one.id, one.revision, AT, changes, complete)
