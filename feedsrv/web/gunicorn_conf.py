"""Settings of gunicorn for the public surface: `gunicorn -c python:feedsrv.web.gunicorn_conf ...`.

Names are gunicorn's own. `WEB_CONCURRENCY` chooses the number of workers; anything else can be set
over these on the command line or in `GUNICORN_CMD_ARGS`.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Listener(Protocol):
    """What is needed here of gunicorn's listening socket."""

    def setsockopt(self, level: int, option: int, value: bytes, /) -> None:
        """As a socket's."""


class Arbiter(Protocol):
    """What is needed here of gunicorn's master process."""

    LISTENERS: Sequence[Listener]


class Log(Protocol):
    """What is needed here of gunicorn's logger."""

    error_log: logging.Logger


class Worker(Protocol):
    """What is needed here of gunicorn's worker."""

    pid: int
    log: Log


_MEMORY = Path("/dev/shm")  # noqa: S108 -- no file of ours is known by its name there
STALL = 5
"""Seconds for which a client may send nothing, or take nothing, in the middle of a request."""
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
_IN_MEMORY = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "0")) or min(4, (os.cpu_count() or 1) + 1)
# A client that sends slowly holds a thread; a waiting thread costs next to nothing.
threads = 16
keepalive = 15
# A worker's heartbeat is a file: on a slow disk, the disk would decide whether a worker lives.
worker_tmp_dir = _IN_MEMORY
timeout = 30
graceful_timeout = 10

# An agent asks with a short path and a dozen fields. What is longer is nobody of ours.
limit_request_line = 2048
limit_request_fields = 50
limit_request_field_size = 4096

# One line for each of a million polls an hour helps nobody; /metrics counts them.
accesslog = None
errorlog = "-"
# Which proxies are believed is a setting of ours (FEEDSRV_TRUSTED_PROXIES), judged in one place.
forwarded_allow_ips = ""
# It would be a writable socket in somebody's home, and nothing here needs it.
control_socket_disable = True


def on_starting(server: object) -> None:  # noqa: ARG001 -- gunicorn's signature
    """Before any worker: each counts in a file of its own, in memory; whichever is asked adds them up."""
    os.environ[_COUNTS] = tempfile.mkdtemp(prefix="feedsrv-counts-", dir=_IN_MEMORY)


def when_ready(server: Arbiter) -> None:
    """Let no stalled client hold a thread for longer than `STALL`, reading or writing.

    Gunicorn waits for ever for the rest of a request. Accepted connections inherit these options
    from their listener; a client that goes on sending, ever so slowly, is a proxy's to stop.
    """
    span = struct.pack("ll", STALL, 0)
    for listener in server.LISTENERS:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)


def post_worker_init(worker: Worker) -> None:
    """A stalled client is nothing that an operator could act on, so no trace of it is logged."""
    worker.log.error_log.addFilter(_is_worth_telling)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


def child_exit(server: object, worker: Worker) -> None:  # noqa: ARG001 -- gunicorn's signature
    """A worker has gone; what it counted stays, what it measured of itself does not."""
    # Not at the top: this library decides at its import where counters live.
    from prometheus_client import multiprocess  # noqa: PLC0415 -- see above

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: object) -> None:  # noqa: ARG001 -- gunicorn's signature
    """The last one out clears up."""
    shutil.rmtree(os.environ[_COUNTS], ignore_errors=True)
