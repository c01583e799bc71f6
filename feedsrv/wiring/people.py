"""The people desk and the desk of notices, on the database in force."""

from __future__ import annotations

from collections.abc import Sequence

from feedsrv.clock import Clock, now
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.notices.addresses import read_networks
from feedsrv.publishing.notices.desk import NoticeDesk
from feedsrv.publishing.ports import Store
from feedsrv.settings import Settings
from feedsrv.stores.database import open_database
from feedsrv.stores.sql import SqlStore
from feedsrv.wiring.desk import require_current
from feedsrv.wiring.secret import open_secret


def open_people(settings: Settings, *, clock: Clock = now, store: Store | None = None) -> PeopleDesk:
    """The people desk; on a store of its own where none is given.

    Raises:
        OperatorError: the database cannot be used, or is of another version.
    """
    return PeopleDesk(
        store or _store(settings),
        now=clock,
        session_span=settings.session_span,
        session_idle=settings.session_idle,
        local_accounts=settings.has_local_accounts,
    )


def open_notices(settings: Settings, *, clock: Clock = now, store: Store | None = None) -> NoticeDesk:
    """The desk of notices; on a store of its own where none is given.

    Raises:
        OperatorError: the database cannot be used, or is of another version.
    """
    return NoticeDesk(
        store or _store(settings),
        now=clock,
        networks=read_networks(settings.webhook_networks),
        secret=lambda number: webhook_keys(settings, number)[0],
    )


def webhook_keys(settings: Settings, number: int) -> Sequence[bytes]:
    """The keys that what is sent to a webhook is signed with: of each secret of the desk, the newest first.

    Raises:
        BadSecretError: the file with the desk's secret cannot be used.
    """
    return [bytes.fromhex(key) for key in open_secret(settings).keys(f"webhook {number}")]


def _store(settings: Settings) -> SqlStore:
    require_current(settings.database)
    return SqlStore(open_database(settings.database))
