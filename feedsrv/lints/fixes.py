"""What a cumulative update means for a mitigation: whether a server that has it is safe without.

Publishing drafts by this, and the rules judge by it, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable

from feedsrv.model.catalogue import CumulativeUpdate
from feedsrv.model.mitigation import Mitigation


def concerns(update: CumulativeUpdate, mitigation: Mitigation, known: Iterable[CumulativeUpdate]) -> bool:
    """True where an update ends the need for a mitigation, on servers that have it.

    It fixes something that the mitigation protects from, and nothing of that is left open; or it calls
    the mitigation needless. While one hole of two is open, the protection stays.
    """
    return mitigation.id in update.needless or (
        touches(update, mitigation) and not left_open(mitigation, update, known)
    )


def touches(update: CumulativeUpdate, mitigation: Mitigation) -> bool:
    """True where an update fixes a vulnerability that the mitigation protects from."""
    return not set(update.fixes).isdisjoint(mitigation.vulnerabilities)


def left_open(
    mitigation: Mitigation, update: CumulativeUpdate, known: Iterable[CumulativeUpdate]
) -> tuple[str, ...]:
    """Vulnerabilities of the mitigation that a server with this update still has, as far as is known.

    Updates are cumulative: one holds the fixes of those of its product that have a lower build and were
    out no later. (A security update for CU14 has a lower build than CU15, and may come long after it.)
    """
    if mitigation.id in update.needless:
        return ()
    fixes = set(update.fixes).union(
        *(
            one.fixes
            for one in known
            if one.product == update.product and one.build <= update.build and one.released <= update.released
        )
    )
    return tuple(one for one in mitigation.vulnerabilities if one not in fixes)
