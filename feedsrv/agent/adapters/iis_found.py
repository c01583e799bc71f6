"""What is found on a server where one of our URL rewrite rules belongs.

Pure once the files are read: who holds our name, who does the same under another, and what takes
our rule away again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from feedsrv.agent.adapters.config_text import ConfigText, Element
from feedsrv.agent.adapters.iis_rules import (
    Behaviour,
    Node,
    behaviour,
    is_true,
    stops_everything,
)
from feedsrv.agent.adapters.iis_sections import (
    GLOBAL_RULES,
    OUTBOUND_RULES,
    RULES,
    blocks,
    sections,
    takes_away,
)
from feedsrv.agent.adapters.iis_server import key_of, location_of
from feedsrv.agent.adapters.iis_sheets import Sheet, Sheets
from feedsrv.agent.ports import Presence, Sight
from feedsrv.model.action import Direction, Scope, UrlRewrite
from feedsrv.model.iis_rule import piece_for, precondition_for, precondition_name


def section_of(action: UrlRewrite) -> str:
    """The section that holds rules of this kind at this place."""
    if action.direction is Direction.OUTBOUND:
        return OUTBOUND_RULES
    return GLOBAL_RULES if action.place.scope is Scope.SERVER else RULES


def wanted_behaviour(action: UrlRewrite, rule_name: str) -> Behaviour:
    """What our rule is to do."""
    condition = precondition_for(action, rule_name)
    known: dict[str, Node] = {} if condition is None else {condition.attributes["name"].casefold(): condition}
    return behaviour(piece_for(action, rule_name), known)


@dataclass(frozen=True, slots=True)
class OwnElements:
    """Our rule and its precondition in `applicationHost.config`, as far as they are there."""

    rule: Element | None
    precondition: Element | None


def own_elements(text: ConfigText, action: UrlRewrite, rule_name: str) -> OwnElements:
    """Find what carries our name at the place where we write."""
    place = action.place
    key = key_of("" if place.site is None else location_of(place.site, place.path or "/"))
    found = [
        element
        for block in blocks(text)
        if block.key == key
        for element in sections(block, section_of(action))
    ]
    rules = (rule for section in found for rule in section.named("rule"))
    conditions = (one for section in found for one in section.descend("preConditions", "preCondition"))
    return OwnElements(
        next((one for one in rules if _is_named(one, rule_name)), None),
        next((one for one in conditions if _is_named(one, precondition_name(rule_name))), None),
    )


class Found:
    """Everything that matters about one rule at its place."""

    def __init__(self, text: ConfigText, sheets: Sheets, action: UrlRewrite, rule_name: str) -> None:
        self._text = text
        self._sheets = sheets
        self._name = rule_name
        self._section = section_of(action)
        self._wanted = wanted_behaviour(action, rule_name)
        self._all = list(sheets.sections(self._section))
        self._conditions = sheets.preconditions()
        self._named_condition = precondition_for(action, rule_name) is not None
        self.own = own_elements(text, action, rule_name)

    @property
    def own_is_right(self) -> bool:
        """True where our rule is there and does what it should, whether or not it is switched off."""
        return self.own.rule is not None and self._does(self.own.rule) == self._wanted

    @property
    def own_is_enabled(self) -> bool:
        """True where our rule is there and not switched off in itself."""
        return self.own.rule is not None and is_true(self.own.rule, "enabled", default=True)

    @property
    def own_comes_too_early(self) -> bool:
        """True where a `<clear/>` or `<remove>` stands behind our rule in the very section that holds it."""
        rule = self.own.rule
        if rule is None or rule.parent is None:
            return False
        return any(takes_away(one, self._name) and one.start > rule.start for one in rule.parent.children)

    def same_elsewhere(self) -> tuple[Sheet, Element] | None:
        """A rule of this place that is not ours by name, and does the same."""
        for sheet in self._sheets.here(self._section):
            for rule in sheet.section.named("rule"):
                is_same = rule is not self.own.rule and self._does(rule) == self._wanted
                if is_same and is_true(rule, "enabled", default=True) and not self._taken_away(rule):
                    return sheet, rule
        return None

    def sight(self, *, ours: bool) -> Sight:
        """Judge what is there."""
        if self.own.rule is None:
            return self._without_own(ours=ours)
        where = f"{self._text.source}, line {self.own.rule.line}"
        trouble = self._conflict_or_change(where, ours=ours) or self._switched_off(self.own.rule, where)
        return trouble or Sight(Presence.PRESENT, self._with_notes(f"{where}: {self._name!r} is in place"))

    def _conflict_or_change(self, where: str, *, ours: bool) -> Sight | None:
        clash = next(self._clashes(), None)
        if clash is not None:
            return Sight(Presence.CONFLICT, f"{clash}: the name {self._name!r} is used a second time")
        if self.own_is_right:
            return None
        if ours:
            return Sight(
                Presence.CHANGED, f"{where}: {self._name!r} was changed in its {self._differences()}"
            )
        return Sight(
            Presence.CONFLICT, f"{where}: the name {self._name!r} is taken by a rule that does something else"
        )

    def _switched_off(self, rule: Element, where: str) -> Sight | None:
        if not self.own_is_enabled:
            return Sight(Presence.DISABLED, f'{where}: {self._name!r} is switched off by enabled="false"')
        away = [*self._taken_away(rule), *self._sheets.module_removed()]
        if away:
            return Sight(Presence.DISABLED, f"{self._name!r} is taken away again by {'; '.join(away)}")
        return None

    def _without_own(self, *, ours: bool) -> Sight:
        same = self.same_elsewhere()
        if same is not None:
            sheet, rule = same
            return Sight(
                Presence.PRESENT,
                f"{sheet.where(rule)}: {rule.attributes.get('name', '')!r}, which is not ours, does the same",
            )
        clash = next(self._clashes(), None)
        if clash is not None:
            return Sight(
                Presence.CONFLICT, f"{clash}: the name {self._name!r} is taken by a rule that is not ours"
            )
        taken = self.own.precondition
        if taken is not None and not ours:
            where = f"{self._text.source}, line {taken.line}"
            return Sight(Presence.CONFLICT, f"{where}: the name {precondition_name(self._name)!r} is taken")
        return Sight(Presence.ABSENT, self._with_notes(f"{self._name!r} is not there"))

    def _does(self, rule: Element) -> Behaviour:
        return behaviour(rule, self._conditions)

    def _clashes(self) -> Iterator[str]:
        """Other rules of our name along the way: IIS answers 500.19 where one inherits the other."""
        for sheet in self._all:
            for rule in sheet.section.named("rule"):
                if rule is not self.own.rule and _is_named(rule, self._name):
                    yield sheet.where(rule)

    def _differences(self) -> str:
        assert self.own.rule is not None
        now = self._does(self.own.rule)
        names = (
            one.name for one in fields(Behaviour) if getattr(now, one.name) != getattr(self._wanted, one.name)
        )
        return ", ".join(name.replace("_", " ") for name in names)

    def _taken_away(self, rule: Element) -> list[str]:
        """File and line of what takes a rule, or its precondition, away where it should act."""
        name = rule.attributes.get("name", "")
        found = [sheet.where(one) for sheet, one in self._after(rule) if takes_away(one, name)]
        if rule is self.own.rule and self._named_condition:
            found += [
                sheet.where(one)
                for sheet, section in self._after(rule, whole_section=True)
                for holder in section.named("preConditions")
                for one in holder.children
                if takes_away(one, precondition_name(self._name)) and not self._is_before_own_condition(one)
            ]
        return found

    def _is_before_own_condition(self, one: Element) -> bool:
        own = self.own.precondition
        return own is not None and one.parent is own.parent and one.start < own.start

    def _after(self, rule: Element, *, whole_section: bool = False) -> Iterator[tuple[Sheet, Element]]:
        """What IIS reads after a rule, here and below: elements of sections, or the sections themselves."""
        seen = False
        for sheet in self._all:
            if not self._sheets.is_here_or_below(sheet):
                continue
            is_own = sheet.section is rule.parent
            if seen or is_own:
                if whole_section:
                    yield sheet, sheet.section
                else:
                    yield from (
                        (sheet, one) for one in sheet.section.children if not is_own or one.start > rule.start
                    )
            seen = seen or is_own

    def _with_notes(self, sentence: str) -> str:
        before = [f"{where} stops every request before it gets there" for where in self._stopped_before()]
        return "; ".join([sentence, *before, *self._sheets.unread])

    def _stopped_before(self) -> Iterator[str]:
        if self._section == OUTBOUND_RULES:
            return
        outer = self._sheets.sections(GLOBAL_RULES) if self._section == RULES else iter(())
        own = self.own.rule
        for sheet in (*outer, *self._all):
            is_own = own is not None and sheet.section is own.parent
            for rule in sheet.section.named("rule"):
                if is_own and own is not None and rule.start >= own.start:
                    return
                if stops_everything(rule):
                    yield f"{sheet.where(rule)}: rule {rule.attributes.get('name', '')!r}"
            if self._sheets.is_here_or_below(sheet):
                return


def _is_named(element: Element, name: str) -> bool:
    return element.attributes.get("name", "").casefold() == name.casefold()
