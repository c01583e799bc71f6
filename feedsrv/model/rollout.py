"""Which servers a partial rollout reaches: the same answer every time, on every machine."""

from __future__ import annotations

from hashlib import sha256


def share(*words: str) -> float:
    """A number from 0 up to, and without, 1, spread evenly and fixed by its words alone."""
    digest = sha256("\n".join(words).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def in_rollout(mitigation_id: str, device_id: str, percent: int) -> bool:
    """True where this device is among the first `percent` of the fleet for this mitigation.

    A device that is reached at 10 percent is reached at every higher percentage, too.
    """
    return share(mitigation_id, device_id) * 100 < percent
