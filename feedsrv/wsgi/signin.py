"""The identity provider of the settings, ready for sign-ins: the private surface and its check use it."""

from __future__ import annotations

from feedsrv.clock import Clock, now
from feedsrv.settings import Settings
from feedsrv.web.signin.claims import Naming
from feedsrv.web.signin.provider import Provider
from feedsrv.wiring.signin import choose_provider


def open_provider(settings: Settings, *, clock: Clock = now) -> Provider | None:
    """The identity provider in force; None where none is set. It is not asked anything yet.

    Raises:
        OperatorError: a setting or a file that it names cannot be used.
    """
    chosen = choose_provider(settings)
    if chosen is None:
        return None
    return Provider(
        chosen.discovery_url,
        chosen.client_id,
        chosen.client_secret,
        desk_url=chosen.desk_url,
        naming=Naming(chosen.roles, chosen.groups_claim, chosen.name_claim),
        scopes=chosen.scopes,
        clock=clock,
    )
