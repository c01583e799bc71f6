"""Which mitigation takes over from which."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest

from feedsrv.model.mitigation import Status
from feedsrv.model.supersession import find_cycle, successors
from tests.unit.model.test_mitigations import GOOD

OLD: Final = replace(GOOD, id="M0002")
NEW: Final = replace(GOOD, id="M0003", supersedes=("M0001", "M0002"))
NEWER: Final = replace(GOOD, id="M0004", supersedes=("M0001",))


def test_an_old_mitigation_knows_who_takes_over() -> None:
    """In order of id; a withdrawn one takes over nothing."""
    gone = replace(NEWER, id="M0005", status=Status.WITHDRAWN)

    assert successors([NEWER, OLD, NEW, gone]) == {"M0001": ("M0003", "M0004"), "M0002": ("M0003",)}


CYCLES: Final[tuple[dict[str, list[str]], ...]] = (
    {"M0001": ["M0001"]},
    {"M0001": ["M0002"], "M0002": ["M0001"]},
    {"M0009": ["M0001"], "M0001": ["M0002"], "M0002": ["M0003"], "M0003": ["M0001"]},
)


@pytest.mark.parametrize("supersedes", CYCLES)
def test_a_chain_that_bites_its_own_tail_is_found(supersedes: dict[str, list[str]]) -> None:
    """And told from end to end, each superseding the next."""
    cycle = find_cycle(supersedes)

    assert cycle is not None
    assert cycle[0] == cycle[-1]
    assert all(old in supersedes[new] for new, old in pairwise(cycle))


def test_a_chain_with_an_end_is_no_cycle() -> None:
    """Two may take over from one, and one from two."""
    assert find_cycle({"M0004": ["M0002", "M0003"], "M0003": ["M0001"], "M0002": ["M0001"]}) is None
