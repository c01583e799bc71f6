"""The form in which a mitigation is written: fields and rows, each held against the grammar.

Rows are added and removed by the server, so that the form needs no script. What the words of a form
mean together is worked out in `form_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import Field
from wtforms.form import BaseForm

from feedsrv.codec.reading import collapse
from feedsrv.codec.values import complaint
from feedsrv.model.action import Grouping, Scope, Syntax
from feedsrv.model.mitigation import Severity, Status

Choices = Sequence[tuple[str, str]]

GROUPINGS: Final[Choices] = ((Grouping.ALL, "all of them hold"), (Grouping.ANY, "one of them holds"))
SYNTAXES: Final[Choices] = (
    (Syntax.ECMASCRIPT, "regular expression"),
    (Syntax.WILDCARD, "wildcards (* and ?)"),
    (Syntax.EXACT, "exact match"),
)
SCOPES: Final[Choices] = (
    (Scope.SERVER, "the whole server"),
    (Scope.SITE, "one site"),
    (Scope.APPLICATION, "one application of a site"),
)
ABORT: Final = "abort"
CUSTOM: Final = "custom"
REWRITE: Final = "rewrite"
OUTCOMES: Final[Choices] = (
    (ABORT, "drop the connection"),
    (CUSTOM, "answer with a status of our own"),
    (REWRITE, "rewrite the request"),
)
INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
APP_POOL: Final = "pool"
SERVICE: Final = "service"
HEARTBEAT: Final = "heartbeat"
KINDS: Final[dict[str, str]] = {
    INBOUND: "Inbound rule",
    OUTBOUND: "Outbound rule",
    APP_POOL: "Application pool",
    SERVICE: "Windows service",
    HEARTBEAT: "Heartbeat",
}
"""The kinds of action, as people name them."""
SEVERITIES: Final[Choices] = tuple((one, one.capitalize()) for one in Severity)
STATUSES: Final[Choices] = (
    (Status.ACTIVE, "active"),
    (Status.WITHDRAWN, "withdrawn: rolled back everywhere"),
)
BLOCK: Final = "block"
LEAVE: Final = "pass"
MAY: Final = "may"
EXPECTATIONS: Final[Choices] = (
    (BLOCK, "must be blocked or changed"),
    (LEAVE, "must pass untouched"),
    (MAY, "is blocked, as a known issue says"),
)

_LONGEST_QUOTED: Final = 60


class Fits:
    """A value that one type of the grammar takes; an empty one only where it is `optional`."""

    def __init__(self, kind: str, *, optional: bool = False) -> None:
        self._kind = kind
        self._optional = optional

    def __call__(self, _form: Form, field: Field) -> None:
        """Hold the value against the grammar.

        Raises:
            ValidationError: it does not fit.
        """
        value = field.data or ""
        if self._kind in _TEXTS:
            value = collapse(value)
        if not value and self._optional:
            return
        if said := complaint(self._kind, value):
            raise ValidationError(said if value else "fill this in")


class Lines:
    """A value of that type on each line; empty lines do not count."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, _form: Form, field: Field) -> None:
        """Hold each line against the grammar.

        Raises:
            ValidationError: one does not fit; the message names the line.
        """
        for number, line in numbered(field.data or ""):
            value = collapse(line) if self._kind in _TEXTS else line.strip()
            if said := complaint(self._kind, value):
                raise ValidationError(f"line {number}: {said}")


class HeaderLines:
    """Headers, one on each line, as `Name: value`."""

    def __call__(self, _form: Form, field: Field) -> None:
        """Hold name and value of each line against the grammar.

        Raises:
            ValidationError: a line is no header; the message names the line.
        """
        for number, line in numbered(field.data or ""):
            name, colon, value = line.partition(":")
            if not colon:
                raise ValidationError(f"line {number}: write a header as Name: value")
            if said := complaint("Token", name.strip()) or complaint("Exact", value.removeprefix(" ")):
                raise ValidationError(f"line {number}: {said}")


_TEXTS: Final = frozenset({"Text", "Headline"})


def numbered(text: str) -> list[tuple[int, str]]:
    """The lines that hold something, with their numbers."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip(" \t\r")]


def _text(label: str, kind: str, *, optional: bool = False, default: str = "", hint: str = "") -> StringField:
    return StringField(label, [Fits(kind, optional=optional)], default=default, description=hint)


def _area(label: str, *checks: object, hint: str = "") -> TextAreaField:
    return TextAreaField(label, list(checks), default="", description=hint)


class OneOf(StringField):
    """One of some choices; a value that is none of them is kept, and refused by its name."""

    def __init__(self, label: str, choices: Choices, default: str, **bound: Any) -> None:  # noqa: ANN401 -- what a form binds it with
        super().__init__(label, default=str(default), **bound)
        self.choices: Final = [(str(value), text) for value, text in choices]

    def pre_validate(self, form: BaseForm) -> None:
        """Hold the value against the choices.

        Raises:
            ValidationError: it is none of them.
        """
        del form
        known = [value for value, _ in self.choices]
        if self.data not in known:
            said = str(self.data)[:_LONGEST_QUOTED]
            raise ValidationError(f"{said!r} is not known here; choose one of {', '.join(known)}")


def _flag(label: str, *, default: bool) -> BooleanField:
    return BooleanField(label, default=default)


class RangeForm(Form):
    """The affected builds of one product, from one to before another."""

    product = _text("Product", "ProductId")
    introduced = _text("First affected build", "Build", hint="released, such as 15.2.1118.7")
    fixed = _text("Fixed in build", "Build", optional=True, hint="empty while no update holds the fix")


class ConditionForm(Form):
    """One test of a server variable."""

    input = _text(
        "Server variable", "Pattern", hint="such as {UrlDecode:{REQUEST_URI}}; no blank after the colon"
    )
    pattern = _text("Pattern", "Pattern")
    ignore_case = _flag("Upper and lower case alike", default=True)
    negate = _flag("Holds where it does not match", default=False)


class ActionForm(Form):
    """One action of any kind; which fields count is said by its kind."""

    kind = HiddenField(default=INBOUND)
    id = _text("Action id", "ActionId", hint="a letter, then letters, digits or hyphens, such as A1")
    target = StringField("Name", default="")
    scope = OneOf("Where the rule is written", SCOPES, Scope.SERVER)
    site = _text("Site", "Name", optional=True, hint="as IIS names it, such as Default Web Site")
    path = _text("Application path", "ApplicationPlace@path", optional=True, hint="such as /owa")
    variable = StringField(
        "Response header, as a server variable",
        default="",
        description="such as RESPONSE_Content_Security_Policy",
    )
    pattern = StringField("Pattern", default="")
    syntax = OneOf("Patterns are", SYNTAXES, Syntax.ECMASCRIPT)
    ignore_case = _flag("Upper and lower case alike", default=True)
    negate = _flag("Holds where the pattern does not match", default=False)
    stop_processing = _flag("No further rule looks at what matched", default=True)
    pre_grouping = OneOf("Holds where", GROUPINGS, Grouping.ALL)
    pre_syntax = OneOf("Patterns are", SYNTAXES, Syntax.ECMASCRIPT)
    preconditions = FieldList(FormField(ConditionForm))
    grouping = OneOf("Holds where", GROUPINGS, Grouping.ALL)
    conditions = FieldList(FormField(ConditionForm))
    outcome = OneOf("What happens to a matching request", OUTCOMES, CUSTOM)
    status = StringField("Status", default="403", description="from 400 to 599")
    substatus = StringField("Substatus", default="0")
    reason = StringField("Reason", default="Forbidden")
    description = StringField("Description", default="Forbidden")
    value = _text("Replaced by", "Exact", optional=True, hint="{R:1} and {C:1} refer back to groups")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Hold what counts for this kind against the grammar."""
        needed = NEEDED.get(self.kind.data or "", {})
        extra = {name: [Fits(kind)] for name, kind in needed.items()}
        if self.kind.data == INBOUND and self.outcome.data == CUSTOM:
            extra |= {name: [Fits(kind)] for name, kind in _OF_CUSTOM.items()}
        good = super().validate({**(extra_validators or {}), **extra})
        if self.kind.data not in KINDS:
            self.id.errors = [*self.id.errors, "this kind of action is not known here: remove it"]
            return False
        return good


NEEDED: Final[dict[str, dict[str, str]]] = {
    INBOUND: {"target": "Name", "pattern": "Pattern"},
    OUTBOUND: {"target": "Name", "pattern": "Pattern", "variable": "OutboundRule@variable"},
    APP_POOL: {"target": "NamedAction@name"},
    SERVICE: {"target": "NamedAction@name"},
    HEARTBEAT: {},
}
"""What each kind of action must say, and the type of the grammar for it."""
_OF_CUSTOM: Final = {
    "status": "CustomResponse@status",
    "substatus": "Whole",
    "reason": "Exact",
    "description": "Exact",
}


class SampleForm(Form):
    """One request to try the rules on."""

    expected = OneOf("The rules", EXPECTATIONS, BLOCK)
    name = _text("What it shows", "Name", hint="such as: encoded letter in powershell")
    method = _text("Method", "Token", default="GET")
    url = _text("Path and query", "Sample@url", hint="as sent, such as /owa/?layout=light")
    action = _text("Only this action may act", "ActionId", optional=True, hint="an action id; empty for any")
    known_issue = _text(
        "The known issue that says so", "Text", optional=True, hint="in the same words as above, all of them"
    )
    headers = _area("Headers of the request", HeaderLines(), hint="one on each line, as Name: value")
    response_headers = _area("Headers of the response", HeaderLines(), hint="before an outbound rule sees it")
    expect = _area("Headers that must come out", HeaderLines(), hint="of an outbound rule")


class WriteForm(Form):
    """Everything that an author says of a mitigation."""

    id = _text("Id", "MitigationId", hint="M and four digits")
    title = _text("Title", "Headline", hint="one line, for lists")
    description = _area(
        "Description",
        Fits("Text"),
        hint="what is at stake, what the mitigation does about it, what it does not",
    )
    severity = OneOf("Severity", SEVERITIES, Severity.HIGH)
    channel = _text(
        "Channel", "Channel", default="production", hint="production, preview, or one of your own"
    )
    status = OneOf("Status", STATUSES, Status.ACTIVE)
    review_by = _text("Look at it again by", "Day", hint="a day, such as 2027-01-31")
    change = _area(
        "What this revision changes",
        Fits("Text", optional=True),
        hint="a sentence; needed from revision 2 on",
    )
    vulnerabilities = _area(
        "Vulnerabilities", Lines("VulnerabilityId"), hint="one on each line, such as CVE-2022-41040"
    )
    references = _area("References", Lines("WebAddress"), hint="one address on each line")
    supersedes = _area(
        "Takes over from", Lines("MitigationId"), hint="ids of older mitigations, one on each line"
    )
    no_fix_yet = _area(
        "Why there is no fix yet", Fits("Text", optional=True), hint="needed where a range has no fixed build"
    )
    known_issues = _area(
        "Known issues", Lines("Text"), hint="one on each line: what stops working, which probe turns red"
    )
    notes = _area("Notes for reviewers", Lines("Text"), hint="one on each line; never published")
    affects = FieldList(FormField(RangeForm))
    actions = FieldList(FormField(ActionForm))
    samples = FieldList(FormField(SampleForm))
    tester_pattern = StringField("Pattern to try", default="")
    tester_syntax = OneOf("Patterns are", SYNTAXES, Syntax.ECMASCRIPT)
    tester_ignore_case = _flag("Upper and lower case alike", default=True)
    tester_inputs = _area(
        "Inputs to try it on", hint="one on each line; where there are none, the addresses of the samples"
    )


def new_form(data: Mapping[str, Any]) -> WriteForm:
    """A form that holds these values."""
    return WriteForm(data=dict(data))


def sent_form(sent: MultiDict[str, str]) -> WriteForm:
    """The form as it was sent; nothing in it is judged yet."""
    return WriteForm(formdata=sent)
