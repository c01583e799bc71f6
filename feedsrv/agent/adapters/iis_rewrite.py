"""Changing URL rewrite rules of an IIS server.

All rules are written to `applicationHost.config`: those for the whole server into `<globalRules>`
or the server's `<outboundRules>`, those of a site or application into a `<location>` of that path.
A `web.config` is only read: it belongs to the product, whose updates write it anew. Rules of a
`<location>` match the URL path relative to that path, just as in a `web.config` there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from feedsrv.agent.adapters.config_text import ConfigText, Element, parse_config
from feedsrv.agent.adapters.iis_found import Found, own_elements, section_of, wanted_behaviour
from feedsrv.agent.adapters.iis_rules import behaviour
from feedsrv.agent.adapters.iis_sections import REWRITE, WEB_SERVER, is_declared, spot_for
from feedsrv.agent.adapters.iis_server import IisServer
from feedsrv.agent.adapters.iis_sheets import Sheets
from feedsrv.agent.adapters.splices import Shape, put, replace, shape_of, take
from feedsrv.agent.ports import AdapterError, NameTakenError, Presence, Sight, Target, Undo
from feedsrv.model.action import UrlRewrite
from feedsrv.model.iis_rule import piece_for, precondition_for, precondition_name

PRECONDITIONS: Final = "preConditions"
_COMMENT: Final = re.compile(rb"<!--.*?-->", re.DOTALL)
_HOLDERS: Final = frozenset(
    {"location", WEB_SERVER, REWRITE, "globalRules", "rules", "outboundRules", PRECONDITIONS}
)


class IisRewrite:
    """One URL rewrite rule at a time, with the precondition that belongs to it."""

    def __init__(self, server: IisServer) -> None:
        self._server = server

    def look(self, target: Target) -> Sight:
        """Say what is there now; recognises a rule by what it does, not by its name alone.

        Raises:
            NotThereError: this server has no such site or application.
            AdapterError: the configuration cannot be read.
        """
        return self._find(self._server.read(), target).sight(ours=target.ours)

    def capture(self, target: Target) -> Undo:
        """Return how to get back: whether the rule was there, and which parents of it were.

        Raises:
            NotThereError: this server has no such site or application.
            AdapterError: the configuration cannot be read.
        """
        text = self._server.read()
        found = self._find(text, target)
        note: dict[str, object] = {"kind": "url-rewrite", "file": text.source}
        if found.own.rule is not None and not target.ours and not found.own_is_right:
            return {**note, "before": "taken"}
        if found.own.rule is None and (same := found.same_elsewhere()) is not None:
            return {**note, "before": "present", "under": same[1].attributes.get("name", "")}
        # With our own rule already there, nobody knows any more what its parents looked like: the
        # backup is asked when it comes to that.
        shapes = [] if found.own.rule is not None else self._shapes(text, target)
        return {**note, "before": "absent", "shapes": [_shape_note(shape) for shape in shapes]}

    def apply(self, target: Target) -> None:
        """Write the rule first in its section, or put ours right.

        Raises:
            NameTakenError: the name is taken by a rule that is not ours.
            NotThereError: this server has no such site or application.
            AdapterError: the configuration is damaged, read-only or busy, or URL Rewrite is not installed.
        """
        self._server.change(lambda raw: self._applied(target, raw))

    def undo(self, target: Target, undo: Undo) -> None:
        """Take our rule out; a rule of somebody else is left alone.

        Raises:
            AdapterError: the configuration is damaged, read-only or busy.
        """
        if undo.get("before") != "taken":
            self._server.change(lambda raw: self._undone(target, undo, raw))

    def foretell(self, target: Target) -> str:
        """Say what `apply` would change, line by line.

        Raises:
            AdapterError: as `apply` would.
        """
        text = self._server.read()
        raw = self._server.application_host.read()
        after = self._server.parse(self._applied(target, raw))
        lines = difflib.unified_diff(
            text.data.decode().splitlines(), after.data.decode().splitlines(), "now", "then", n=1, lineterm=""
        )
        return "\n".join([text.source, *lines])

    def _find(self, text: ConfigText, target: Target) -> Found:
        action = _rule_of(target)
        location = self._server.location(text, action.place)
        return Found(text, Sheets(self._server, text, location), action, target.rule_name)

    def _shapes(self, text: ConfigText, target: Target) -> list[Shape]:
        """What the places of our rule and of its precondition look like."""
        action, section = _rule_of(target), section_of(_rule_of(target))
        location = self._server.location(text, action.place)
        paths = [()] if precondition_for(action, target.rule_name) is None else [(), (PRECONDITIONS,)]
        return [
            shape_of(text, spot_for(text, location, section, *path, name=target.rule_name)) for path in paths
        ]

    def _applied(self, target: Target, raw: bytes) -> bytes:
        text = self._server.parse(raw)
        found = self._find(text, target)
        sight = found.sight(ours=target.ours)
        if sight.presence is Presence.CONFLICT:
            raise NameTakenError(f"{sight.detail}; rename or remove that one, then try again")
        is_done = found.own_is_right and found.own_is_enabled and not found.own_comes_too_early
        if sight.presence is Presence.PRESENT or is_done:
            return raw
        self._refuse_undeclared(text, target)
        written = self._with_rule(text, target, moves=found.own_comes_too_early)
        after = self._with_precondition(written, target)
        self._compare(text, after, target, is_wanted=True)
        return after.encode(after.data)

    def _refuse_undeclared(self, text: ConfigText, target: Target) -> None:
        section = section_of(_rule_of(target))
        if not is_declared(text, section):
            raise AdapterError(
                f"{text.source}: the section {WEB_SERVER}/{REWRITE}/{section} is not declared, so the "
                "URL Rewrite module is not installed; install it first, or IIS would refuse the whole file"
            )

    def _with_rule(self, text: ConfigText, target: Target, *, moves: bool) -> ConfigText:
        action = _rule_of(target)
        piece = piece_for(action, target.rule_name)
        own = own_elements(text, action, target.rule_name).rule
        if own is not None and not moves:
            return _again(text, replace(text, own, piece))
        if own is not None:
            text = _again(text, take(text, own))
        location = self._server.location(text, action.place)
        spot = spot_for(text, location, section_of(action), name=target.rule_name)
        if "configSource" in spot.parent.attributes:
            raise AdapterError(
                f"{text.source}, line {spot.parent.line}: the rules of {location} are kept in another file, "
                f"{spot.parent.attributes['configSource']}, which is not changed from here; bring them back"
            )
        return _again(text, put(text, spot, piece))

    def _with_precondition(self, text: ConfigText, target: Target) -> ConfigText:
        action = _rule_of(target)
        piece = precondition_for(action, target.rule_name)
        if piece is None:
            return text
        own = own_elements(text, action, target.rule_name).precondition
        if own is not None:
            return _again(text, replace(text, own, piece))
        location = self._server.location(text, action.place)
        name = precondition_name(target.rule_name)
        return _again(
            text, put(text, spot_for(text, location, section_of(action), PRECONDITIONS, name=name), piece)
        )

    def _undone(self, target: Target, undo: Undo, raw: bytes) -> bytes:
        text = self._server.parse(raw)
        shapes = [_shape_from(note) for note in _list(undo.get("shapes"))]
        original = self._original_shapes(target)
        after = text
        # The precondition goes first, as it came last.
        for number, part in ((1, "precondition"), (0, "rule")):
            own: Element | None = getattr(own_elements(after, _rule_of(target), target.rule_name), part)
            if own is not None:
                after = _again(
                    after, take(after, own, *shapes[number : number + 1], *original[number : number + 1])
                )
        if after is text:
            return raw
        self._compare(text, after, target, is_wanted=False)
        return after.encode(after.data)

    def _original_shapes(self, target: Target) -> list[Shape]:
        """How our places looked before our first change of the file; none where that cannot be told."""
        backup = self._server.application_host.read_backup()
        if backup is None:
            return []
        try:
            text = parse_config(backup, source=str(self._server.application_host.backup))
            return self._shapes(text, target)
        except AdapterError:
            return []

    def _compare(self, before: ConfigText, after: ConfigText, target: Target, *, is_wanted: bool) -> None:
        """Look at the result with other eyes before it goes to the disk."""
        action = _rule_of(target)
        own = own_elements(after, action, target.rule_name)
        condition = (
            {}
            if own.precondition is None
            else {own.precondition.attributes["name"].casefold(): own.precondition}
        )
        done = own.rule is not None and behaviour(own.rule, condition) == wanted_behaviour(
            action, target.rule_name
        )
        if done is not is_wanted or _others(before, target) != _others(after, target):
            raise AdapterError(
                f"{before.source}: the edit of {target.rule_name!r} would not have come out as it should; "
                "the file was not changed; please report this, with the file"
            )


def _rule_of(target: Target) -> UrlRewrite:
    if not isinstance(target.action, UrlRewrite):
        raise TypeError(f"{target.action!r} is no URL rewrite rule")
    return target.action


def _again(text: ConfigText, data: bytes) -> ConfigText:
    return parse_config(text.encode(data), source=text.source)


def _others(text: ConfigText, target: Target) -> tuple[object, ...]:
    """Everything in a file but our rule, our precondition, and holders that hold nothing."""
    own = own_elements(text, _rule_of(target), target.rule_name)
    elements = tuple(_kept(text.root, {id(own.rule), id(own.precondition)}))
    return elements, tuple(_COMMENT.findall(text.data))


def _kept(element: Element, ours: set[int]) -> Iterator[object]:
    inner = tuple(one for child in element.children if id(child) not in ours for one in _kept(child, ours))
    if inner or element.tag not in _HOLDERS or set(element.attributes) - {"path"}:
        yield element.tag, tuple(element.attributes.items()), inner


def _shape_note(shape: Shape) -> dict[str, object]:
    return {"missing": list(shape.missing), "closed": shape.closed}


def _shape_from(note: object) -> Shape:
    if not isinstance(note, Mapping):
        return Shape()
    closed = note.get("closed")
    return Shape(
        tuple(str(tag) for tag in _list(note.get("missing"))), closed if isinstance(closed, str) else None
    )


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
