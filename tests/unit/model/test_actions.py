"""Actions: what contradicts itself cannot be made, and each says what it does and how it is undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from feedsrv.model.action import (
    AbortRequest,
    Action,
    AppPool,
    BadActionError,
    CustomResponse,
    Direction,
    DoNothing,
    InboundRule,
    OutboundRule,
    Place,
    Rewrite,
    Scope,
    Service,
    UrlRewrite,
    header_name,
    title,
    undo_title,
)

OWA: Final = Place(Scope.APPLICATION, "Default Web Site", "/owa")
BLOCK: Final = UrlRewrite("A1", "a", OWA, InboundRule(".*", AbortRequest()))
ELSEWHERE: Final = UrlRewrite("A1", "a", Place(Scope.SERVER), InboundRule(".*", Rewrite("/")))
HEADER: Final = UrlRewrite("A1", "a", OWA, OutboundRule("RESPONSE_X_Frame_Options", ".*", Rewrite("DENY")))

CONTRADICTIONS: Final[tuple[Callable[[], object], ...]] = (
    lambda: Place(Scope.SERVER, "Default Web Site"),
    lambda: Place(Scope.SERVER, None, "/owa"),
    lambda: Place(Scope.SITE),
    lambda: Place(Scope.SITE, "Default Web Site", "/owa"),
    lambda: Place(Scope.APPLICATION, "Default Web Site"),
    lambda: Place(Scope.APPLICATION, None, "/owa"),
    lambda: Place(Scope.APPLICATION, "Default Web Site", "/"),
    lambda: Place(Scope.APPLICATION, "Default Web Site", "owa"),
    lambda: CustomResponse(200),
    lambda: CustomResponse(399),
    lambda: CustomResponse(600),
)


@pytest.mark.parametrize("make", CONTRADICTIONS)
def test_a_contradiction_cannot_be_made(make: Callable[[], object]) -> None:
    """A scope takes just what it needs, and a custom response blocks."""
    with pytest.raises(BadActionError) as refused:
        make()

    assert refused.value.code == "action.contradiction"


TITLES: Final[tuple[tuple[Action, str, str], ...]] = (
    (BLOCK, "block matching requests to Default Web Site/owa", "remove that rule"),
    (ELSEWHERE, "rewrite matching requests to the whole server", "remove that rule"),
    (HEADER, "change X-Frame-Options in responses of Default Web Site/owa", "remove that rule"),
    (AppPool("A1", "P"), "stop application pool P", "give application pool P back the state it had before"),
    (
        Service("A1", "S"),
        "stop and disable service S",
        "give service S back the state and start mode it had before",
    ),
    (DoNothing("A1"), "change nothing (heartbeat)", "nothing to take back"),
)


@pytest.mark.parametrize(("action", "does", "undoes"), TITLES)
def test_an_action_says_what_it_does_and_how_it_is_taken_back(action: Action, does: str, undoes: str) -> None:
    """For the console, the page for people and the agent's list."""
    assert title(action) == does
    assert undo_title(action) == undoes


def test_a_rule_knows_its_direction() -> None:
    """Inbound judges requests, outbound changes responses."""
    assert BLOCK.direction is Direction.INBOUND
    assert HEADER.direction is Direction.OUTBOUND


def test_a_server_variable_names_a_header() -> None:
    """As IIS writes it, underscores for hyphens."""
    assert header_name("RESPONSE_Content_Type") == "Content-Type"
