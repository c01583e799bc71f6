"""From settings to what can be seen of a running service, and to what keeps it from publishing.

Whatever cannot be read becomes a trouble of its own, and the rest is looked at all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509

from feedsrv.clock import Clock
from feedsrv.clock import now as clock_now
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.audit import CLOCK_IS_RIGHT
from feedsrv.publishing.ports import Shelf, Store
from feedsrv.publishing.records import Head
from feedsrv.publishing.trust_records import Stamp
from feedsrv.publishing.watching.checks import examine
from feedsrv.publishing.watching.public import see_public
from feedsrv.publishing.watching.results import NotHealthyError, Result, stops
from feedsrv.publishing.watching.seen import (
    ClockSeen,
    PublicSeen,
    Seen,
    ShelfSeen,
    Spans,
    StoreSeen,
    Trouble,
    TrustSeen,
)
from feedsrv.publishing.watching.shelf import see_shelf
from feedsrv.settings import Settings
from feedsrv.stores.database import StoreNotReadyError, file_of, is_current
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.trust.policy import TrustPolicy, load_anchors
from feedsrv.trust.profile import Kind
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.timestamps import certificates_of
from feedsrv.wiring.keyring import open_desk, open_store
from feedsrv.wiring.keys import Keys, NoKeysError, Trust, read_trust
from feedsrv.wiring.outside import HASTY, LONGEST, SILENCE, Bounded, HttpClocks, HttpPublic

log: Final = logging.getLogger(__name__)

_RECENT: Final = 20
"""Mitigations among which the newest time-stamp is looked for: one that is not stamped yet has none."""

Guard = Callable[[datetime, frozenset[Kind]], None]
"""Raises `NotHealthyError` where documents of these kinds must not be published now."""
_Value = TypeVar("_Value")


def look(settings: Settings, *, clock: Clock = clock_now, thorough: bool = False) -> tuple[Result, ...]:
    """See everything that can be seen, the public URL and other clocks too, and judge it; the worst first.

    A thorough look opens every listed document and fetches every one; any other goes by samples where
    nothing has changed.
    """
    return examine(see(settings, clock=clock, thorough=thorough))


def see(settings: Settings, *, clock: Clock = clock_now, thorough: bool = False) -> Seen:
    """Look at keys, database, shelf, public URL and clocks."""
    at = clock()
    eyes = _Eyes(settings, clock)
    trust = eyes.part("keys", eyes.trust)
    store = eyes.part("database", eyes.store)
    if trust and store and (unlisted := eyes.part("keys", lambda: eyes.unlisted(trust))):
        store = replace(store, unlisted=unlisted)
    shelf = eyes.part("shelf", lambda: eyes.shelf(trust, store, at, thorough=thorough))
    heads = store.heads if store else shelf.heads if shelf else ()
    policy = trust.policy if trust else None
    public, clocks = eyes.outside(heads, policy, at, thorough=thorough)
    return Seen(at, _spans(settings), trust, store, shelf, public, clocks, tuple(eyes.troubles))


def guard(settings: Settings, keys: Keys, store: Store, shelf: Shelf) -> Guard:
    """What refuses to publish where what is published would be believed by nobody; it asks no network."""
    trust = TrustSeen(
        {Kind.MITIGATION: keys.signers.mitigation.chain, Kind.FEED: keys.signers.feed.chain},
        keys.policy,
        keys.public_files,
    )

    def refuse(at: datetime, signing: frozenset[Kind]) -> None:
        seen_store = _see_store(store)
        seen_shelf = see_shelf(shelf, seen_store.heads, keys.policy, keys.public_files, at=at, thorough=False)
        seen = Seen(at, _spans(settings), trust, seen_store, seen_shelf, network=False)
        findings = stops(examine(seen), signing)
        if findings:
            raise NotHealthyError(findings)

    return refuse


class _Eyes:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.troubles: list[Trouble] = []

    def part(self, what: str, read: Callable[[], _Value]) -> _Value | None:
        """Read a part, or keep why it cannot be read."""
        try:
            return read()
        except FeedsrvError as refusal:
            self.troubles.append(Trouble(what, refusal.code, str(refusal)))
        except OSError as error:
            sentence = f"{error.filename or 'the system'}: {error.strerror or error}"
            self.troubles.append(Trouble(what, "operator.system", sentence))
        except Exception as error:
            # A look must come to an end whatever is broken: that is what it is for.
            log.exception("watch.unforeseen", extra={"part": what})
            self.troubles.append(Trouble(what, "internal", f"{type(error).__name__}: {str(error)[:200]}"))
        return None

    def trust(self) -> TrustSeen:
        try:
            trust = read_trust(self._settings)
        except StoreNotReadyError:
            trust = self._trust_without_register()
        return TrustSeen(trust.chains, trust.policy, trust.public_files, self._time_stamping())

    def _trust_without_register(self) -> Trust:
        """Where the database is damaged: what settings or the development PKI say, if agents know it."""
        nowhere = self._settings.data / "no" / "database"
        without = self._settings.model_copy(update={"database_url": f"sqlite:///{nowhere.absolute()}"})
        away = StoreNotReadyError("the keys in use are named in the database, and it cannot be used")
        try:
            trust = read_trust(without)
        except NoKeysError:
            raise away from None
        published = FileShelf(self._settings.shelf_folder).get("v1/trust/anchors.pem")
        if published and set(load_anchors(published, source="anchors.pem")).isdisjoint(trust.policy.anchors):
            raise away
        return trust

    def _time_stamping(self) -> tuple[x509.Certificate, ...]:
        """The roots of the time-stamping authority in use, and what its newest stamp was signed under."""
        path = self._settings.timestamp_anchors
        if path is None or self._settings.timestamp_url is None:
            return ()
        anchors = load_anchors(path.read_bytes(), source=str(path))
        stamp = self._newest_stamp()
        if stamp is None:
            return anchors
        try:
            return (*certificates_of(stamp.token, source="the newest time-stamp"), *anchors)
        except UntrustedError:
            return anchors  # `feedsrv audit` tells of stamps that prove nothing

    def _newest_stamp(self) -> Stamp | None:
        try:
            with open_store(self._settings) as store, store.look() as work:
                standing = sorted(work.revisions.standing(), key=lambda one: one.published.at, reverse=True)
                stamps = (work.stamps.get(one.published.digest) for one in standing[:_RECENT])
                return next((one for one in stamps if one is not None), None)
        except StoreNotReadyError:
            return None  # a trouble of its own

    def store(self) -> StoreSeen:
        url = self._settings.database
        if not is_current(url):
            raise StoreNotReadyError(
                f"there is no database of this version in {file_of(url).absolute()}: `feedsrv db upgrade` "
                "brings it up to date, or begins a new one"
            )
        with open_store(self._settings) as store:
            return _see_store(store)

    def unlisted(self, trust: TrustSeen) -> tuple[str, ...]:
        return open_desk(self._settings, clock=self._clock).unlisted(trust.policy.crls)

    def shelf(
        self, trust: TrustSeen | None, store: StoreSeen | None, at: datetime, *, thorough: bool
    ) -> ShelfSeen:
        return see_shelf(
            FileShelf(self._settings.shelf_folder),
            store.heads if store else None,
            trust.policy if trust else None,
            # Before the first publication nothing lies there, and nothing is amiss.
            trust.files if trust and (store is None or store.heads) else {},
            at=at,
            thorough=thorough,
        )

    def outside(
        self, heads: tuple[Head, ...], policy: TrustPolicy | None, at: datetime, *, thorough: bool
    ) -> tuple[PublicSeen | None, tuple[ClockSeen, ...]]:
        """The public URL and other clocks, each given up after a while."""
        url = self._settings.public_url
        clocks = Bounded(HttpClocks(self._settings.clock_urls, self._clock).ask)
        if url is None:
            return None, clocks.outcome(LONGEST) or ()
        longest = LONGEST if thorough else HASTY
        source = HttpPublic(url, self._clock, longest=longest)
        public = Bounded(lambda: _see_public(source, heads, policy, at, thorough=thorough))
        # Some more, for an answer that was being waited for when the time was over.
        seen = public.outcome(longest + SILENCE) or PublicSeen(
            url, failed_step="time", why=f"it was not all fetched in {longest:g} seconds"
        )
        theirs = (source.clock,) if source.clock else ()
        return seen, (*theirs, *(clocks.outcome(LONGEST) or ()))


def _see_public(
    source: HttpPublic, heads: tuple[Head, ...], policy: TrustPolicy | None, at: datetime, *, thorough: bool
) -> PublicSeen:
    try:
        return see_public(source, heads, policy, at=at, thorough=thorough)
    except Exception as error:
        # As with the parts: whatever the network answers, the look comes to an end.
        log.exception("watch.unforeseen", extra={"part": "public"})
        return PublicSeen(source.url, failed_step="HTTP", why=f"{type(error).__name__}: {str(error)[:200]}")
    finally:
        source.close()


def _see_store(store: Store) -> StoreSeen:
    with store.look() as work:
        was_ahead = any(one.verb == CLOCK_IS_RIGHT for one in work.audit.entries())
        return StoreSeen(work.feeds.heads(), work.audit.last(), work.intents.open(), was_ahead)


def _spans(settings: Settings) -> Spans:
    return Spans(settings.feed_lifetime, settings.keeper_interval)
