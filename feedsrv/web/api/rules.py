"""Actions as the API reads and writes them: the words of `feedsrv.model.action`, each with its kind."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

from pydantic import Field

from feedsrv.model import action as model
from feedsrv.model.action import Grouping, Scope, Syntax
from feedsrv.web.api.words import LONGEST_TEXT, MOST_ITEMS, Body

Pattern = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]
Exact = Annotated[str, Field(max_length=LONGEST_TEXT)]
ActionId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$", max_length=32)]


class PlaceWords(Body):
    """Where a rule applies."""

    scope: Scope
    site: ShortText | None = None
    """Needed unless the scope is `server`, such as `Default Web Site`."""
    path: ShortText | None = None
    """Needed where the scope is `application`; begins with `/`."""


class ConditionWords(Body):
    """One test of a server variable."""

    input: Pattern
    """Such as `{UrlDecode:{REQUEST_URI}}`."""
    pattern: Pattern
    """What it must match, in the rule's dialect."""
    negate: bool = False
    """True where it must not match."""
    ignore_case: bool = True
    """True where A is as good as a."""


class AbortWords(Body):
    """Drop the connection without an answer."""

    kind: Literal["abort"]


class CustomResponseWords(Body):
    """Answer with a status of your choosing."""

    kind: Literal["customResponse"]
    status: Annotated[int, Field(ge=400, le=599)]
    """From 400 to 599."""
    substatus: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    """As IIS counts it."""
    reason: Exact = "Forbidden"
    """The reason phrase."""
    description: Exact = "Forbidden"
    """What the error page says."""


class RewriteWords(Body):
    """Replace what was matched."""

    kind: Literal["rewrite"]
    value: Exact
    """The new value; back-references as in IIS URL Rewrite."""


OutcomeWords = Annotated[AbortWords | CustomResponseWords | RewriteWords, Field(discriminator="kind")]


class InboundWords(Body):
    """Judges requests."""

    direction: Literal["inbound"]
    pattern: Pattern
    """Matched against the path without its leading slash."""
    outcome: OutcomeWords
    syntax: Syntax = Syntax.ECMASCRIPT
    ignore_case: bool = True
    """True where A is as good as a."""
    negate: bool = False
    """True where the pattern must not match."""
    grouping: Grouping = Grouping.ALL
    conditions: Annotated[tuple[ConditionWords, ...], Field(max_length=MOST_ITEMS)] = ()
    stop_processing: bool = True
    """True where no rule after this one is looked at."""


class PreconditionWords(Body):
    """What must hold of a response before the rule looks at it."""

    conditions: Annotated[tuple[ConditionWords, ...], Field(min_length=1, max_length=MOST_ITEMS)]
    grouping: Grouping = Grouping.ALL
    syntax: Syntax = Syntax.ECMASCRIPT


class OutboundWords(Body):
    """Changes a response header."""

    direction: Literal["outbound"]
    variable: ShortText
    """The header as a server variable, such as `RESPONSE_Content_Security_Policy`."""
    pattern: Pattern
    """Matched against the header's value."""
    outcome: RewriteWords
    syntax: Syntax = Syntax.ECMASCRIPT
    ignore_case: bool = True
    """True where A is as good as a."""
    negate: bool = False
    """True where the pattern must not match."""
    preconditions: PreconditionWords | None = None
    grouping: Grouping = Grouping.ALL
    conditions: Annotated[tuple[ConditionWords, ...], Field(max_length=MOST_ITEMS)] = ()
    stop_processing: bool = False
    """True where no rule after this one is looked at."""


class UrlRewriteWords(Body):
    """Add one rule of IIS URL Rewrite; taken back by removing it."""

    kind: Literal["urlRewrite"]
    id: ActionId
    name: ShortText
    """For people."""
    place: PlaceWords
    rule: Annotated[InboundWords | OutboundWords, Field(discriminator="direction")]


class AppPoolWords(Body):
    """Stop an application pool; taken back to the state it had before."""

    kind: Literal["appPool"]
    id: ActionId
    pool: ShortText
    """Its name in IIS."""


class ServiceWords(Body):
    """Stop and disable a Windows service; taken back to the state it had before."""

    kind: Literal["service"]
    id: ActionId
    service: ShortText
    """Its short name."""


class DoNothingWords(Body):
    """The heartbeat: shows that the whole way works."""

    kind: Literal["doNothing"]
    id: ActionId


ActionWords = Annotated[
    UrlRewriteWords | AppPoolWords | ServiceWords | DoNothingWords, Field(discriminator="kind")
]


def action_of(words: UrlRewriteWords | AppPoolWords | ServiceWords | DoNothingWords) -> model.Action:
    """An action as the model has it.

    Raises:
        BadActionError: it contradicts itself.
    """
    match words:
        case UrlRewriteWords():
            place = model.Place(words.place.scope, words.place.site, words.place.path)
            return model.UrlRewrite(words.id, words.name, place, _rule_of(words.rule))
        case AppPoolWords():
            return model.AppPool(words.id, words.pool)
        case ServiceWords():
            return model.Service(words.id, words.service)
        case DoNothingWords():
            return model.DoNothing(words.id)
        case _:
            assert_never(words)


def _rule_of(words: InboundWords | OutboundWords) -> model.InboundRule | model.OutboundRule:
    match words:
        case InboundWords():
            return model.InboundRule(
                pattern=words.pattern,
                outcome=_outcome_of(words.outcome),
                syntax=words.syntax,
                ignore_case=words.ignore_case,
                negate=words.negate,
                grouping=words.grouping,
                conditions=_conditions_of(words.conditions),
                stop_processing=words.stop_processing,
            )
        case OutboundWords():
            asked = words.preconditions
            return model.OutboundRule(
                variable=words.variable,
                pattern=words.pattern,
                outcome=model.Rewrite(words.outcome.value),
                syntax=words.syntax,
                ignore_case=words.ignore_case,
                negate=words.negate,
                preconditions=model.Preconditions(
                    _conditions_of(asked.conditions), asked.grouping, asked.syntax
                )
                if asked
                else None,
                grouping=words.grouping,
                conditions=_conditions_of(words.conditions),
                stop_processing=words.stop_processing,
            )
        case _:
            assert_never(words)


def _outcome_of(
    words: AbortWords | CustomResponseWords | RewriteWords,
) -> model.AbortRequest | model.CustomResponse | model.Rewrite:
    match words:
        case AbortWords():
            return model.AbortRequest()
        case CustomResponseWords():
            return model.CustomResponse(words.status, words.substatus, words.reason, words.description)
        case RewriteWords():
            return model.Rewrite(words.value)
        case _:
            assert_never(words)


def _conditions_of(words: tuple[ConditionWords, ...]) -> tuple[model.Condition, ...]:
    return tuple(model.Condition(one.input, one.pattern, one.negate, one.ignore_case) for one in words)


def action_words(action: model.Action) -> UrlRewriteWords | AppPoolWords | ServiceWords | DoNothingWords:
    """The model's action in words."""
    match action:
        case model.UrlRewrite():
            return UrlRewriteWords(
                kind="urlRewrite",
                id=action.id,
                name=action.name,
                place=PlaceWords.of(action.place),
                rule=_rule_words(action.rule),
            )
        case model.AppPool():
            return AppPoolWords(kind="appPool", id=action.id, pool=action.pool)
        case model.Service():
            return ServiceWords(kind="service", id=action.id, service=action.service)
        case model.DoNothing():
            return DoNothingWords(kind="doNothing", id=action.id)
        case _:
            assert_never(action)


def _rule_words(rule: model.InboundRule | model.OutboundRule) -> InboundWords | OutboundWords:
    conditions = tuple(ConditionWords.of(one) for one in rule.conditions)
    match rule:
        case model.InboundRule():
            return InboundWords(
                direction="inbound",
                pattern=rule.pattern,
                outcome=_outcome_words(rule.outcome),
                syntax=rule.syntax,
                ignore_case=rule.ignore_case,
                negate=rule.negate,
                grouping=rule.grouping,
                conditions=conditions,
                stop_processing=rule.stop_processing,
            )
        case model.OutboundRule():
            asked = rule.preconditions
            return OutboundWords(
                direction="outbound",
                variable=rule.variable,
                pattern=rule.pattern,
                outcome=RewriteWords(kind="rewrite", value=rule.outcome.value),
                syntax=rule.syntax,
                ignore_case=rule.ignore_case,
                negate=rule.negate,
                preconditions=PreconditionWords.of(asked) if asked else None,
                grouping=rule.grouping,
                conditions=conditions,
                stop_processing=rule.stop_processing,
            )
        case _:
            assert_never(rule)


def _outcome_words(
    outcome: model.AbortRequest | model.CustomResponse | model.Rewrite,
) -> AbortWords | CustomResponseWords | RewriteWords:
    match outcome:
        case model.AbortRequest():
            return AbortWords(kind="abort")
        case model.CustomResponse():
            return CustomResponseWords(
                kind="customResponse",
                status=outcome.status,
                substatus=outcome.substatus,
                reason=outcome.reason,
                description=outcome.description,
            )
        case model.Rewrite():
            return RewriteWords(kind="rewrite", value=outcome.value)
        case _:
            assert_never(outcome)
