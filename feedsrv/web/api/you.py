"""Who asks, as the service sees them."""

from __future__ import annotations

from flask import Response

from feedsrv.model.lifecycle import Role
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.words import Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal


class You(Words):
    """The owner of the token that asks."""

    name: str
    """As it stands in the audit log."""
    roles: list[Role]
    """Those of the token's scope that its owner has at this moment."""
    via: str
    """The token, such as `token 3 (ci)`."""


def add(routes: Routes, desk: Desk) -> None:
    """Who am I."""
    del desk

    @routes.get("/v1/me", You, tag="you")
    def who_am_i() -> Response:
        """Say whom the service takes you for, and what you may do."""
        who = principal()
        return said(You(name=who.name, roles=sorted(who.roles), via=who.via))
