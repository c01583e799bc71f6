"""The key desk: a key's whole life, one method per verb."""

from __future__ import annotations

from feedsrv.publishing.key_register.importing import ImportingKeys
from feedsrv.publishing.key_register.listing import ListingKeys
from feedsrv.publishing.key_register.making import MakingKeys
from feedsrv.publishing.key_register.retiring import RetiringKeys
from feedsrv.publishing.key_register.revoking import RevokingKeys
from feedsrv.publishing.key_register.using import UsingKeys


class KeyDesk(MakingKeys, ImportingKeys, UsingKeys, RetiringKeys, RevokingKeys, ListingKeys):
    """Carries a key from its request to its end, and writes every step into the audit log."""
