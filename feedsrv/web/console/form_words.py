"""From a form that was sent to the draft it means; the way there is `form_values`.

What contradicts itself becomes an error of the field where it can be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from wtforms import Form
from wtforms.fields import Field

from feedsrv.codec.authoring import write_draft
from feedsrv.codec.reading import collapse
from feedsrv.errors import BadInputError
from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    Condition,
    CustomResponse,
    DoNothing,
    Grouping,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    Service,
    Syntax,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.mitigation import Affects, Draft, Mitigation, RequestSample, Samples, Severity, Status
from feedsrv.web.console.forms import (
    BLOCK,
    INBOUND,
    LEAVE,
    MAY,
    ActionForm,
    RangeForm,
    SampleForm,
    WriteForm,
    numbered,
)

_Headers = tuple[tuple[str, str], ...]


class _UnclearError(Exception):
    """The form means no draft; its fields say why."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a form means, as far as it means anything."""

    draft: Draft | None
    """None where a field, or what they say together, is not right yet."""
    written: bytes = b""
    """The draft as a document."""


def meant_by(form: WriteForm, *, number: int, issued: datetime) -> Meant:
    """The draft that a form means, as revision `number`; where it means none, its fields say why."""
    is_good = form.validate()
    try:
        unclear: list[Form] = []
        affects = _affects(form, unclear)
        actions = _actions(form, unclear)
        samples = _samples(form, unclear)
        if not is_good:
            return Meant(None)
        draft = Draft(
            _mitigation(form, affects, actions, number=number, issued=issued),
            samples,
            tuple(map(collapse, _lines(form.notes))),
        )
        return Meant(draft, write_draft(draft))
    except _UnclearError:
        return Meant(None)
    except BadInputError as refused:
        # Whatever the fields could not say one by one.
        form.form_errors.append(str(refused))
        return Meant(None)


def _mitigation(
    form: WriteForm,
    affects: tuple[Affects, ...],
    actions: tuple[Action, ...],
    *,
    number: int,
    issued: datetime,
) -> Mitigation:
    change = collapse(form.change.data or "") or None
    if number > 1 and change is None:
        _object(form.change, "from revision 2 on, say what changed: it is published")
        raise _UnclearError
    supersedes = tuple(line.strip() for line in _lines(form.supersedes))
    if form.id.data in supersedes:
        _object(form.supersedes, f"{form.id.data} cannot take over from itself")
        raise _UnclearError
    return Mitigation(
        id=_said(form.id),
        revision=number,
        issued=issued,
        severity=Severity(_said(form.severity)),
        title=collapse(_said(form.title)),
        description=collapse(_said(form.description)),
        review_by=date.fromisoformat(_said(form.review_by)),
        affects=affects,
        actions=actions,
        status=Status(_said(form.status)),
        channel=_said(form.channel),
        vulnerabilities=tuple(line.strip() for line in _lines(form.vulnerabilities)),
        references=tuple(line.strip() for line in _lines(form.references)),
        change=change,
        no_fix_yet=collapse(_said(form.no_fix_yet)) or None,
        known_issues=tuple(map(collapse, _lines(form.known_issues))),
        supersedes=supersedes,
    )


def _affects(form: WriteForm, unclear: list[Form]) -> tuple[Affects, ...]:
    rows: list[RangeForm] = [entry.form for entry in form.affects]
    if not rows:
        form.form_errors.append("Affected builds: name at least one product and its builds")
        unclear.append(form)
    by_product: dict[str, list[tuple[RangeForm, BuildRange]]] = {}
    for row in rows:
        if row.errors:
            continue
        fixed = _said(row.fixed)
        with _objecting(row.fixed):
            found = BuildRange(Build.parse(_said(row.introduced)), Build.parse(fixed) if fixed else None)
            by_product.setdefault(_said(row.product), []).append((row, found))
    found_affects = []
    for product, pairs in by_product.items():
        with _objecting(pairs[-1][0].introduced):
            found_affects.append(Affects(product, tuple(found for _, found in pairs)))
    unclear.extend(row for row in rows if row.errors)
    return tuple(found_affects)


def _actions(form: WriteForm, unclear: list[Form]) -> tuple[Action, ...]:
    rows: list[ActionForm] = [entry.form for entry in form.actions]
    if not rows:
        form.form_errors.append("Actions: add at least one; the heartbeat is one, too")
        unclear.append(form)
    found, seen = [], set()
    for row in rows:
        if row.id.data in seen:
            _object(row.id, f"another action has the id {row.id.data}, too")
        seen.add(row.id.data)
        if not row.errors:
            with _objecting(row.scope):
                found.append(_action(row))
        if row.errors:
            unclear.append(row)
    return tuple(found)


def _action(row: ActionForm) -> Action:
    match row.kind.data:
        case "pool":
            return AppPool(_said(row.id), _said(row.target))
        case "service":
            return Service(_said(row.id), _said(row.target))
        case "heartbeat":
            return DoNothing(_said(row.id))
        case _:
            place = Place(Scope(_said(row.scope)), _said(row.site) or None, _said(row.path) or None)
            return UrlRewrite(_said(row.id), _said(row.target), place, _rule(row))


def _rule(row: ActionForm) -> InboundRule | OutboundRule:
    conditions = _conditions(row.conditions)
    grouping = Grouping(_said(row.grouping)) if conditions else Grouping.ALL
    syntax = Syntax(_said(row.syntax))
    flags = {
        "ignore_case": bool(row.ignore_case.data),
        "negate": bool(row.negate.data),
        "stop_processing": bool(row.stop_processing.data),
    }
    if row.kind.data == INBOUND:
        return InboundRule(
            _said(row.pattern), _outcome(row), syntax, grouping=grouping, conditions=conditions, **flags
        )
    before = _conditions(row.preconditions)
    preconditions = Preconditions(before, Grouping(_said(row.pre_grouping)), Syntax(_said(row.pre_syntax)))
    return OutboundRule(
        _said(row.variable),
        _said(row.pattern),
        Rewrite(_said(row.value)),
        syntax,
        preconditions=preconditions if before else None,
        grouping=grouping,
        conditions=conditions,
        **flags,
    )


def _outcome(row: ActionForm) -> AbortRequest | CustomResponse | Rewrite:
    match row.outcome.data:
        case "abort":
            return AbortRequest()
        case "custom":
            return CustomResponse(
                int(_said(row.status)), int(_said(row.substatus)), _said(row.reason), _said(row.description)
            )
        case _:
            return Rewrite(_said(row.value))


def _conditions(rows: Iterable[Any]) -> tuple[Condition, ...]:
    forms = [entry.form for entry in rows]
    return tuple(
        Condition(
            _said(one.input),
            _said(one.pattern),
            negate=bool(one.negate.data),
            ignore_case=bool(one.ignore_case.data),
        )
        for one in forms
    )


def _samples(form: WriteForm, unclear: list[Form]) -> Samples:
    rows: list[SampleForm] = [entry.form for entry in form.samples]
    named = {entry.form.id.data for entry in form.actions}
    for row in rows:
        if _said(row.action) and row.action.data not in named and not row.action.errors:
            _object(row.action, f"no action here has the id {_said(row.action)[:32]}; write one of them")
        is_stated = bool(_said(row.known_issue).strip())
        if row.expected.data == MAY and not is_stated:
            _object(row.known_issue, "say by which known issue this legitimate request is blocked")
        elif is_stated and row.expected.data != MAY:
            _object(
                row.known_issue, "leave this empty, or say that the request is blocked as a known issue says"
            )
        if row.errors:
            unclear.append(row)
    if unclear:
        raise _UnclearError
    pairs = [(row.expected.data, _sample(row)) for row in rows]
    return Samples(
        must_block=tuple(one for expected, one in pairs if expected == BLOCK),
        must_pass=tuple(one for expected, one in pairs if expected == LEAVE),
        may_block=tuple(one for expected, one in pairs if expected == MAY),
    )


def _sample(row: SampleForm) -> RequestSample:
    return RequestSample(
        name=_said(row.name),
        url=_said(row.url),
        method=_said(row.method),
        headers=_headers(row.headers),
        response_headers=_headers(row.response_headers),
        action=_said(row.action) or None,
        expect=_headers(row.expect),
        known_issue=collapse(_said(row.known_issue)) or None,
    )


def _headers(field: Field) -> _Headers:
    pairs = [line.partition(":") for line in _lines(field)]
    return tuple((name.strip(), value.removeprefix(" ")) for name, _, value in pairs)


def _lines(field: Field) -> list[str]:
    return [line for _, line in numbered(field.data or "")]


def _said(field: Field) -> str:
    return str(field.data or "")


def _object(field: Field, sentence: str) -> None:
    field.errors = [*field.errors, sentence]


@contextmanager
def _objecting(field: Field) -> Iterator[None]:
    """Let a refusal by the words stand beside the field where it can be mended."""
    try:
        yield
    except BadInputError as refused:
        _object(field, str(refused))
