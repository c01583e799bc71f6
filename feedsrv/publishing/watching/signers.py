"""Whether agents believe what the signers in use sign, now and from now on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from feedsrv.publishing.watching.results import Grade, Result
from feedsrv.publishing.watching.seen import Seen
from feedsrv.publishing.watching.words import moment, span
from feedsrv.trust.believing import horizon
from feedsrv.trust.profile import SIGNERS

CHECK: Final = "signer.refused"


def signers_are_refused(seen: Seen) -> Iterator[Result]:
    """One result a signer; the value is the seconds until agents would first refuse it, by what is known.

    That moment itself is no trouble: the certificate or list that ends then is told by its own check.
    """
    if seen.trust is None:
        return
    for kind, chain in seen.trust.chains.items():
        subject = SIGNERS[kind].value
        found = horizon(chain, seen.trust.policy, kind, at=seen.at, source=f"the {subject} in use")
        if found.refused_from is None or found.refusal is None:
            yield Result(
                CHECK, subject, Grade.OK, f"agents believe the {subject}, and nothing known ends that"
            )
            continue
        left = found.refused_from - seen.at
        if found.refused_from > seen.at:
            sentence = (
                f"agents believe the {subject} until {moment(found.refused_from)}, in {span(left)}; then "
                f"they refuse it [{found.refusal.code}]"
            )
            yield Result(CHECK, subject, Grade.OK, sentence, value=left.total_seconds())
        else:
            yield Result(
                CHECK,
                subject,
                Grade.CRITICAL,
                f"agents refuse what the {subject} signs now [{found.refusal.code}]: {found.refusal.found}",
                "Use a signer that agents believe, with `feedsrv key use`; `feedsrv key lint` explains what "
                "is wrong with a certificate",
                0.0,
                frozenset({kind}),
            )
