"""One agent with a publisher that can lie and a server in memory: all of it real but the server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.settings import AgentSettings
from feedsrv.agent.source import Source
from feedsrv.agent.state import AgentState, Standing, Status
from feedsrv.agent.state_file import StateFile
from feedsrv.agent.sync import Sync, Synced, nothing
from tests.simulator import Simulator
from tests.unit.agent.making import AFFECTED, AT, PRODUCT
from tests.unit.agent.memory_host import MemoryHost


@dataclass
class World:
    """An agent's home, its publisher and its server."""

    home: Path
    publisher: Simulator
    host: MemoryHost = field(default_factory=MemoryHost)
    settings: AgentSettings = field(default_factory=AgentSettings)
    at: datetime = AT
    timeout: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "root.pem").write_bytes(self.publisher.pki.anchors_pem())
        self.settings = AgentSettings(
            server=self.publisher.url, product=PRODUCT, anchors=("root.pem",), build=str(AFFECTED)
        )

    def tell(self, **changes: object) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type] # judged when it is built

    def install(self, build: object) -> None:
        """Install another build of the product."""
        self.tell(build=str(build))

    def sync(self, *, after: Callable[[int], None] = nothing, at: datetime | None = None) -> Synced:
        """Sync over real HTTP."""
        with closing(self.source()) as source:
            return self.sync_from(source, after=after, at=at)

    def sync_from(
        self, source: Source | None, *, after: Callable[[int], None] = nothing, at: datetime | None = None
    ) -> Synced:
        """Sync from any source."""
        return self.agent(after=after, at=at).run(source)

    def agent(self, *, after: Callable[[int], None] = nothing, at: datetime | None = None) -> Sync:
        """One sync, not begun."""
        return Sync(self.home, self.settings, lambda: self.host, at or self.at, after=after)

    def source(self) -> HttpSource:
        """The publisher, over HTTP."""
        return HttpSource(self.publisher.url, timeout=self.timeout, longest=self.longest)

    @property
    def state(self) -> AgentState:
        """What is saved."""
        return StateFile(self.home).load()

    def status(self, mitigation_id: str = "M0001") -> Status:
        """How a mitigation stood at the last sync."""
        return self.standing(mitigation_id).status

    def standing(self, mitigation_id: str = "M0001") -> Standing:
        """The line about a mitigation of the last sync."""
        return next(one for one in self.state.standings if one.id == mitigation_id)


def codes(done: Synced) -> list[str]:
    """The codes of what went wrong."""
    return [one.code for one in done.problems]
