"""Testing the whole path from this server to a mitigation it would trust, and naming the step that fails.

A bare request that gets an answer proves little: certificates, revocation lists or an old feed may
still stop every mitigation. So this goes the way a sync goes, and changes and remembers nothing.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies

from feedsrv.agent.floor import Floor
from feedsrv.agent.library import Library
from feedsrv.agent.lists import Lists
from feedsrv.agent.revocations import CrlShelf
from feedsrv.agent.settings import AgentSettings
from feedsrv.agent.source import (
    MAX_MITIGATION,
    Source,
    TlsFailedError,
    UnreachableError,
)
from feedsrv.agent.state import AgentState, Problem, feed_key
from feedsrv.agent.steps import STEPS, VERIFYING
from feedsrv.agent.trusting import Trust
from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.model.feed import Feed, feed_path
from feedsrv.trust.opening import open_mitigation
from feedsrv.trust.refusals import UntrustedError


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the path, as far as it was gone."""

    name: str
    detail: str
    problem: Problem | None = None


@dataclass
class PathTest:
    """Goes the path once; `steps` are those that were gone, the last of them perhaps with a problem."""

    settings: AgentSettings
    home: Path
    state: AgentState | None
    open_source: Callable[[], Source]
    at: datetime

    def run(self) -> tuple[Step, ...]:
        """Go as far as it goes."""
        steps: list[Step] = []
        walk = self._walk()
        for name in STEPS:
            try:
                detail = walk(name)
            except FeedsrvError as refusal:
                steps.append(Step(name, str(refusal), Problem.of(refusal)))
                break
            steps.append(Step(name, detail))
        return tuple(steps)

    def _walk(self) -> Callable[[str], str]:
        path = _Path(self.settings, self.home, self.state, self.open_source, self.at)
        ways: dict[str, Callable[[], str]] = {
            "settings": path.read_settings,
            "connection": path.connect,
            "TLS": path.negotiate,
            "HTTP": path.fetch,
            "revocation lists": path.fetch_crls,
            "mitigations": path.open_mitigations,
        }

        def walk(name: str) -> str:
            return ways[name]() if name in ways else path.verify(name)

        return walk


class _Path:
    def __init__(
        self,
        settings: AgentSettings,
        home: Path,
        state: AgentState | None,
        open_source: Callable[[], Source],
        at: datetime,
    ) -> None:
        self._settings = settings
        self._home = home
        self._state = state
        self._open_source = open_source
        self._at = at
        self._data = b""
        self._feed: Feed | None = None
        self._refusal: UntrustedError | None = None

    def read_settings(self) -> str:
        self._product = self._settings.need_product()
        self._server = urlsplit(self._settings.need_server())
        self._trust = Trust.of(self._settings, self._home, self._at)
        self._source = self._open_source()
        count, adopted = len(self._trust.pinned), len(self._trust.adopted)
        anchors = f"{count} pinned anchor{'s' if count > 1 else ''}"
        anchors += f" and {adopted} adopted" if adopted else ""
        return f"{self._product}/{self._settings.channel}, {anchors}"

    @property
    def _proxy(self) -> str | None:
        if self._settings.proxy is not None:
            return self._settings.proxy
        found: str | None = get_environ_proxies(self._server.geturl()).get(self._server.scheme)
        return found

    def connect(self) -> str:
        target = self._server if self._proxy is None else urlsplit(self._proxy)
        host = target.hostname or ""
        port = target.port or (443 if target.scheme == "https" else 80)
        by = "" if self._proxy is None else " (the proxy)"
        try:
            with socket.create_connection((host, port), timeout=self._settings.timeout) as connection:
                address = connection.getpeername()[0]
        except socket.gaierror as error:
            raise UnreachableError(
                f"the name {host}{by} is not known to this server's DNS ({error.strerror})", step="DNS"
            ) from None
        except OSError as error:
            raise UnreachableError(
                f"{host} port {port}{by} does not take connections ({error.strerror or error}): "
                "look at firewalls, and whether the server runs"
            ) from None
        return f"{host} port {port} at {address}{by}"

    def negotiate(self) -> str:
        if self._server.scheme == "http":
            return "not used; documents are signed end to end"
        if self._proxy is not None:
            return "through the proxy, tried with the next step"
        context = ssl.create_default_context(cafile=self._authorities())
        host, port = self._server.hostname or "", self._server.port or 443
        try:
            with (
                socket.create_connection((host, port), timeout=self._settings.timeout) as plain,
                context.wrap_socket(plain, server_hostname=host) as secured,
            ):
                return f"{secured.version()}, certificate accepted"
        except ssl.SSLCertVerificationError as error:
            raise TlsFailedError(
                f"the TLS certificate of {host} is not accepted: {error.verify_message}. Trust its authority "
                "with `feedsrv-agent config --tls-ca FILE`, or use http://: documents are signed end to end"
            ) from None
        except OSError as error:
            raise TlsFailedError(
                f"{host} port {port} does not speak TLS ({error.strerror or error})"
            ) from None

    def _authorities(self) -> str:
        """The very file that polling goes by."""
        if self._settings.tls_ca is not None:
            return str(self._home / self._settings.tls_ca)
        named = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        return next((path for path in named if path), DEFAULT_CA_BUNDLE_PATH)

    def fetch(self) -> str:
        answer = self._source.feed(feed_path(self._product, self._settings.channel), etag=None)
        assert answer is not None  # without an ETag, a source answers or refuses
        self._data = answer.data
        return f"{len(answer.data)} bytes"

    def fetch_crls(self) -> str:
        self._lists = Lists(CrlShelf(self._home), self._trust.base.crls, self._trust.base.anchors)
        for refusal in self._lists.fetch(self._source, self._at):
            raise refusal
        fetched = self._lists.fetched
        if not fetched:
            return "the publisher offers none"
        ends = [crl.next_update_utc for crl in fetched if crl.next_update_utc is not None]
        until = f", good until {to_text(min(ends))}" if ends else ""
        return f"{len(fetched)}{until}"

    def verify(self, name: str) -> str:
        """Verification is one act; its refusal says at which of the steps it ended."""
        if self._feed is None and self._refusal is None:
            self._verify_all()
        number = dict(VERIFYING)[name]
        if self._refusal is not None and self._refusal.step <= number:
            raise self._refusal
        if name == "freshness" and self._feed is not None:
            return f"version {self._feed.version}, good until {to_text(self._feed.expires)}"
        return "in order"

    def _verify_all(self) -> None:
        memory = None
        if self._state is not None:
            memory = self._state.feeds.get(feed_key(self._product, self._settings.channel))
        held = None if memory is None else Library(self._home).get(memory.digest)
        policy = self._trust.policy(self._lists.at_hand)
        floor = Floor(self._product, self._settings.channel, memory, held, self._lists, policy)
        try:
            opened, _ = floor.open(self._data, at=self._at, source="the feed")
            self._feed = opened.feed
        except UntrustedError as refusal:
            self._refusal = refusal

    def open_mitigations(self) -> str:
        assert self._feed is not None  # the steps before it ended otherwise
        for entry in self._feed.entries:
            known = None if self._state is None else self._state.known.get(entry.id)
            open_mitigation(
                self._source.document(entry.href, max_bytes=MAX_MITIGATION),
                self._trust.policy(self._lists.at_hand),
                at=self._at,
                entry=entry,
                channel=self._settings.channel,
                product=self._product,
                held_revision=0 if known is None else known.revision,
                source=entry.href,
            )
        return f"{len(self._feed.entries)} opened and trusted"
