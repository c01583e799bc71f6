"""An end for answers that would never end.

A timeout bounds each silence of a server. One that sends a byte now and then, even before its
headers are whole, would hold an agent for ever, and with it every later mitigation; so a whole
request has its time, and then its connections are cut.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """Knows the connections of one session, and cuts them when a request takes too long in all."""

    def __init__(self, longest: timedelta) -> None:
        self.longest = longest
        self.is_over = False
        """True after a request was cut."""
        self.is_stopped = False
        """True once everything was cut for good."""
        self._sockets: WeakSet[socket.socket] = WeakSet()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Cut whatever is not done within its time."""
        self.is_over = self.is_stopped
        timer = threading.Timer(self.longest.total_seconds(), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def adapter(self) -> HTTPAdapter:
        """For a session whose connections are to be watched."""
        return _WatchedAdapter(self)

    def add(self, connection: HTTPConnection) -> None:
        """Watch a connection that was made."""
        if isinstance(connection.sock, socket.socket):
            self._sockets.add(connection.sock)
            if self.is_stopped:  # told to while it was connecting
                self._cut()

    def stop(self) -> None:
        """Cut what is under way, for good."""
        self.is_stopped = True
        self._cut()

    def _cut(self) -> None:
        self.is_over = True
        for one in list(self._sockets):
            with suppress(OSError):  # closed meanwhile
                one.shutdown(socket.SHUT_RDWR)


class _WatchedAdapter(HTTPAdapter):
    def __init__(self, deadline: Deadline) -> None:
        self._pools = _pools(deadline)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - handed on
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            deadline.add(self)

    class Secured(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            deadline.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecuredPool(HTTPSConnectionPool):
        ConnectionCls = Secured

    return {"http": PlainPool, "https": SecuredPool}
