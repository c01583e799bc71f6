"""Waiting no longer than agreed for a call whose library bounds only parts of it.

HTTP libraries bound each silence, but neither name resolution nor an answer that comes byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

_Value = TypeVar("_Value")


def within(seconds: float, call: Callable[[], _Value], *, name: str) -> _Value:
    """What `call` returns or raises, from a thread of that name. What is late ends later, and nobody listens.

    Raises:
        TimeoutError: it takes longer.
    """
    outcome: Future[_Value] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that asked
            outcome.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return outcome.result(seconds)
