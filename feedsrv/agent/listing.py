"""What is in force on this server, as it is now: for people, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lxml import etree

from feedsrv.agent.changing import Changer
from feedsrv.agent.ports import Presence
from feedsrv.agent.state import AgentState, Standing, Status

_COLUMNS = ("id", "revision", "status", "in place", "title", "detail")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_NAMESPACE = "urn:feedsrv:agent-list:1"


def standings_now(state: AgentState, changer: Changer | None) -> tuple[Standing, ...]:
    """How each mitigation stood at the last sync, and how what is in place looks at this moment.

    Without a server to look at, only the former.
    """
    listed = {one.id: one for one in state.standings}
    for one in state.applied.values():
        listed.setdefault(one.id, Standing(one.id, one.revision, Status.APPLIED, "not judged by a sync yet"))
    blocked = {id_: Standing(id_, None, Status.BLOCKED, "blocked on this server") for id_ in state.blocked}
    return tuple(_now(one, state, changer) for _, one in sorted({**blocked, **listed}.items()))


def _now(standing: Standing, state: AgentState, changer: Changer | None) -> Standing:
    applied = state.applied.get(standing.id)
    standing = replace(standing, in_place=applied is not None)
    if standing.id in state.blocked and standing.status is not Status.BLOCKED:
        standing = replace(standing, status=Status.BLOCKED, detail=f"blocked here; {standing.detail}")
    if applied is None or changer is None:
        return standing
    seen = [changer.look(applied.target(change)) for change in applied.changes]
    standing = replace(standing, places=tuple(one.detail for one in seen))
    worst = next((one for one in seen if one.presence is not Presence.PRESENT), None)
    if worst is None or standing.status is not Status.APPLIED:
        return standing
    status = _STATUS_OF.get(worst.presence, Status.FAILED) if worst.presence is not None else Status.FAILED
    return replace(standing, status=status, detail=f"not in force at this moment: {worst.detail}")


_STATUS_OF = {
    Presence.CONFLICT: Status.CONFLICT,
    Presence.DISABLED: Status.DISABLED,
    Presence.CHANGED: Status.FAILED,
    Presence.ABSENT: Status.FAILED,
}


def as_table(standings: Sequence[Standing]) -> str:
    """For people: one line for each mitigation, and one below it for each place that was changed."""
    if not standings:
        return "No mitigation is known here yet. `feedsrv-agent sync` asks for them."
    widths = [max(len(one.id) + len(_revision(one)) + 1 for one in standings), 13]
    lines: list[str] = []
    for one in standings:
        name = f"{one.id} {_revision(one)}".strip()
        shown = f"{one.status}{' *' if one.in_place else ''}"
        lines.append(f"{name:<{widths[0]}}  {shown:<{widths[1]}}  {one.title or '-'}")
        below = " " * (sum(widths) + 4)
        new = (place for place in one.places if one.detail not in place and place not in one.detail)
        told = [one.detail, *(f"  {place}" for place in new)]
        lines.extend(f"{below}{line}" for text in told for line in text.splitlines())
    if any(one.in_place for one in standings):
        lines += ["", "* changes of it are in place on this server"]
    return "\n".join(line.rstrip() for line in lines)


def as_json(standings: Iterable[Standing]) -> str:
    """For programs."""
    return json.dumps([_fields(one) for one in standings], indent=1, ensure_ascii=False) + "\n"


def as_csv(standings: Iterable[Standing]) -> str:
    """For spreadsheets. A text that a spreadsheet would run as a formula is made harmless."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for one in standings:
        row = [one.id, one.revision or "", one.status, "yes" if one.in_place else "no", one.title, one.detail]
        writer.writerow([f"'{cell}" if str(cell).startswith(_FORMULAS) else cell for cell in row])
    return held.getvalue()


def as_xml(standings: Iterable[Standing]) -> bytes:
    """For whoever exported XML so far."""
    root = etree.Element(f"{{{_NAMESPACE}}}Mitigations", nsmap={None: _NAMESPACE})
    for one in standings:
        element = etree.SubElement(root, f"{{{_NAMESPACE}}}Mitigation", id=one.id, status=str(one.status))
        if one.revision is not None:
            element.set("revision", str(one.revision))
        element.set("inPlace", "true" if one.in_place else "false")
        for name, text in (("Title", one.title), ("Detail", one.detail)):
            if text:
                etree.SubElement(element, f"{{{_NAMESPACE}}}{name}").text = printable(text)
        for place in one.places:
            etree.SubElement(element, f"{{{_NAMESPACE}}}Place").text = printable(place)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def printable(text: str) -> str:
    """A text without control characters: they would steer a terminal, and XML holds none."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def _revision(one: Standing) -> str:
    return "" if one.revision is None else f"r{one.revision}"


def _fields(one: Standing) -> dict[str, object]:
    return {
        "id": one.id,
        "revision": one.revision,
        "status": one.status,
        "inPlace": one.in_place,
        "title": one.title,
        "detail": one.detail,
        "places": list(one.places),
    }
