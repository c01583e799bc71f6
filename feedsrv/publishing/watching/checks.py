"""Every check as one table: what it is about, why it can fail, what to do, and the function that judges.

`examine` runs those that can be judged by what was seen. `docs/operations.md` and the numbered events are
made from the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from feedsrv.publishing.watching import certificates, clocks, lists, published, reaching, signers
from feedsrv.publishing.watching.results import Result, in_order
from feedsrv.publishing.watching.seen import Seen


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    name: str
    """Stable: in results, metrics and events."""
    number: int
    """Of the event at the begin of its condition; see `events`."""
    summary: str
    """What is the case where it fails, in a few words."""
    cause: str
    resolution: str
    judge: Callable[[Seen], Iterable[Result]]
    needs: Callable[[Seen], bool]
    """True where enough was seen to judge it."""
    gauge: str | None = None
    """The metric that a result's value goes into."""
    value: str = ""
    """What that value is, and its unit."""


def _always(_: Seen) -> bool:
    return True


def _trust(seen: Seen) -> bool:
    return seen.trust is not None


def _store(seen: Seen) -> bool:
    return seen.store is not None


def _shelf(seen: Seen) -> bool:
    return seen.shelf is not None


def _both(seen: Seen) -> bool:
    return seen.trust is not None and seen.shelf is not None


def _feeds(seen: Seen) -> bool:
    # Without database and keys, nobody can tell which feeds there are.
    return seen.shelf is not None and (seen.store is not None or seen.trust is not None)


def _network(seen: Seen) -> bool:
    return seen.network


CHECKS: Final = (
    Check(
        "part.broken",
        2000,
        "the database, the keys or the shelf cannot be used",
        "A file is missing, damaged or not readable by this user, a key module is away, or a setting names "
        "another place.",
        "Do what the code says: refusals.md has them all. Nothing is published until then; what is on the "
        "shelf is served on.",
        reaching.parts_are_broken,
        _always,
    ),
    Check(
        "certificate.ends",
        2010,
        "a certificate ends soon, has ended, or has not begun",
        "Time passed, or the clock is wrong. A warning comes 15 days before a leaf's end, 15 weeks before an "
        "issuing CA's, 15 months before a root's, or in the last third of a shorter life. Critical is a "
        "signing chain's certificate that has ended, has not begun, or ends before a feed published now "
        "could be signed anew (a third of FEEDSRV_FEED_LIFETIME, a day at most).",
        "Renew it, the deeper the earlier: a leaf by `feedsrv key request`, `import` and `use`; an issuing "
        "CA or a root by announcing the next one first. `feedsrv trust plan` shows by when. In an emergency, "
        "a shorter FEEDSRV_FEED_LIFETIME lets publishing go on until the end.",
        certificates.certificates_end,
        _trust,
        "feedsrv_certificate_ends_in_seconds",
        "Seconds until the certificate ends; negative afterwards.",
    ),
    Check(
        "signer.refused",
        2020,
        "agents would refuse what a signer in use signs now",
        "Its chain does not lead to an anchor, or a certificate lacks a usage, belongs to another "
        "organisation, is revoked, or is judged by a revocation list that has ended.",
        "Use a signer whose chain is whole, by `feedsrv key use`; `feedsrv key lint` explains every "
        "deviation of a certificate.",
        signers.signers_are_refused,
        _trust,
        "feedsrv_signer_believed_for_seconds",
        "Seconds until agents would first refuse what the signer signs now, by what is known.",
    ),
    Check(
        "crl.ends",
        2030,
        "a revocation list ends soon, has ended, is missing, or lacks what was revoked",
        "Nobody made the next one: the keeper renews in the last third of a list's life those of CAs whose "
        "key is at hand; others are put into FEEDSRV_CRLS by hand. A warning comes in the last sixth. "
        "Critical, too, is a revocation that no list says, since the CA's key was away.",
        "`feedsrv key crl` where the key is at hand; else have the CA's holder make a new list and put it "
        "into the folder of FEEDSRV_CRLS. Agents refuse new documents under a list that has ended, and "
        "keep what they have applied.",
        lists.lists_end,
        _trust,
        "feedsrv_crl_ends_in_seconds",
        "Seconds until the newest revocation list of the CA ends; negative afterwards.",
    ),
    Check(
        "clock.behind",
        2040,
        "the clock is behind what was recorded, or before our certificates begin",
        "The clock was set back, or lost: a machine that starts without a battery is in 1970. Warning from "
        "one minute on, critical from five.",
        "Set the clock and let a time service keep it. Nothing is published under a false date.",
        clocks.clock_is_behind,
        lambda seen: _trust(seen) or _store(seen) or _shelf(seen),
        "feedsrv_clock_behind_seconds",
        "Seconds by which the clock is behind our own records, or behind our certificates' begin.",
    ),
    Check(
        "clock.skewed",
        2050,
        "the clock differs from other clocks",
        "The clock drifts and no time service corrects it. Compared is with the median of what "
        "FEEDSRV_PUBLIC_URL and FEEDSRV_CLOCK_SOURCES say; warning from one minute on, critical from five.",
        "Set the clock and let a time service keep it. Where the others are wrong, name more sources.",
        clocks.clock_is_skewed,
        _network,
        "feedsrv_clock_skew_seconds",
        "Seconds by which the clock is ahead of the median of other clocks; negative where it is behind.",
    ),
    Check(
        "clock.silent",
        2060,
        "a source of time does not answer",
        "The address cannot be reached from here, or sends no Date.",
        "See whether it can be reached, or name another in FEEDSRV_CLOCK_SOURCES.",
        clocks.clocks_are_silent,
        _network,
    ),
    Check(
        "feed.overdue",
        2070,
        "a feed was not signed anew in time, or has expired, or none is published",
        "The keeper does not run, is refused, or cannot use the feed key. A feed is due once a third of its "
        "lifetime has passed.",
        "Read the keeper's log; `feedsrv keeper --once` or `feedsrv feed refresh` signs it anew. Agents keep "
        "what they have applied. Publishing cures this, so it stops nothing.",
        published.feeds_are_overdue,
        _feeds,
        "feedsrv_current_feed_expires_in_seconds",
        "Seconds until the current feed expires; negative afterwards.",
    ),
    Check(
        "publication.unfinished",
        2080,
        "a publication was cut short",
        "Its process was killed, or the machine went down, more than ten minutes ago.",
        "Nothing to repair: the next `feedsrv feed publish` or the keeper finishes or clears it.",
        published.publications_are_unfinished,
        _store,
    ),
    Check(
        "shelf.astray",
        2090,
        "a file on the shelf is not what was published",
        "It was changed or removed on the disk, or database and shelf were restored from different days.",
        "A current feed or a file of trust is put back by the next publication or the keeper. A mitigation "
        "or an older feed version comes back from a backup alone; find out who changed it. None of this "
        "stops publishing: a new protection must get out.",
        published.shelf_is_astray,
        _feeds,
    ),
    Check(
        "document.refused",
        2100,
        "agents would refuse a document that is listed",
        "Its signer's certificate has ended or was revoked, a list is stale, or an anchor was dropped while "
        "documents signed under it are still listed.",
        "Where an anchor, the organisation or a usage was changed too early, put it back: publishing stops "
        "until then. Else publish a new revision of a mitigation, and sign a feed anew with `feedsrv feed "
        "refresh --force`: the key of today signs them. A warning is about superseded or withdrawn "
        "mitigations.",
        published.documents_are_refused,
        _both,
    ),
    Check(
        "public.failing",
        2110,
        "agents that ask the public URL would fail",
        "The step says where: address, DNS, connection, proxy, TLS, HTTP, time, trust files, revocation "
        "lists, document, signature, chain, key usage, issuer, revocation, freshness, mitigations.",
        "Mend the step that is named, from outside to inside. An emergency can be published meanwhile.",
        reaching.public_is_failing,
        _network,
        "feedsrv_public_ok",
        "1 where what agents need arrives from the public URL and is believed, else 0.",
    ),
)


def examine(seen: Seen) -> tuple[Result, ...]:
    """Judge everything that was seen, the worst first."""
    return in_order(result for check in judged(seen) for result in check.judge(seen))


def judged(seen: Seen) -> tuple[Check, ...]:
    """The checks for which enough was seen."""
    return tuple(check for check in CHECKS if check.needs(seen))
