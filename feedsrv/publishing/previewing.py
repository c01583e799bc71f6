"""What an agent would change on a server, and how it takes that back: for people who review a mitigation.

Written from the words alone, in the form in which agents write it. Only they see the server itself, and may
find a part of it there already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, assert_never
from xml.sax.saxutils import quoteattr

from feedsrv.model.action import (
    Action,
    AppPool,
    DoNothing,
    OutboundRule,
    Place,
    Scope,
    Service,
    UrlRewrite,
    title,
    undo_title,
)
from feedsrv.model.iis_rule import Piece, piece_for, precondition_for, precondition_name
from feedsrv.model.mitigation import Mitigation, Status, rule_name

APPLICATION_HOST: Final = "applicationHost.config"
_UNIT: Final = "    "
_ESCAPES: Final = {'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}


@dataclass(frozen=True, slots=True)
class ServerChange:
    """What one action does to a server that is affected."""

    action_id: str
    title: str
    where: str
    """What is changed: a file with its location, an application pool, a service."""
    before: str | None
    """What is there before, as far as it matters; None where nothing of it is."""
    change: str
    """The fragment of `applicationHost.config` with its location, or what is set and run, line by line."""
    undo: str
    """How it is taken back, line by line."""


def preview(mitigation: Mitigation, publisher: str) -> tuple[ServerChange, ...]:
    """What each action does to a server, in order; of a withdrawn mitigation, how each is taken back.

    `publisher` is the name by which agents know rules of ours.
    """
    done = (_change(mitigation, action, publisher) for action in mitigation.actions)
    if mitigation.status is Status.WITHDRAWN:
        return tuple(map(_taken_back, done))
    return tuple(done)


def _taken_back(done: ServerChange) -> ServerChange:
    return replace(
        done,
        title=f"take back: {done.title}",
        before=done.change,
        change=done.undo,
        undo="nothing to take back: a server is as it was before the mitigation",
    )


def _change(mitigation: Mitigation, action: Action, publisher: str) -> ServerChange:
    match action:
        case UrlRewrite():
            name = rule_name(publisher, mitigation.id, action.id, action.name)
            where, before, change, undo = _of_rule(action, name)
        case AppPool(pool=pool):
            where, before, change, undo = _of_pool(pool)
        case Service(service=service):
            where, before, change, undo = _of_service(service)
        case DoNothing():
            where, before = "nothing", None
            change, undo = "nothing is changed", "nothing to take back"
        case _:
            assert_never(action)
    return ServerChange(action.id, title(action), where, before, change, undo)


def _of_rule(action: UrlRewrite, name: str) -> tuple[str, str | None, str, str]:
    location = location_of(action.place)
    where = f"{APPLICATION_HOST}, " + (f"location {location}" if location else "the whole server")
    undo = [f"{undo_title(action)}: {name}"]
    if precondition_for(action, name) is not None:
        undo.append(f"remove its precondition: {precondition_name(name)}")
    undo.append("remove the elements around it that were not there before")
    return where, None, "\n".join(_lines(_document(action, name, location))), "\n".join(undo)


def _of_pool(pool: str) -> tuple[str, str | None, str, str]:
    name = _word(f"/apppool.name:{pool}")
    change = (
        'autoStart="false"',
        'startMode="OnDemand"',
        f"appcmd.exe stop apppool {name}",
    )
    undo = (
        "autoStart and startMode as they were written before",
        f"appcmd.exe start apppool {name} (where it was started before)",
    )
    where = f"{APPLICATION_HOST}, application pool {pool}"
    return where, "the pool as each server has it", "\n".join(change), "\n".join(undo)


def _of_service(service: str) -> tuple[str, str | None, str, str]:
    name = _word(service)
    change = (f"sc.exe config {name} start= disabled", f"sc.exe stop {name}")
    undo = (
        f"sc.exe config {name} start= (the start mode it had before)",
        f"sc.exe start {name} (where it was running before)",
    )
    return f"service {service}", "the service as each server has it", "\n".join(change), "\n".join(undo)


def _word(text: str) -> str:
    """One word of a command line; names of pools and services hold no quotation mark."""
    return f'"{text}"' if " " in text else text


def location_of(place: Place) -> str:
    """The path of the `<location>` that holds the rules of a place; empty for the whole server.

    >>> location_of(Place(Scope.APPLICATION, "Default Web Site", "/owa"))
    'Default Web Site/owa'
    """
    return "/".join(part for path in (place.site or "", place.path or "") for part in path.split("/") if part)


def _lines(piece: Piece, indent: str = "") -> Iterator[str]:
    """An element as IIS writes it."""
    said = "".join(f" {name}={quoteattr(value, _ESCAPES)}" for name, value in piece.attributes.items())
    if not piece.children:
        yield f"{indent}<{piece.tag}{said} />"
        return
    yield f"{indent}<{piece.tag}{said}>"
    for child in piece.children:
        yield from _lines(child, indent + _UNIT)
    yield f"{indent}</{piece.tag}>"


def _document(action: UrlRewrite, name: str, location: str) -> Piece:
    """The rule in all the elements that stand around it."""
    precondition = precondition_for(action, name)
    inside: tuple[Piece, ...] = (piece_for(action, name),)
    if precondition is not None:
        inside = (*inside, Piece("preConditions", {}, (precondition,)))
    section = Piece(_section(action), {}, inside)
    whole = Piece("system.webServer", {}, (Piece("rewrite", {}, (section,)),))
    return Piece("location", {"path": location}, (whole,)) if location else whole


def _section(action: UrlRewrite) -> str:
    if isinstance(action.rule, OutboundRule):
        return "outboundRules"
    return "globalRules" if action.place.scope is Scope.SERVER else "rules"
