"""All rules in order, and running them over one publication."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from feedsrv.lints.finding import Finding
from feedsrv.lints.publication import Publication
from feedsrv.lints.rules_history import moved_fix_says_why, nothing_vanishes, numbers_count_up
from feedsrv.lints.rules_patterns import rules_do_what_samples_say
from feedsrv.lints.rules_ranges import (
    begins_at_a_released_build,
    fixed_is_a_registered_update,
    open_range_says_why,
)
from feedsrv.lints.rules_review import is_looked_at_again
from feedsrv.lints.rules_supersession import can_be_taken_back
from feedsrv.lints.rules_updates import released_update_ends_protection

Rule = Callable[[Publication], Iterable[Finding]]

RULES: Final[dict[str, Rule]] = {
    "S1": begins_at_a_released_build,
    "S2": open_range_says_why,
    "S3": fixed_is_a_registered_update,
    "S4": released_update_ends_protection,
    "S5": nothing_vanishes,
    "S6": numbers_count_up,
    "S7": moved_fix_says_why,
    "S8": can_be_taken_back,
    "S9": is_looked_at_again,
    "S10": rules_do_what_samples_say,
}


def lint(publication: Publication) -> tuple[Finding, ...]:
    """Everything the rules object to, in the order of the rules; empty where all is well.

    Raises:
        GateBrokenError: the samples of S10 could not be tried on this machine.
    """
    return tuple(finding for rule in RULES.values() for finding in rule(publication))
