"""`make bench`: every measurement, one after the other."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

BENCHES: Final = ("opening", "hostile", "signing", "publishing", "starting", "serving", "desk")


def main() -> int:
    """Run each in a process of its own, so that none warms up for another; fail if one does."""
    failed = []
    for name in BENCHES:
        sys.stdout.write(f"\n--- {name}\n")
        sys.stdout.flush()
        done = subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        sys.stdout.write(f"\na goal was missed, or could not be measured: {', '.join(failed)}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
