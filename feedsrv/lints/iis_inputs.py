"""Input strings of IIS URL Rewrite, such as `{UrlDecode:{REQUEST_URI}}`, and the known slips in them.

Braces hold a server variable, a back-reference (`{R:1}` of the rule, `{C:1}` of the condition that
matched last) or a function of another input string. Everything else stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from feedsrv.errors import BadInputError
from feedsrv.lints.iis_exchange import NOT_IN_SAMPLES, RESPONSE, Exchange, Reading
from feedsrv.lints.iis_patterns import Captures
from feedsrv.model.mitigation import RequestSample

FUNCTIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "ToLower": str.lower,
    "UrlDecode": unquote,
    "UrlEncode": lambda text: quote(text, safe=""),
}

_PIECE: Final = re.compile(r"[{}]|[^{}]+")
_BACK_REFERENCE: Final = re.compile(r"([RC]):([0-9])")
_NOTHING: Final = Exchange.of(RequestSample("", "/"), Reading.RAW)


class BadInputStringError(BadInputError):
    """An input string cannot be read."""

    code = "lint.bad_input_string"

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"input {text!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Variable:
    """A server variable, as it was written."""

    name: str


@dataclass(frozen=True, slots=True)
class BackReference:
    """What a pattern captured: `R` the rule's, `C` the last matched condition's."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of an input string."""

    function: str
    inner: Template


Node = str | Variable | BackReference | Call
Template = tuple[Node, ...]


@lru_cache(maxsize=1024)
def parse(text: str) -> Template:
    """Read an input string.

    Raises:
        BadInputStringError: its braces do not close.
    """
    pieces = _PIECE.findall(text)
    template, left = _parse(text, pieces)
    if left:
        raise BadInputStringError(text, "a closing brace has no opening one")
    return template


def expand(template: Template, exchange: Exchange, rule: Captures, condition: Captures) -> str:
    """What an input string holds for one exchange.

    Raises:
        BadInputStringError: it names a variable or a function that does not exist, or no sample can hold.
    """
    return "".join(_expand(node, exchange, rule, condition) for node in template)


def input_slips(text: str, *, outbound: bool, rule_groups: int, condition_groups: int) -> Iterator[str]:
    """Known slips in an input string, each a clause.

    `rule_groups` and `condition_groups` are how many groups its back-references may name, beside number
    0; `condition_groups` is -1 where no condition comes before.
    """
    try:
        template = parse(text)
    except BadInputStringError as problem:
        yield str(problem)
        return
    for node in _walk(template):
        match node:
            case Variable(name=name):
                yield from _variable_slips(name, outbound=outbound)
            case Call():
                yield from _call_slips(node)
            case BackReference(kind=kind, number=number):
                if number > (rule_groups if kind == "R" else condition_groups):
                    yield f"{{{kind}:{number}}} names a group that nothing before it captures"
            case str():
                pass


def is_constant(text: str) -> bool:
    """True where an input string is the same for every request, as where braces were forgotten.

    >>> is_constant("REQUEST_URI"), is_constant("{REQUEST_URI}")
    (True, False)
    """
    return not any(isinstance(node, Variable | BackReference) for node in _walk(parse(text)))


def _parse(text: str, pieces: list[str]) -> tuple[Template, list[str]]:
    """Read nodes up to a closing brace or the end; return them, and what is left from there."""
    nodes: list[Node] = []
    while pieces and pieces[0] != "}":
        if pieces[0] != "{":
            nodes.append(pieces[0])
            pieces = pieces[1:]
            continue
        name = pieces[1] if len(pieces) > 1 and pieces[1] not in "{}" else ""
        head, colon, rest = name.partition(":")
        inside = pieces[2:] if name else pieces[1:]
        inner, left = _parse(text, [rest, *inside] if colon and rest else inside)
        if not left:
            raise BadInputStringError(text, "an opening brace is never closed")
        pieces = left[1:]
        nodes.append(_node(text, name, head, colon, inner))
    return tuple(nodes), pieces


def _node(text: str, name: str, head: str, colon: str, inner: Template) -> Node:
    reference = _BACK_REFERENCE.fullmatch(name)
    if reference is not None:
        return BackReference(reference[1], int(reference[2]))
    if colon:
        return Call(head, inner)
    if not name or inner:
        raise BadInputStringError(text, "braces hold a name, {NAME}, or a function, {UrlDecode:...}")
    return Variable(name)


def _expand(node: Node, exchange: Exchange, rule: Captures, condition: Captures) -> str:
    match node:
        case str():
            return node
        case Variable(name=name):
            value = exchange.variable(name)
            if value is None:
                raise BadInputStringError(f"{{{name}}}", "no such server variable can be tried on a sample")
            return value
        case BackReference(kind=kind, number=number):
            captures = rule if kind == "R" else condition
            return captures[number] if number < len(captures) else ""
        case Call(function=function, inner=inner):
            if function not in FUNCTIONS:
                raise BadInputStringError(f"{{{function}:...}}", "no such function")
            return FUNCTIONS[function](expand(inner, exchange, rule, condition))


def _walk(template: Template) -> Iterator[Node]:
    for node in template:
        yield node
        if isinstance(node, Call):
            yield from _walk(node.inner)


def _call_slips(call: Call) -> Iterator[str]:
    name = f"{{{call.function}:...}}"
    if call.function not in FUNCTIONS:
        yield f"{name} is no function; there are {', '.join(FUNCTIONS)}"
    edges = [node for node in (*call.inner[:1], *call.inner[-1:]) if isinstance(node, str)]
    if edges and (edges[0] != edges[0].lstrip() or edges[-1] != edges[-1].rstrip()):
        yield f"{name} has a stray space inside its braces, which becomes part of the input"


def _variable_slips(name: str, *, outbound: bool) -> Iterator[str]:
    upper = name.upper()
    if name != name.strip():
        yield f"{{{name}}} has a stray space inside its braces, so it names no server variable"
    elif upper in NOT_IN_SAMPLES:
        yield f"{{{name}}} cannot be tried on a sample, so nobody knows what the rule would do"
    elif upper.startswith("HTTP_") and "-" in name:
        yield f"{{{name}}} names no header: in a server variable, hyphens are written as underscores"
    elif upper.startswith(RESPONSE) and not outbound:
        yield f"{{{name}}} is not known yet when an inbound rule runs"
    elif _NOTHING.variable(name) is None:
        yield f"{{{name}}} is no server variable of IIS"
