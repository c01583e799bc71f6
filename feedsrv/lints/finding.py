"""What a rule says when it objects: one sentence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One objection of one rule to one thing.

    >>> print(Finding("S9", "M0001 revision 2", "its ReviewBy has passed", "choose a later date"))
    S9 M0001 revision 2: its ReviewBy has passed; choose a later date
    """

    code: str
    """The rule's stable code, `S1` to `S10`."""
    subject: str
    """What it is about, such as `M0001 revision 2` or `feed exchange-2019/production`."""
    sentence: str
    """What is wrong; names product and build where there are any."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.sentence}; {self.remedy}"
