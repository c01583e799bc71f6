"""One sync in a process of its own that is killed at a given moment; run by the crash tests.

Arguments: home folder, address of the publisher, moment of the sync, and where to die: `after 4`, or
`midway 2` for the second time that something is half done.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from pathlib import Path

from feedsrv.agent.adapters.host import open_host
from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.ports import Adapter
from feedsrv.agent.settings import SettingsFile
from feedsrv.agent.sync import Sync
from feedsrv.clock import from_text
from tests.unit.agent.memory_host import MemoryHost


def main() -> None:
    """Sync, and die on the way."""
    home, url, moment, place, number = sys.argv[1:]
    folder = Path(home)
    seen = 0

    def after(step: int) -> None:
        if place == "after" and step == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    def midway(_what: str) -> None:
        nonlocal seen
        seen += 1
        if place == "midway" and seen == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = SettingsFile(folder).load()
    host: Adapter = MemoryHost(file=folder / "server.json")
    if settings.config_root is not None:
        host = open_host(kind="iis", config_root=folder / settings.config_root)
    with closing(HttpSource(url)) as source:
        Sync(folder, settings, lambda: host, from_text(moment), after=after, midway=midway).run(source)
    sys.stdout.write(str(seen))


if __name__ == "__main__":
    main()
