"""Publishing from the browser: what would go out, and the ten steps as they are done.

The work goes on if the browser leaves: it has a thread of its own, and the page only listens to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import Final

from flask import Blueprint, Response

from feedsrv.errors import FeedsrvError
from feedsrv.model.catalogue import CumulativeUpdate, UpdateStage
from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.outcome import Outcome
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.reading import Reading
from feedsrv.publishing.summaries import Summary
from feedsrv.publishing.superseding import waits_for
from feedsrv.web import pages
from feedsrv.web.desk import Desk
from feedsrv.web.guard import require, require_fresh

log: Final = logging.getLogger(__name__)

STEPS: Final = {
    1: "Gathered what is approved, the updates to be released, and what each feed will list",
    2: "Asked the rules about the whole, as it would stand",
    3: "Drew up the next version of each feed that has something new to say",
    4: "Compared the mitigations with the very bytes that were approved",
    5: "Wrote down the intention",
    6: "Signed the mitigations, then the feeds",
    7: "Opened the result as an agent would, with a second implementation beside the first",
    8: "Put the bytes on the shelf, under names that never change",
    9: "Moved what is current, for every feed",
    10: "Recorded the outcome",
}
"""The publish cycle, in words for whoever waits; see `publishing.cycle`."""
PUBLICATION: Final = "publication"
"""The name of the thread that one has."""
_OUR_FAULT: Final = "the fault lies with this server; its operator finds the cause in the log"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing went out, or not all of it."""

    code: str
    sentence: str


News = int | Outcome | Refused
"""A step that is done, or how it ended."""


def publishing_blueprint(desk: Desk) -> Blueprint:
    """`/publish`."""
    door = Blueprint("publishing", __name__)

    @door.get("/publish")
    def look() -> Response:
        who = require()
        reading = desk.workflow(who)
        needs = reading.needs(who.name, frozenset(Role))
        return pages.render(
            "desk/publish.html",
            approved=needs.to_publish,
            held=tuple(_held(reading, needs.to_publish)),
            releasing=[one for one in needs.updates_waiting if one.releasing_by],
            may_publish=who.has(ACTS["feed.publish"]),
            steps=STEPS,
        )

    @door.post("/publish")
    def publish() -> Response:
        who = require_fresh(ACTS["feed.publish"])
        return pages.render_stream("desk/publishing.html", news=_published(desk, who), steps=STEPS)

    return door


def _held(reading: Reading, approved: Iterable[Summary]) -> Iterator[tuple[Summary, CumulativeUpdate]]:
    """What is approved and waits all the same: for an update that nobody has released."""
    waiting = [
        one.update
        for one in reading.list_updates()
        if one.update.stage is UpdateStage.REGISTERED and one.releasing_by is None
    ]
    for one in approved if waiting else ():
        words = reading.show_mitigation(one.id, one.number).mitigation
        before = one.published_number
        standing = reading.show_mitigation(one.id, before).mitigation if before is not None else None
        for update in waits_for(words, standing, waiting):
            yield one, update


def _published(desk: Desk, who: Principal) -> Iterator[News]:
    """Begin at once; each step as it is done, then the end. Nobody need listen for it to go on."""
    heard: Queue[News] = Queue()

    def work() -> None:
        try:
            heard.put(desk.publish(who, progress=heard.put))
        except FeedsrvError as refusal:
            heard.put(Refused(refusal.code, str(refusal)))
        except Exception:
            log.exception("publish.crashed", extra={"by": who.name})
            heard.put(Refused("internal", _OUR_FAULT))

    # Not a daemon: a process that is asked to end lets a publication finish first.
    Thread(target=work, name=PUBLICATION).start()
    return _until_the_end(heard)


def _until_the_end(heard: Queue[News]) -> Iterator[News]:
    while True:
        news = heard.get()
        yield news
        if not isinstance(news, int):
            return
