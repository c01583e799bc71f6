"""Two revisions of a mitigation field by field: what a reviewer decides on, before any markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from feedsrv.clock import to_text
from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    InboundRule,
    OutboundRule,
    Rewrite,
    Service,
    UrlRewrite,
    header_name,
)
from feedsrv.model.mitigation import Mitigation

_ORDER: Final = (
    "change",
    "status",
    "actions",
    "affects",
    "no_fix_yet",
    "supersedes",
    "vulnerabilities",
    "severity",
    "channel",
    "known_issues",
    "review_by",
    "title",
    "description",
    "references",
    "issued",
)
"""What counts most comes first: what servers do and where, then what people read."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not the same."""

    field: str
    """A name that stays, such as `actions.A1.pattern`."""
    label: str
    """For people, such as `action A1: pattern`."""
    before: str
    """Empty where it was not there."""
    after: str
    """Empty where it is there no longer."""
    kind: str
    """`added`, `removed` or `changed`."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One field of a mitigation as people read it."""

    field: str
    label: str
    value: str


def changes_between(old: Mitigation | None, new: Mitigation) -> tuple[Change, ...]:
    """Every field that differs, what counts most first; of a first revision, every field."""
    before = {} if old is None else {one.field: one for one in _parts(old)}
    after = {one.field: one for one in _parts(new)}
    names = list(dict.fromkeys((*before, *after)))
    # What is new or gone stands with the rest of its action, or of its kind.
    names.sort(key=lambda name: _ORDER.index(name.partition(".")[0]))
    found = (_change(before.get(name), after.get(name)) for name in names)
    return tuple(one for one in found if one is not None)


def _change(was: _Part | None, now: _Part | None) -> Change | None:
    if was is None:
        return None if now is None else Change(now.field, now.label, "", now.value, "added")
    if now is None:
        return Change(was.field, was.label, was.value, "", "removed")
    if was.value == now.value:
        return None
    return Change(now.field, now.label, was.value, now.value, "changed")


def _parts(mitigation: Mitigation) -> Iterator[_Part]:
    """Every field of a mitigation that says something."""
    if mitigation.change:
        yield _Part("change", "reason", mitigation.change)
    yield _Part("status", "status", mitigation.status)
    for action in mitigation.actions:
        for one in _action(action):
            yield _Part(f"actions.{action.id}.{one.field}", f"action {action.id}: {one.label}", one.value)
    for product, builds in mitigation.ranges():
        end = f"fixed in {builds.fixed}" if builds.fixed else "no fix yet"
        yield _Part(
            f"affects.{product}.{builds.introduced}", f"affects {product}", f"from {builds.introduced}, {end}"
        )
    if mitigation.no_fix_yet:
        yield _Part("no_fix_yet", "why there is no fix yet", mitigation.no_fix_yet)
    # By their own words: one that only moved is nothing that anybody must think about.
    yield from _each("supersedes", "supersedes", mitigation.supersedes)
    yield from _each("vulnerabilities", "vulnerability", mitigation.vulnerabilities)
    yield from _each("known_issues", "known issue", mitigation.known_issues)
    yield from _each("references", "reference", mitigation.references)
    yield _Part("severity", "severity", mitigation.severity)
    yield _Part("channel", "channel", mitigation.channel)
    yield _Part("review_by", "look at it again by", mitigation.review_by.isoformat())
    yield _Part("title", "title", mitigation.title)
    yield _Part("description", "description", mitigation.description)
    yield _Part("issued", "issued", to_text(mitigation.issued))


def _each(stem: str, label: str, values: tuple[str, ...]) -> Iterator[_Part]:
    yield from (_Part(f"{stem}.{value}", label, value) for value in values)


def _action(action: Action) -> Iterator[_Part]:
    match action:
        case UrlRewrite():
            yield _Part("kind", "kind", f"{action.direction} URL rewrite rule")
            yield _Part("name", "name", action.name)
            yield _Part("place", "place", str(action.place))
            yield from _rule(action.rule)
        case AppPool(pool=pool):
            yield _Part("kind", "kind", "stop an application pool")
            yield _Part("pool", "application pool", pool)
        case Service(service=service):
            yield _Part("kind", "kind", "stop and disable a service")
            yield _Part("service", "service", service)
        case DoNothing():
            yield _Part("kind", "kind", "change nothing (heartbeat)")
        case _:
            assert_never(action)


def _rule(rule: InboundRule | OutboundRule) -> Iterator[_Part]:
    if isinstance(rule, OutboundRule):
        yield _Part("variable", "response header", f"{header_name(rule.variable)} ({rule.variable})")
        if rule.preconditions is not None:
            wanted = rule.preconditions
            yield _Part("preconditions", "preconditions", f"{wanted.grouping}, {wanted.syntax}")
            yield from _conditions("precondition", wanted.conditions)
    yield _Part("pattern", "pattern", rule.pattern)
    yield _Part("negate", "acts where the pattern", "does not match" if rule.negate else "matches")
    yield _Part("syntax", "syntax", rule.syntax)
    yield _Part("ignore_case", "case", _case(ignored=rule.ignore_case))
    if rule.conditions:
        yield _Part("grouping", "conditions", rule.grouping)
    yield from _conditions("condition", rule.conditions)
    yield _Part("outcome", "outcome", _outcome(rule.outcome))
    yield _Part(
        "stop_processing", "later rules", "are not asked" if rule.stop_processing else "are asked too"
    )


def _conditions(stem: str, conditions: tuple[Condition, ...]) -> Iterator[_Part]:
    for number, one in enumerate(conditions, 1):
        verb = "does not match" if one.negate else "matches"
        value = f"{one.input} {verb} {one.pattern} (case {_case(ignored=one.ignore_case)})"
        yield _Part(f"{stem}.{number}", f"{stem} {number}", value)


def _outcome(outcome: AbortRequest | CustomResponse | Rewrite) -> str:
    match outcome:
        case AbortRequest():
            return "drop the connection"
        case CustomResponse():
            words = f"reason {outcome.reason!r}, description {outcome.description!r}"
            return f"answer with {outcome.status}.{outcome.substatus}, {words}"
        case Rewrite(value=value):
            return f"rewrite to {value}"
        case _:
            assert_never(outcome)


def _case(*, ignored: bool) -> str:
    return "ignored" if ignored else "counts"
