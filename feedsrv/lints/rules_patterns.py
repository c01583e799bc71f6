"""What URL rules do to requests: S10."""

from __future__ import annotations

from collections.abc import Iterator

from feedsrv.lints.finding import Finding
from feedsrv.lints.gate_process import examine
from feedsrv.lints.publication import Publication
from feedsrv.model.action import UrlRewrite
from feedsrv.model.mitigation import Samples, Status


def rules_do_what_samples_say(publication: Publication) -> Iterator[Finding]:
    """S10: every URL rule blocks what it must, lets pass what it must, and comes back in time.

    Its patterns compile in the dialect they name, known slips are named, and samples show for each rule
    both that it acts and that it leaves everyday requests alone. Only what is new has samples to try.
    """
    drafts = [
        draft
        for draft in publication.candidates
        if draft.mitigation.status is Status.ACTIVE
        and (
            draft.samples != Samples()
            or any(isinstance(action, UrlRewrite) for action in draft.mitigation.actions)
        )
    ]
    if drafts:
        yield from examine(drafts)
