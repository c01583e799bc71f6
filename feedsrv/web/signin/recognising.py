"""Telling from a request who it is from: by the cookie of a sign-in, or by a token.

A cookie counts at the console, a token for programs; neither where the other is meant, so that no other
site can make a browser act there.
"""

from __future__ import annotations

from typing import Final

from flask import Request, session

from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.people_records import Principal
from feedsrv.web.guard import Authenticator

SIGN_IN: Final = "signed-in"
"""Where the session keeps the secret of the sign-in."""
_LONGEST: Final = 200
"""Characters of a secret; ours have some fifty."""
# The door that takes nothing but a token, and those that take either.
_API: Final = "/api/"
_EITHER: Final = ("/status", "/metrics")
TOKENS_COUNT: Final = ("/api/v1/", *_EITHER)
"""How the paths begin at which a token is asked for."""


def authenticator(people: PeopleDesk) -> Authenticator:
    """Recognises people by the cookie of their sign-in, and programs by their token."""

    def recognise(asked: Request) -> Principal | None:
        token = bearer(asked)
        if asked.path.startswith(_API):
            return people.recognise_token(token) if token else None
        if token and asked.path.startswith(_EITHER):
            return people.recognise_token(token)
        secret = session.get(SIGN_IN)
        return people.recognise(secret) if isinstance(secret, str) and secret else None

    return recognise


def bearer(asked: Request) -> str | None:
    """The token that a request carries, or None."""
    given = asked.authorization
    if given is None or given.type != "bearer" or not given.token:
        return None
    # Nothing of ours is so long; whatever it is, it is not looked up.
    return given.token if len(given.token) <= _LONGEST and given.token.isascii() else None
