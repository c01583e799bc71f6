"""How long `make run` takes to its first answer when everything was set up before.

`python -m tests.bench.starting` prints the median of several starts, each with its own process.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Final

import requests

ROOT: Final = Path(__file__).parent.parent.parent
STARTS: Final = 5
AT_MOST: Final = 3.0
"""Seconds."""
GIVE_UP: Final = 60.0
"""Seconds."""


def start(data: Path) -> float:
    """Seconds from `make run` to the first `200`; everything is stopped again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEEDSRV_")}
    begun = perf_counter()
    process = subprocess.Popen(
        ["make", "run", f"PORT={port}", f"DATA={data}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/v1/feeds/exchange-2019/production.xml"):
            if perf_counter() - begun > GIVE_UP or process.poll() is not None:
                raise SystemExit("make run does not answer")
            sleep(0.01)
        return perf_counter() - begun
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)


def answers(url: str) -> bool:
    """True once something is served there."""
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def main() -> int:
    """Measure, print, and say with the exit code whether the goal was reached."""
    with tempfile.TemporaryDirectory(prefix="feedsrv-bench-") as folder:
        data = Path(folder) / "data"
        first = start(data)
        later = median(start(data) for _ in range(STARTS))
    sys.stdout.write(f"make run to the first 200: first start {first:.1f} s (makes its keys), ")
    sys.stdout.write(
        f"later starts {later:.2f} s, at most {AT_MOST:.0f}: {'ok' if later <= AT_MOST else 'MISSED'}\n"
    )
    return int(later > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
