"""Requests that may be sent twice: the second one is answered as the first was, byte for byte.

A client that got no answer cannot know whether its request was carried out. It names a key of its own
choosing, and sends the same again. Only success is kept: what was refused changed nothing and may be tried
again. A process that dies between the act and its answer leaves a claim without one; after a while somebody
may take it over, and then meets what was done as everybody does.
"""

from __future__ import annotations

import hmac
import logging
import re
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

from flask import Response, g, request

from feedsrv.clock import Clock
from feedsrv.errors import FeedsrvError
from feedsrv.publishing.people import folded
from feedsrv.publishing.people_records import Answer
from feedsrv.publishing.ports import Store
from feedsrv.web.api.entry import bearer
from feedsrv.web.api.refusals import AtWorkError, BadKeyError, ReusedKeyError
from feedsrv.web.guard import principal

log: Final = logging.getLogger(__name__)

HEADER: Final = "Idempotency-Key"
KEY: Final = r"^[!-~]{8,150}$"
_KEY: Final = re.compile(KEY)
KEPT: Final = timedelta(days=1)
TAKEN_OVER: Final = timedelta(minutes=10)
"""No request takes as long, publishing included."""
_KEPT_HEADERS: Final = ("Content-Type", "ETag", "Location")


class Repeats:
    """Keeps answers by key, in the same store as everything else, so that all workers know them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def claim(self) -> Response | None:
        """Begin a request under its key, or answer it again; None where it is to be carried out.

        Raises:
            BadKeyError: it is none.
            ReusedKeyError: another request was sent under that key.
            AtWorkError: the first one has not been answered yet.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise BadKeyError
        who = principal()
        now = self._clock()
        claim = Answer(key=f"{folded(who.name)} {key}", request=_digest_of_request(), at=now)
        with self._store.begin() as work:
            found = work.answers.get(claim.key)
            if found is not None and now - found.at < KEPT:
                if found.request != claim.request:
                    raise ReusedKeyError
                if found.status is not None:
                    return _again(found)
                # A clock that was set back must not keep a claim for longer.
                if timedelta(0) <= now - found.at < TAKEN_OVER:
                    raise AtWorkError(TAKEN_OVER)
            work.answers.forget(before=now - KEPT)
            work.answers.save(claim)
        g.claim = claim
        return None

    def keep(self, answer: Response) -> Response:
        """Keep the answer of a request that was begun; one that was refused may be sent again."""
        claim: Answer | None = g.pop("claim", None)
        if claim is None:
            return answer
        try:
            self._settle(claim, answer)
        except FeedsrvError as error:
            # The act itself is done, and its answer says so; only a repetition will find the claim.
            log.warning("api.answer_not_kept", extra={"reason": str(error)})
        return answer

    def _settle(self, claim: Answer, answer: Response) -> None:
        with self._store.begin() as work:
            if work.answers.get(claim.key) != claim:
                return  # somebody took it over
            if answer.status_code >= 300:
                work.answers.remove(claim.key)
                return
            headers = tuple((name, answer.headers[name]) for name in _KEPT_HEADERS if name in answer.headers)
            body = answer.get_data()
            work.answers.save(replace(claim, status=answer.status_code, headers=headers, body=body))


def _again(found: Answer) -> Response:
    answer = Response(found.body, found.status)
    for name, value in found.headers:
        answer.headers[name] = value
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _digest_of_request() -> str:
    """Of everything that the request asks, and of the token that asks it.

    A body may hold a password, which a plain digest would let others guess at. The token's secret, which is
    kept nowhere here, is the key.
    """
    said = (
        request.method,
        request.full_path,
        request.headers.get("Content-Type", ""),
        request.headers.get("If-Match", ""),
    )
    message = "\n".join(said).encode() + b"\n" + request.get_data()
    return hmac.new(bearer().encode(), message, sha256).hexdigest()
