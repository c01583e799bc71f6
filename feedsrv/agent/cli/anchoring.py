"""`feedsrv-agent trust`: which anchors count here, and taking back one that was adopted."""

from __future__ import annotations

import json
import logging

import click

from feedsrv.agent.adopting import Judge, Judged
from feedsrv.agent.anchors import AnchorShelf
from feedsrv.agent.cli.common import Home, log_to, pass_home, say
from feedsrv.agent.events import tell_act
from feedsrv.agent.lists import Lists
from feedsrv.agent.revocations import CrlShelf
from feedsrv.agent.settings import AgentSettings
from feedsrv.agent.trusting import Trust
from feedsrv.clock import now, to_text
from feedsrv.model.feed import Feed
from feedsrv.trust.profile import fingerprint

log = logging.getLogger(__name__)


@click.group("trust")
def trust() -> None:
    """Show the anchors that count here, and take back an adopted one."""


@trust.command("list")
@click.option("--json", "json_", is_flag=True, help="For programs.")
@pass_home
def list_(home: Home, *, json_: bool) -> None:
    """List the anchors: pinned by you, or adopted because one of yours vouched for them."""
    rows = anchor_rows(Trust.of(home.settings_file.load(), home.folder, now()))
    forgotten = sorted(AnchorShelf(home.folder).forgotten())
    if json_:
        click.echo(json.dumps({"anchors": rows, "forgotten": forgotten}, indent=1, ensure_ascii=False))
        return
    for row in rows:
        say(anchor_in_words(row))
    for name in forgotten:
        say(f"{name}  forgotten, and not adopted again")
    for damaged in AnchorShelf(home.folder).damaged():
        say(str(damaged))


@trust.command("forget")
@click.argument("name", metavar="FINGERPRINT")
@pass_home
def forget(home: Home, name: str) -> None:
    """Take an adopted root back, by its SHA-256: it counts no more, and is not adopted again."""
    asked = name.replace(":", "").lower()
    with home.held():
        log_to(home.folder)
        shelf = AnchorShelf(home.folder)
        shelf.forget(asked, now())
        tell_act(log, "anchor.forgotten", fingerprint=asked)
        vouched = [one.fingerprint for one in shelf.adopted() if one.by == asked]
    say(
        f"{asked} is forgotten: what was trusted by it alone is refused from the next sync on, and what is "
        "applied stays. To trust it again, pin it beside the others with `feedsrv-agent config --anchor`, "
        "which names all of them"
    )
    for one in vouched:
        say(f"{one}, for which it vouched, still counts; `trust forget` takes that back, too")


def anchor_rows(found: Trust) -> list[dict[str, object]]:
    """Every anchor, for programs."""
    rows: list[dict[str, object]] = [
        {
            "sha256": fingerprint(one),
            "subject": one.subject.rfc4514_string(),
            "ends": to_text(one.not_valid_after_utc),
            "how": "pinned",
        }
        for one in found.pinned
    ]
    for standing, adopted in (("adopted", found.adopted), ("revoked", found.fallen)):
        rows += [
            {
                "sha256": one.fingerprint,
                "subject": one.certificate.subject.rfc4514_string(),
                "ends": to_text(one.certificate.not_valid_after_utc),
                "how": standing,
                "by": one.by,
                "at": to_text(one.at),
            }
            for one in adopted
        ]
    return rows


def anchor_in_words(row: dict[str, object]) -> str:
    """One anchor in one line."""
    how = str(row["how"])
    if how != "pinned":
        how = f"adopted at {row['at']}, vouched for by {row['by']}"
    if row["how"] == "revoked":
        how += ", who has revoked that since: it counts no more"
    return f"{row['sha256']}  {how}; {row['subject']}, ends {row['ends']}"


def announced_here(home: Home, settings: AgentSettings, found: Trust, feed: Feed) -> tuple[Judged, ...]:
    """What the trusted feed announces, as the next sync would judge it."""
    lists = Lists(CrlShelf(home.folder), found.base.crls, found.base.anchors)
    forgotten = AnchorShelf(home.folder).forgotten()
    judge = Judge(found, found.policy(lists.at_hand), forgotten, settings.adopt_anchors, now())
    return tuple(judge.judge(one) for one in feed.announced)


def announced_row(one: Judged) -> dict[str, object]:
    """One announcement, for programs."""
    return {
        "role": one.announcement.role,
        "subject": one.subject,
        "sha256": one.announcement.sha256,
        "begins": to_text(one.announcement.begins),
        "standing": one.standing.value,
        "why": one.why,
    }


def announced_in_words(one: Judged) -> str:
    """One announcement in one line."""
    said = one.announcement
    why = f" ({one.why})" if one.why else ""
    return f"{said.role} {one.subject}, from {to_text(said.begins)}: {one.standing}{why}; {said.sha256}"
