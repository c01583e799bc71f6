"""The revocation lists of one sync: those that are kept, those that the settings name, and those fetched.

Each list is judged for itself. One that cannot be read or is nobody's is told, and takes nothing from the
others: a mirror that hands out nonsense shuts nobody off from a genuine list that is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from feedsrv.agent.grounds import Ground
from feedsrv.agent.revocations import Crl, CrlShelf, EndedListError, Revocations, UnfitListError
from feedsrv.agent.source import MAX_CRL, Source, ThrottledError, TooSlowError, UnreachableError
from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.trust.policy import load_crl

_MOST_LISTS: Final = 16
_CLOCKS_DIFFER: Final = timedelta(days=1)
"""A list that begins later than that was signed by a clock that is wrong, or ours is."""


class Lists:
    """Every list at hand in one sync."""

    def __init__(self, shelf: CrlShelf, named: Iterable[Crl], anchors: Iterable[x509.Certificate]) -> None:
        """`named` are those that the settings name; they are never written to the shelf's place."""
        self._shelf = shelf
        self._named = tuple(named)
        self._fetched: list[tuple[Crl, str]] = []
        self._early: list[Crl] = []
        self._issuers = dict.fromkeys((*anchors, *shelf.issuers()))
        self._kept = shelf.all()
        self._revocations = self._judge()

    def _judge(self) -> Revocations:
        judged = (*self._kept, *self._named, *self.fetched)
        return Revocations((one for one in judged if one not in self._early), self._issuers)

    @property
    def at_hand(self) -> tuple[Crl, ...]:
        """What documents are judged by, beside what the settings name.

        One that was fetched counts though its issuer is not known yet: the first documents of a new CA come
        with its first list. Where a list of that issuer is at hand that is genuine, others say nothing.
        """
        return (*self._kept, *(one for one in self.fetched if one not in self._kept))

    @property
    def fetched(self) -> tuple[Crl, ...]:
        """Those that came in this sync."""
        return tuple(crl for crl, _ in self._fetched)

    def fetch(self, source: Source, at: datetime) -> Iterator[FeedsrvError]:
        """Fetch what the source offers; gives whatever cannot be had or used.

        A list that is still to begin counts for this sync's documents, and is not kept: else the mistake of
        one day at a CA would keep every later list out until that begin.
        """
        try:
            paths = source.crl_paths()[:_MOST_LISTS]
        except FeedsrvError as refusal:
            yield refusal  # the lists at hand still count, and refuse once they have ended
            return
        for path in paths:
            try:
                crl = load_crl(source.document(path, max_bytes=MAX_CRL), source=path)
            except (UnreachableError, TooSlowError, ThrottledError) as refusal:
                yield refusal
                break
            except FeedsrvError as refusal:
                yield refusal
                continue
            self._fetched.append((crl, path))
            if crl.last_update_utc > at + _CLOCKS_DIFFER and crl not in self._kept:
                self._early.append(crl)
                begins = to_text(crl.last_update_utc)
                yield UnfitListError(path, crl.issuer, f"begins at {begins}, and it is {to_text(at)}")
        self._revocations = self._judge()

    def learn(self, issuers: Iterable[x509.Certificate]) -> None:
        """These issued what was proven just now, so their lists can be told from others."""
        fresh = [one for one in issuers if one not in self._issuers]
        if fresh:
            self._issuers.update(dict.fromkeys(fresh))
            self._revocations = self._judge()

    def keep(self) -> None:
        """Keep the newest list of each issuer's key, and the certificates of the issuers.

        Raises:
            LibraryError: one cannot be written.
        """
        self._shelf.learn(self._issuers)
        self._shelf.keep(one for one in self._revocations.newest() if one.crl not in self._named)

    def wrong(self) -> Iterator[FeedsrvError]:
        """Those fetched in the name and for the key of a known issuer who did not sign them; partial ones."""
        for crl, path in self._fetched:
            refusal = self._revocations.wrong(crl, path)
            if refusal is not None:
                yield refusal

    def took_away(self, ground: Ground) -> datetime | None:
        """As of when a certificate that this ground stands on is revoked; None where none is."""
        return self._revocations.took_away(ground)

    def ended(self, grounds: Iterable[Ground], at: datetime) -> Iterator[EndedListError]:
        """The newest lists that have ended, of the issuers that these grounds stand on."""
        return self._revocations.ended(grounds, at)
