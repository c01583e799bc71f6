"""What a browser sent of the form, held within bounds; and its rows, added, moved and removed.

The server does that, so that the form needs no script: each button says what it does to which row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from werkzeug.datastructures import MultiDict
from wtforms import FieldList, Form, FormField
from wtforms.fields import Field

from feedsrv.errors import BadInputError
from feedsrv.web.console.form_values import Values
from feedsrv.web.console.forms import HEARTBEAT, INBOUND, KINDS, LEAVE, OUTBOUND, WriteForm

MOST_ROWS: Final = {"affects": 200, "actions": 40, "samples": 200, "conditions": 40, "preconditions": 40}
MOST_FIELDS: Final = 4_000
_NAME: Final = re.compile(r"[a-z_]+(?:-[0-9]{1,3}-[a-z_]+)*")
_ROW: Final = re.compile(r"([a-z_]+)-([0-9]{1,3})(?=-|$)")
_CHANGE: Final = re.compile(r"(add|drop|up):([a-z_]+(?:-[0-9]{1,3}(?:-[a-z_]+)?)*)(?::([a-z]+))?")
_PARTS: Final = frozenset(MOST_ROWS)


class BadFormError(BadInputError):
    """A form was sent that no page of ours sends."""

    code = "console.bad_form"


def bounded(sent: MultiDict[str, str]) -> MultiDict[str, str]:
    """The fields that were sent, no more of them than a form of ours has, each once.

    Raises:
        BadFormError: too many, twice the same, or a name that none of ours has.
    """
    if len(sent) > MOST_FIELDS:
        raise BadFormError(
            f"{len(sent)} fields; at most {MOST_FIELDS} are read. Upload such a long one as XML"
        )
    rows: dict[str, set[str]] = {}
    for name, values in sent.lists():
        if not _NAME.fullmatch(name):
            raise BadFormError(f"no field of this form is called {name[:60]!r}; open the form again")
        if len(values) > 1:
            raise BadFormError(f"the field {name[:60]} came {len(values)} times; send each once")
        for row in _ROW.finditer(name):
            rows.setdefault(name[: row.end(1)], set()).add(row[2])
    for path, found in rows.items():
        most = MOST_ROWS.get(path.rpartition("-")[2], 0)
        if len(found) > most:
            raise BadFormError(
                f"{len(found)} rows of {path[:60]}; at most {most} fit. Upload it as XML instead"
            )
    return sent


@dataclass(frozen=True, slots=True)
class Changed:
    """The values of a form after a row was changed, and the row to go on with."""

    values: Values
    focus: str
    """The beginning of the names of that row's fields; empty where no row is left."""


def change_rows(values: Mapping[str, Any], asked: str) -> Changed:
    """Do to the rows what a button says: `add:actions:inbound`, `drop:actions-1`, `up:actions-1`.

    Raises:
        BadFormError: no button says that, or there is no room for another row.
    """
    change = _CHANGE.fullmatch(asked)
    if change is None:
        raise BadFormError(f"no button of this form says {asked[:60]!r}; open the form again")
    act, path, kind = change.groups()
    copy = _copied(values)
    holder, name, index = _found(copy, path, asked)
    if act == "add":
        rows = cast("list[Values]", holder.setdefault(name, []))
        if len(rows) >= MOST_ROWS[name]:
            raise BadFormError(f"at most {MOST_ROWS[name]} rows fit here; upload a longer mitigation as XML")
        rows.append(new_row(name, kind or "", copy))
        return Changed(copy, f"{path}-{len(rows) - 1}-")
    rows = holder[name]
    if index is None or index >= len(rows):
        raise BadFormError(f"there is no row {path[:60]} any more; open the form again")
    stem = path.rpartition("-")[0]
    if act == "drop":
        del rows[index]
        return Changed(copy, f"{stem}-{min(index, len(rows) - 1)}-" if rows else "")
    above = max(index - 1, 0)
    rows[above], rows[index] = rows[index], rows[above]
    return Changed(copy, f"{stem}-{above}-")


def new_row(name: str, kind: str, values: Values) -> Values:
    """A row that is still empty, as far as it can be foreseen."""
    if name == "actions":
        if kind not in KINDS:
            raise BadFormError(f"there is no kind of action {kind[:60]!r}; there are {', '.join(KINDS)}")
        row: Values = {"kind": kind, "id": _free_id(values)}
        if kind == INBOUND:
            row |= {"pattern": ".*", "conditions": [{"input": "{UrlDecode:{REQUEST_URI}}"}]}
        if kind == OUTBOUND:
            row |= {"stop_processing": False, "pattern": "(.*)"}
        return row
    if name == "affects" and values.get("affects"):
        return {"product": values["affects"][-1].get("product", "")}
    if name == "samples" and kind == LEAVE:
        return {"expected": LEAVE}
    return {}


def fresh_values(kind: str, **known: object) -> Values:
    """The values of a form that nobody has filled in yet, for a first action of that kind."""
    values: Values = dict(known) | {"affects": [{}], "actions": [], "samples": []}
    values["actions"].append(new_row("actions", kind, values))
    if kind in {INBOUND, OUTBOUND}:
        values["samples"] += [{}, {"expected": LEAVE}]
    if kind == HEARTBEAT:
        values["severity"] = "low"
    return values


def _free_id(values: Values) -> str:
    taken = {one.get("id") for one in values.get("actions", [])}
    return next(f"A{number}" for number in range(1, 1_000) if f"A{number}" not in taken)


def _found(values: Values, path: str, asked: str) -> tuple[Values, str, int | None]:
    """Where the rows of a path are kept, their name, and which of them is meant."""
    steps = path.split("-")
    here = values
    while len(steps) > 2:
        name, index, *steps = steps
        rows = here.get(name, [])
        if name not in _PARTS or not isinstance(rows, list) or int(index) >= len(rows):
            raise BadFormError(f"there is no row for {asked[:60]!r} any more; open the form again")
        here = rows[int(index)]
    if steps[0] not in _PARTS or (here is values) != (steps[0] in {"affects", "actions", "samples"}):
        raise BadFormError(f"there are no rows called {steps[0][:60]!r} in this form; open it again")
    return here, steps[0], int(steps[1]) if len(steps) > 1 else None


def _copied(values: Mapping[str, Any]) -> Values:
    return {
        name: [_copied(row) for row in value] if isinstance(value, list) else value
        for name, value in values.items()
    }


@dataclass(frozen=True, slots=True)
class Slip:
    """One thing that is wrong, and the field where it can be mended."""

    field: str
    """The field's id; empty where it is no single field's."""
    where: str
    sentence: str


def slips_of(form: WriteForm) -> tuple[Slip, ...]:
    """All that is wrong with a form that was judged, in the order of its fields."""
    whole = (Slip("", "", one) for one in form.form_errors)
    return (*whole, *_slips(form, ""))


_ROW_NAMES: Final = {
    "affects": "Range",
    "actions": "Action",
    "samples": "Sample",
    "conditions": "condition",
    "preconditions": "precondition",
}


def _slips(form: Form, where: str) -> Iterator[Slip]:
    for field in form:
        if isinstance(field, FieldList):
            for number, entry in enumerate(field.entries, 1):
                assert isinstance(entry, FormField)
                yield from _slips(entry.form, f"{where}{_ROW_NAMES[field.short_name]} {number}, ")
        else:
            yield from (Slip(field.id, where + _label(field), str(one)) for one in field.errors)


def _label(field: Field) -> str:
    return str(field.label.text)


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Where two fillings of the form differ: the field, one value, the other."""
    told_mine, told_theirs = (
        dict(_told(WriteForm(data=dict(mine)), "")),
        dict(_told(WriteForm(data=dict(theirs)), "")),
    )
    names = dict.fromkeys([*told_mine, *told_theirs])
    pairs = ((name, told_mine.get(name, ""), told_theirs.get(name, "")) for name in names)
    return tuple(one for one in pairs if one[1] != one[2])


def _told(form: Form, where: str) -> Iterator[tuple[str, str]]:
    for field in form:
        if isinstance(field, FieldList):
            for number, entry in enumerate(field.entries, 1):
                yield from _told(entry.form, f"{where}{_ROW_NAMES[field.short_name]} {number}, ")
        else:
            value = field.data
            told = ("yes" if value else "no") if isinstance(value, bool) else str(value or "")
            yield where + _label(field), told.replace("\r\n", "\n")
