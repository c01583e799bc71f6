"""The people desk: who works here, how they sign in, and the tokens that act for them."""

from __future__ import annotations

from feedsrv.publishing.access.accounts import Accounts
from feedsrv.publishing.access.linking import Linking
from feedsrv.publishing.access.sessions import Sessions
from feedsrv.publishing.access.signing_in import SigningIn
from feedsrv.publishing.access.tokens import Tokens


class PeopleDesk(Accounts, Linking, SigningIn, Sessions, Tokens):
    """Every act upon people, one method per verb; each asks who may, and is written into the audit log."""
