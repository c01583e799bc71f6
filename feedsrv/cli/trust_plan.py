"""The plan for certificates as people read it at a glance, and as programs do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from feedsrv.clock import to_text
from feedsrv.publishing.planning import Outlook, TrustPlan
from feedsrv.publishing.timeline import Mark

_DAY = timedelta(days=1)
_VERBS = {"ends": "ends", "begins": "begins", "use": "planned to be used", "review": "review is due"}

# A plan is read at a glance; whoever needs all digits asks for JSON.
_FULL_NAME = re.compile(r"\(serial [0-9a-f]+, SHA-256 ([0-9a-f]{16})[0-9a-f]{48}\)")
_CLOCK = re.compile(r", and it is \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def as_text(plan: TrustPlan) -> str:
    """What must happen, the line of time, what agents see, and a planned switch; in that order."""
    parts = [
        [f"as of {plan.at:%Y-%m-%d %H:%M} UTC"],
        ["WHAT MUST HAPPEN, AND BY WHEN", *_tasks(plan)],
        ["ONE LINE OF TIME", *_line(plan)],
        ["AGENTS, AND HOW LONG THEY BELIEVE WHAT SIGNS TODAY", *_agents(plan)],
        ["WHAT IS PUBLISHED, AS AN AGENT SEES IT THAT IS SET UP ANEW", *_listed(plan)],
        *([[f"IF ON {plan.switch.on:%Y-%m-%d} {plan.switch.what}", *_switch(plan)]] if plan.switch else []),
    ]
    text = "\n\n".join("\n".join(lines) for lines in parts)
    return _CLOCK.sub("", _FULL_NAME.sub(r"(\1)", text))


def as_json(plan: TrustPlan) -> dict[str, object]:
    """The same for programs; moments in UTC."""
    return {
        "at": to_text(plan.at),
        "safe": plan.is_safe,
        "tasks": [
            {"by": to_text(one.by), "act": one.act, "why": one.why, "overdue": one.by < plan.at}
            for one in plan.tasks
        ],
        "notes": list(plan.notes),
        "marks": [
            {
                "at": to_text(one.at),
                "what": one.what,
                "who": one.who,
                "state": one.state,
                "sha256": one.fingerprint,
            }
            for one in plan.marks
        ],
        "agents": [_outlook(one) for one in plan.agents],
        "published": [_outlook(one) for one in plan.listed],
        "switch": plan.switch
        and {
            "on": to_text(plan.switch.on),
            "what": plan.switch.what,
            "refusals": list(plan.switch.refusals),
        },
    }


def _outlook(one: Outlook) -> dict[str, object]:
    refused = None if one.refused_from is None else to_text(one.refused_from)
    return {"who": one.who, "what": one.what, "refusedFrom": refused, "why": one.why}


def _tasks(plan: TrustPlan) -> Iterator[str]:
    for one in plan.tasks:
        mark = "!!" if one.by < plan.at else "  "
        yield f"{mark} {one.by:%Y-%m-%d}  {_away(one.by, plan.at):>14}  {one.act}"
        yield f"{'':32}because {one.why}"
    if not plan.tasks:
        yield "   nothing is at work yet"
    for note in plan.notes:
        yield f"   note: {note}"


def _line(plan: TrustPlan) -> Iterator[str]:
    """Everything on one line, with today in its place."""
    rows = [(one.at, _mark(one, plan.at)) for one in plan.marks]
    past = sum(at < plan.at for at, _ in rows)
    rows.insert(past, (plan.at, f"   o  {plan.at:%Y-%m-%d}  {'--- today ---':>14}"))
    for year, those in groupby(rows, key=lambda row: row[0].year):
        yield f"   {year}"
        yield from (line for _, line in those)


def _mark(one: Mark, at: datetime) -> str:
    state = f"  [{one.state}]" if one.state else ""
    return f"   |  {one.at:%Y-%m-%d}  {_away(one.at, at):>14}  {one.who} {_VERBS[one.what]}{state}"


def _agents(plan: TrustPlan) -> Iterator[str]:
    for who, those in groupby(plan.agents, key=lambda one: one.who):
        yield f"   {who}"
        for one in those:
            yield f"      {one.what:<12}{_until(one, plan.at)}"
    if not plan.agents:
        yield "   no generation is known yet; the next publication remembers the first"


def _listed(plan: TrustPlan) -> Iterator[str]:
    for one in plan.listed:
        yield f"   {one.what}, signed by {one.who}"
        yield f"      {_until(one, plan.at)}"
    if not plan.listed:
        yield "   nothing is published yet"


def _switch(plan: TrustPlan) -> Iterator[str]:
    assert plan.switch is not None
    for sentence in plan.switch.refusals:
        yield f"!! {sentence}"
    if not plan.switch.refusals:
        yield "   no agent that is known would be stranded, and new ones open all that is published"


def _until(one: Outlook, at: datetime) -> str:
    if one.refused_from is None:
        return "believed; nothing that is known ends it"
    if one.refused_from <= at:
        return f"REFUSED NOW: {one.why}"
    return f"believed until {one.refused_from:%Y-%m-%d} ({_away(one.refused_from, at)}); then: {one.why}"


def _away(moment: datetime, at: datetime) -> str:
    days = (moment - at) // _DAY
    if days < 0:
        return f"{-days} days ago"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
