"""What a mitigation does to a server: four kinds, each with a defined inverse.

Adding a kind: a class here and in `Action`; `assert_never` then lets mypy list every other place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from feedsrv.errors import BadInputError


class BadActionError(BadInputError):
    """An action contradicts itself."""

    code = "action.contradiction"


class Scope(StrEnum):
    """Where a URL rewrite rule is written."""

    SERVER = "server"
    SITE = "site"
    APPLICATION = "application"


class Direction(StrEnum):
    """Inbound rules judge requests, outbound rules change responses."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Syntax(StrEnum):
    """The dialect of a pattern, as IIS URL Rewrite names it."""

    ECMASCRIPT = "ECMAScript"
    WILDCARD = "Wildcard"
    EXACT = "ExactMatch"


class Grouping(StrEnum):
    """Whether all conditions must hold, or any."""

    ALL = "MatchAll"
    ANY = "MatchAny"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule applies: the whole server, a site, or an application path below a site."""

    scope: Scope
    site: str | None = None
    path: str | None = None
    """Begins with `/`; only for an application."""

    def __post_init__(self) -> None:
        needs_site = self.scope is not Scope.SERVER
        needs_path = self.scope is Scope.APPLICATION
        if (self.site is not None) != needs_site or (self.path is not None) != needs_path:
            raise BadActionError(f"scope {self.scope} takes {_PLACE_NEEDS[self.scope]}")
        if self.path is not None and not (self.path.startswith("/") and len(self.path) > 1):
            raise BadActionError(
                f"application path {self.path!r} must begin with / and name something below it"
            )

    def __str__(self) -> str:
        if self.site is None:
            return "the whole server"
        return f"{self.site}{self.path or ''}"


_PLACE_NEEDS = {
    Scope.SERVER: "neither site nor path",
    Scope.SITE: "a site and no path",
    Scope.APPLICATION: "a site and a path",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a server variable, such as `{UrlDecode:{REQUEST_URI}}`."""

    input: str
    pattern: str
    negate: bool = False
    ignore_case: bool = True


@dataclass(frozen=True, slots=True)
class AbortRequest:
    """Drop the connection without an answer."""


@dataclass(frozen=True, slots=True)
class CustomResponse:
    """Answer with a status of our choosing instead of the server's."""

    status: int
    substatus: int = 0
    reason: str = "Forbidden"
    description: str = "Forbidden"

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise BadActionError(
                f"a custom response blocks: its status is from 400 to 599, not {self.status}"
            )


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Replace what was matched; back-references `{R:1}` and `{C:1}` as in IIS URL Rewrite."""

    value: str


@dataclass(frozen=True, slots=True)
class InboundRule:
    """Judges requests. `pattern` is matched against the URL path without its leading slash."""

    pattern: str
    outcome: AbortRequest | CustomResponse | Rewrite
    syntax: Syntax = Syntax.ECMASCRIPT
    ignore_case: bool = True
    negate: bool = False
    grouping: Grouping = Grouping.ALL
    conditions: tuple[Condition, ...] = ()
    stop_processing: bool = True


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold of a response before an outbound rule looks at it."""

    conditions: tuple[Condition, ...]
    grouping: Grouping = Grouping.ALL
    syntax: Syntax = Syntax.ECMASCRIPT


@dataclass(frozen=True, slots=True)
class OutboundRule:
    """Changes a response header, named as a server variable such as `RESPONSE_Content_Security_Policy`."""

    variable: str
    pattern: str
    outcome: Rewrite
    syntax: Syntax = Syntax.ECMASCRIPT
    ignore_case: bool = True
    negate: bool = False
    preconditions: Preconditions | None = None
    grouping: Grouping = Grouping.ALL
    conditions: tuple[Condition, ...] = ()
    stop_processing: bool = False


@dataclass(frozen=True, slots=True)
class UrlRewrite:
    """Add one IIS URL Rewrite rule. Inverse: remove that rule."""

    id: str
    name: str
    """For people; the rule's full name is made by `feedsrv.model.mitigation.rule_name`."""
    place: Place
    rule: InboundRule | OutboundRule

    @property
    def direction(self) -> Direction:
        """Inbound or outbound."""
        return Direction.INBOUND if isinstance(self.rule, InboundRule) else Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class AppPool:
    """Stop an application pool and keep it from starting. Inverse: the state captured before."""

    id: str
    pool: str


@dataclass(frozen=True, slots=True)
class Service:
    """Stop and disable a Windows service. Inverse: the state and start mode captured before."""

    id: str
    service: str


@dataclass(frozen=True, slots=True)
class DoNothing:
    """The heartbeat: shows that the whole path works. Inverse: nothing."""

    id: str


Action = UrlRewrite | AppPool | Service | DoNothing


def title(action: Action) -> str:
    """Say what an action does, for people."""
    match action:
        case UrlRewrite():
            return _rule_title(action)
        case AppPool(pool=pool):
            return f"stop application pool {pool}"
        case Service(service=service):
            return f"stop and disable service {service}"
        case DoNothing():
            return "change nothing (heartbeat)"
        case _:
            assert_never(action)


def _rule_title(action: UrlRewrite) -> str:
    match action.rule:
        case OutboundRule(variable=variable):
            return f"change {header_name(variable)} in responses of {action.place}"
        case InboundRule(outcome=Rewrite()):
            return f"rewrite matching requests to {action.place}"
        case InboundRule():
            return f"block matching requests to {action.place}"
        case _:
            assert_never(action.rule)


def undo_title(action: Action) -> str:
    """Say how an action is taken back, for people."""
    match action:
        case UrlRewrite():
            return "remove that rule"
        case AppPool(pool=pool):
            return f"give application pool {pool} back the state it had before"
        case Service(service=service):
            return f"give service {service} back the state and start mode it had before"
        case DoNothing():
            return "nothing to take back"
        case _:
            assert_never(action)


def header_name(variable: str) -> str:
    """The response header behind a server variable.

    >>> header_name("RESPONSE_Content_Security_Policy")
    'Content-Security-Policy'
    """
    return variable.removeprefix("RESPONSE_").replace("_", "-")
