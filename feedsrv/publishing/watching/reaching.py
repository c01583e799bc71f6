"""What can be reached at all: the parts of this service from here, and all of it from the public URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from feedsrv.publishing.watching.results import BOTH, Grade, Result
from feedsrv.publishing.watching.seen import PublicFeed, PublicSeen, Seen

BROKEN: Final = "part.broken"
PUBLIC: Final = "public.failing"
PARTS: Final = ("database", "keys", "shelf")
_MEND: Final = {
    "database": "See that FEEDSRV_DATA or FEEDSRV_DATABASE_URL names it and that this user may write there; "
    "restore it from a backup where it is damaged",
    "keys": "Do what the sentence says; `feedsrv key list` shows which keys there are",
    "shelf": "See that FEEDSRV_SHELF names it and that this user may read there",
}
_NOT_SET: Final = (
    "nobody looked from outside: FEEDSRV_PUBLIC_URL, the address at which agents reach this service, is not "
    "set"
)


def parts_are_broken(seen: Seen) -> Iterator[Result]:
    """Database, keys and shelf: one result for each."""
    troubles = {one.what: one for one in seen.troubles}
    for part in PARTS:
        trouble = troubles.get(part)
        if trouble is None:
            yield Result(BROKEN, part, Grade.OK, f"the {part} can be read")
        else:
            sentence = f"the {part} cannot be used [{trouble.code}]: {trouble.sentence.rstrip('.')}"
            yield Result(BROKEN, part, Grade.CRITICAL, sentence, _MEND[part], stops=BOTH)


def public_is_failing(seen: Seen) -> Iterator[Result]:
    """Each feed as an agent fetches it; the value is 1 where it arrives and is believed, else 0."""
    public = seen.public
    if public is None:
        yield Result(PUBLIC, "", Grade.OK, _NOT_SET)
    elif public.failed_step is not None:
        yield Result(
            PUBLIC,
            "",
            Grade.CRITICAL,
            f"{public.url} fails agents at the step {public.failed_step!r}: {public.why.rstrip('.')}",
            _remedy(public.failed_step),
            value=0.0,
        )
    else:
        yield Result(PUBLIC, "", Grade.OK, f"{public.url} serves what agents need to trust it", value=1.0)
        for feed in public.feeds:
            yield _feed(public, feed)


def _feed(public: PublicSeen, feed: PublicFeed) -> Result:
    if feed.failed_step is None:
        sentence = (
            f"{public.url} serves feed {feed.name} version {feed.version}, with what it lists "
            f"({feed.documents} fetched and opened)"
        )
        return Result(PUBLIC, feed.name, Grade.OK, sentence, value=1.0)
    sentence = (
        f"{public.url} fails agents of feed {feed.name} at the step {feed.failed_step!r}: "
        f"{feed.why.rstrip('.')}"
    )
    return Result(PUBLIC, feed.name, Grade.CRITICAL, sentence, _remedy(feed.failed_step), value=0.0)


# What to do, by the step that failed; where verification failed, its own refusal has said it.
_REMEDIES: Final = {
    "address": "Correct FEEDSRV_PUBLIC_URL",
    "DNS": "See that the name is in the DNS, and that this machine may ask for it",
    "connection": "See that the web server runs, and what stands between it and here",
    "proxy": "See that the proxy that is set for this process works",
    "TLS": "Renew or correct the web server's certificate, with the chain of its issuers",
    "HTTP": "See whether the web server serves the shelf itself, below /v1/",
    "time": "See why answers take that long",
    "trust files": "See whether the web server serves this shelf, and not an older copy of it",
    "freshness": "See whether a cache before the web server keeps an older feed for longer than a minute",
}


def _remedy(step: str) -> str:
    return _REMEDIES.get(step, "See whether the web server serves this shelf whole and unchanged")
