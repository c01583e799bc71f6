"""The private surface put together: from settings to the desk, its doors and who may come in."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from flask import Flask

from feedsrv.clock import Clock, now
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.outcome import Outcome
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.permits import only
from feedsrv.publishing.versions import FeedVersions
from feedsrv.publishing.workflow import Workflow
from feedsrv.settings import Settings
from feedsrv.signing.signer import chain_ends
from feedsrv.stores.database import open_database
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind
from feedsrv.web.api.door import api_blueprint
from feedsrv.web.console import console_blueprints
from feedsrv.web.desk import Desk, Progress
from feedsrv.web.guard import Guard
from feedsrv.web.private import create_private_app
from feedsrv.web.signin.door import signin_blueprint
from feedsrv.web.signin.limits import apply_limits
from feedsrv.web.signin.protection import protect
from feedsrv.web.signin.recognising import authenticator
from feedsrv.wiring.desk import open_cycle, open_keys, open_workflow, require_current
from feedsrv.wiring.keyring import open_desk
from feedsrv.wiring.keys import read_trust
from feedsrv.wiring.lists import publish_lists, tell_development_pki
from feedsrv.wiring.people import open_notices, open_people
from feedsrv.wiring.secret import open_secret
from feedsrv.wiring.signin import open_limits
from feedsrv.wiring.watch import look
from feedsrv.wsgi.signin import open_provider
from feedsrv.wsgi.site import site

log: Final = logging.getLogger(__name__)

MOST_BYTES: Final = 4 * 2**20
"""Of one request; a mitigation has at most one MiB, and forms say it in more words."""
_KEPT: Final = timedelta(seconds=30)
"""For how long the end of the signing certificate, which rules at review ask for, is not looked up again."""


def private_app(settings: Settings, *, clock: Clock = now) -> Flask:
    """The private surface for these settings.

    Raises:
        OperatorError: a file that a setting names cannot be used.
    """
    # Nothing here asks the database: where it is away or too old, the status page must say so.
    store = SqlStore(open_database(settings.database))
    desk = open_private_desk(settings, store, clock=clock)
    provider = open_provider(settings)
    secret = open_secret(settings)
    limits = open_limits(settings)
    api = api_blueprint(desk, store)
    signin = signin_blueprint(
        desk.people, provider, local=settings.has_local_accounts, publisher=settings.publisher
    )

    def guarded(app: Flask) -> None:
        protect(
            app,
            secrets=secret.keys("cookies"),
            desk_url=settings.desk,
            binds=(settings.private_bind,),
            trusted_proxies=settings.trusted_proxies,
            max_bytes=MOST_BYTES,
        )
        apply_limits(app, limits)

    return create_private_app(
        look=partial(look, settings),
        publisher=settings.publisher,
        clock=clock,
        guard=Guard(authenticator(desk.people), settings.fresh_span, clock),
        doors=(signin, *console_blueprints(desk)),
        apis=(api,),
        protect=guarded,
    )


def open_private_desk(settings: Settings, store: SqlStore, *, clock: Clock = now) -> Desk:
    """What console and API work with, over the database, the shelf and the keys in force."""
    signer = _SignerEnd(settings, clock)
    shelf = FileShelf(settings.shelf_folder)

    def workflow(who: Principal) -> Workflow:
        return open_workflow(
            settings, clock=clock, key_ends=signer.at(), may=only(who), via=who.via, store=store
        )

    def publish(principal: Principal, *, progress: Progress) -> Outcome:
        require_current(settings.database)
        keys = open_keys(settings, now=clock(), tell=_warn)
        cycle = open_cycle(
            settings, keys, site(settings.publisher), may=only(principal), via=principal.via, after=progress
        )
        return cycle.run(by=principal.name, at=clock())

    def policy() -> TrustPolicy:
        return read_trust(settings).policy

    def keys(who: Principal) -> KeyDesk:
        return open_desk(settings, clock=clock, may=only(who), via=who.via)

    def lists() -> bool:
        done = publish_lists(settings, at=clock())
        tell_development_pki(settings, now=clock())
        return done

    return Desk(
        publisher=settings.publisher,
        clock=clock,
        workflow=workflow,
        publish=publish,
        people=open_people(settings, clock=clock, store=store),
        keys=keys,
        publish_lists=lists,
        notices=open_notices(settings, clock=clock, store=store),
        versions=lambda: FeedVersions(shelf, store, policy, clock),
    )


def _warn(sentence: str) -> None:
    log.warning("keys.warned", extra={"what": sentence})


@dataclass
class _SignerEnd:
    """When the first certificate of the mitigation signer's chain ends; None where that cannot be read."""

    settings: Settings
    clock: Clock
    looked_at: datetime | None = None
    ends: datetime | None = None

    def at(self) -> datetime | None:
        """As it was at most half a minute ago."""
        moment = self.clock()
        if self.looked_at is None or not timedelta(0) <= moment - self.looked_at < _KEPT:
            try:
                self.ends = chain_ends(read_trust(self.settings).chains[Kind.MITIGATION])
            except FeedsrvError as refusal:
                # Publishing asks again, and refuses then; reading and writing must go on.
                log.warning("signer.unread", extra={"code": refusal.code, "why": str(refusal)})
                self.ends = None
            self.looked_at = moment
        return self.ends
