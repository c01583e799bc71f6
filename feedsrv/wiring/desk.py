"""What people and the keeper work with: the workflow, and the publish cycle behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from feedsrv.clock import Clock, now
from feedsrv.codec.schemas import SCHEMAS, schema_file
from feedsrv.model.feed import Poll
from feedsrv.publishing.cycle import PublishCycle
from feedsrv.publishing.permits import May, anybody, registered
from feedsrv.publishing.ports import PageMaker
from feedsrv.publishing.stamping import Proof, prove_stamps
from feedsrv.publishing.workflow import Workflow
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.signing.timestamping import TimestampAuthority
from feedsrv.stores.database import StoreNotReadyError, file_of, is_current, open_database, upgrade
from feedsrv.stores.lock import lock_beside
from feedsrv.stores.shelf_files import FileShelf
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.policy import load_anchors
from feedsrv.wiring.keyring import open_store, read_file
from feedsrv.wiring.keys import Keys, open_keys
from feedsrv.wiring.watch import guard

MakePage = Callable[[Keys], PageMaker]
"""Makes the maker of the public page, which shows the anchors in force."""


@dataclass(frozen=True)
class Site:
    """What is published beside feeds and mitigations: how the page is made, and the files it needs."""

    make_page: MakePage
    files: Mapping[str, bytes]
    """By path on the shelf."""


def permits(settings: Settings) -> May:
    """Whether registered people may act in their roles; anybody, before the first is registered.

    Raises:
        OperatorError: the database cannot be used.
    """
    with open_store(settings) as store, store.look() as work:
        return registered(work.people.all())


def was_cut_short(settings: Settings) -> bool:
    """True where a publication was begun and neither finished nor cleared.

    Raises:
        OperatorError: the database cannot be used.
    """
    with open_store(settings) as store, store.look() as work:
        return work.intents.open() is not None


def nobody_is_registered(settings: Settings) -> bool:
    """True before the first person may sign in.

    Raises:
        OperatorError: the database cannot be used.
    """
    with open_store(settings) as store, store.look() as work:
        return work.people.is_empty()


def open_workflow(  # noqa: PLR0913 -- what one caller or another knows better than the settings
    settings: Settings,
    *,
    clock: Clock = now,
    key_ends: datetime | None = None,
    may: May = anybody,
    via: str = "",
    store: SqlStore | None = None,
) -> Workflow:
    """The workflow over the database in force, or over a store on it that is open already.

    `key_ends` is when the first certificate of the mitigation signer's chain ends, for the rules at review.

    Raises:
        OperatorError: the database cannot be used, or is of another version.
    """
    require_current(settings.database)
    return Workflow(
        store or SqlStore(open_database(settings.database)),
        now=clock,
        max_review=settings.max_review,
        key_ends=key_ends,
        may=may,
        via=via,
        break_glass_span=settings.break_glass_span,
        break_glass_review=settings.break_glass_review,
    )


def open_cycle(  # noqa: PLR0913 -- who publishes, by which door, and who hears of each step
    settings: Settings,
    keys: Keys,
    site: Site,
    *,
    may: May = anybody,
    via: str = "",
    after: Callable[[int], None] = lambda _: None,
) -> PublishCycle:
    """The publish cycle over database, shelf and keys in force; `after` is told each step that is done.

    `via` is the door that people came by, for the audit log.

    Raises:
        OperatorError: the database cannot be used, or is of another version.
    """
    require_current(settings.database)
    schemas = {f"v1/schemas/{name}": schema_file(name) for name in SCHEMAS}
    store, shelf = SqlStore(open_database(settings.database)), FileShelf(settings.shelf_folder)
    return PublishCycle(
        store,
        shelf,
        lock_beside(file_of(settings.database)),
        signers=keys.signers,
        policy=keys.policy,
        page=site.make_page(keys),
        fixed_files={**schemas, **site.files, **keys.public_files},
        lifetime=settings.feed_lifetime,
        poll=Poll(settings.poll_interval, settings.poll_interval),
        max_review=settings.max_review,
        guard=guard(settings, keys, store, shelf),
        stamper=_stamper(settings),
        may=may,
        via=via,
        after=after,
    )


def read_stamp_anchors(settings: Settings) -> tuple[x509.Certificate, ...]:
    """The roots by which time-stamps are believed; none where no authority is set.

    Raises:
        OperatorError: the file cannot be read, or holds none.
    """
    file = settings.timestamp_anchors
    return () if file is None else load_anchors(read_file(file), source=str(file))


def read_stamps(settings: Settings) -> tuple[Proof, ...]:
    """Every time-stamp of the audit log, verified over what is on the shelf.

    Raises:
        OperatorError: the database or the roots of the authority cannot be read.
    """
    require_current(settings.database)
    store, shelf = SqlStore(open_database(settings.database)), FileShelf(settings.shelf_folder)
    return prove_stamps(store, shelf, read_stamp_anchors(settings))


def _stamper(settings: Settings) -> TimestampAuthority | None:
    if settings.timestamp_url is None:
        return None
    return TimestampAuthority(settings.timestamp_url, read_stamp_anchors(settings))


def require_current(url: str) -> None:
    """Refuse a database that is not there, or is of another version.

    Raises:
        StoreNotReadyError: there is none, or it lacks this version's tables.
    """
    file = file_of(url).absolute()
    if not file.is_file():
        raise StoreNotReadyError(
            f"there is no database {file}: is FEEDSRV_DATA (or FEEDSRV_DATABASE_URL) what the service itself "
            "uses? To begin a new one there, run `feedsrv db upgrade`"
        )
    if not is_current(url):
        raise StoreNotReadyError(
            f"the database {file} is of another version of feedsrv: bring it up to date with "
            "`feedsrv db upgrade`"
        )


def prepare(settings: Settings) -> None:
    """Make the folders and bring the database up to date.

    Raises:
        OperatorError: the data folder or the database cannot be written.
    """
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettingsError(
            f"FEEDSRV_DATA: the folder {settings.data} cannot be made or used ({error.strerror}); name one "
            "that this user may write in"
        ) from None
    upgrade(settings.database)


__all__ = ["Keys", "Site", "open_cycle", "open_keys", "open_workflow", "prepare", "require_current"]
