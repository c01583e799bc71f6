"""The plan for every certificate: what must happen by when, and who would refuse what if it does not.

Pure over what is known (`timeline.Facts`). Dates of tasks are those by which agents must have met the change
(`leads`): the operator who does each of them in time strands nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from cryptography import x509

from feedsrv.clock import to_text
from feedsrv.publishing.generations import short_name
from feedsrv.publishing.leads import HEARING, LEADS
from feedsrv.publishing.strand import generations, left_behind, stranded, without_lists
from feedsrv.publishing.timeline import ANNOUNCED, Facts, Held, Mark, held, marks, named
from feedsrv.signing.signer import chain_ends
from feedsrv.trust.believing import Horizon, check_signer, horizon
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import ISSUERS, Kind, Role
from feedsrv.trust.refusals import IssuerRevokedError, SignerRevokedError, UntrustedError

_AHEAD = frozenset({Role.ROOT, *ISSUERS.values()})
"""What is announced before it is used."""


@dataclass(frozen=True)
class Task:
    """Something to be done, and the last day on which it is in time."""

    by: datetime
    act: str
    why: str


@dataclass(frozen=True)
class Outlook:
    """How long somebody goes on believing what is signed as it is today."""

    who: str
    what: str
    """Such as `feed`, or the mitigations that it is about."""
    refused_from: datetime | None
    """None where nothing that is known ends it."""
    why: str
    """What they say then; empty where they never do."""


@dataclass(frozen=True)
class Switch:
    """A change that is thought of: another signer, an anchor that is dropped, or both."""

    on: datetime
    chain: tuple[x509.Certificate, ...] = ()
    """Of the signer, as it stands in documents; empty where none changes."""
    kind: Kind | None = None
    """What that signer signs."""
    dropped: x509.Certificate | None = None


@dataclass(frozen=True)
class SwitchOutlook:
    """What the change would bring."""

    on: datetime
    what: str
    refusals: tuple[str, ...]
    """A sentence for whoever, or whatever is published, would be lost; empty where all is well."""


@dataclass(frozen=True)
class TrustPlan:
    """Everything about certificates at one glance."""

    at: datetime
    tasks: tuple[Task, ...]
    """The most pressing first."""
    notes: tuple[str, ...]
    """What else to keep in mind."""
    marks: tuple[Mark, ...]
    """In order of time."""
    agents: tuple[Outlook, ...]
    """Each generation of agents and each kind of document, the oldest generation first."""
    listed: tuple[Outlook, ...]
    """What is published, as an agent sees it that is set up anew."""
    switch: SwitchOutlook | None = None

    @property
    def is_safe(self) -> bool:
        """True where no task is overdue, and the switch strands nobody."""
        return not (any(one.by < self.at for one in self.tasks) or (self.switch and self.switch.refusals))


def plan(facts: Facts, *, at: datetime, switch: Switch | None = None) -> TrustPlan:
    """Draw up the plan as of a moment."""
    known = held(facts)
    tasks = [*_renewals(known, facts), *_reviews(facts), *_lists(facts, at)]
    return TrustPlan(
        at=at,
        tasks=tuple(sorted(tasks, key=lambda one: (one.by, one.act))),
        notes=tuple(_notes(facts)),
        marks=marks(facts, at=at),
        agents=tuple(_agents(facts, at)),
        listed=tuple(_listed(facts, at)),
        switch=None if switch is None else _judged(switch, facts, at),
    )


def _renewals(known: Sequence[Held], facts: Facts) -> Iterator[Task]:
    """A successor for all that is at work, in time."""
    lasting = _lasting(known)
    for one in lasting:
        if not one.is_at_work:
            continue
        later = [each for each in lasting if each.role is one.role and each.ends > one.ends]
        if one.role in _AHEAD and any(each.is_at_work for each in later):
            continue  # It is being phased out: what follows it is met by agents already.
        yield from _succession(one, [each for each in later if not each.is_at_work], facts)


def _lasting(known: Sequence[Held]) -> list[Held]:
    """Of several certificates for one key and role, the one that ends last, in its best state."""
    found: dict[tuple[Role, str], Held] = {}
    for one in known:
        before = found.get((one.role, one.key))
        if before is None or (one.is_at_work, one.ends) > (before.is_at_work, before.ends):
            found[one.role, one.key] = one
    return list(found.values())


def _succession(one: Held, successors: Sequence[Held], facts: Facts) -> Iterator[Task]:
    deadline = one.ends - LEADS[one.role]
    ends = f"{one} ends on {one.ends:%Y-%m-%d}"
    following = max(successors, key=lambda each: each.ends, default=None)
    if following is None and one.role not in _AHEAD:
        slug = one.role.slug
        yield Task(deadline, f"renew the {one.role}: feedsrv key request --role {slug}", ends)
        return
    if following is None:
        yield Task(deadline - HEARING, f"make the next {one.role}, and announce it", ends)
        return
    if one.role in _AHEAD and following.state != ANNOUNCED and not _is_announced(following, facts):
        act = f"announce {following}: feedsrv trust announce {following.fingerprint[:16]}"
        yield Task(deadline - HEARING, act, ends)
    yield Task(deadline, f"put {following} to use: feedsrv key use {following.fingerprint[:16]}", ends)


def _is_announced(one: Held, facts: Facts) -> bool:
    return any(each.fingerprint == one.fingerprint for each in facts.announced)


def _reviews(facts: Facts) -> Iterator[Task]:
    """A mitigation is signed anew whenever people look at it again, and never outlives its certificate."""
    due: defaultdict[datetime, list[str]] = defaultdict(list)
    for one in facts.listed:
        if one.chain:
            day = datetime.combine(one.review_by, time(), UTC)
            due[min(day, chain_ends(one.chain))].append(one.subject)
    for by, subjects in due.items():
        yield Task(
            by,
            f"look at {named(subjects)} again, and publish a revision",
            "that is when its review is due at last",
        )


def _notes(facts: Facts) -> Iterator[str]:
    chain = facts.chains.get(Kind.MITIGATION, ())
    if chain:
        ends = chain_ends(chain)
        yield (
            f"no mitigation outlives its certificate: one signed today says ReviewBy before {ends:%Y-%m-%d}, "
            "and a longer review needs a new mitigation signer first"
        )


def _lists(facts: Facts, at: datetime) -> Iterator[Task]:
    """Lists are renewed by the keeper in the last third of their life; one that was not is told."""
    for crl in facts.policy.crls:
        ends = crl.next_update_utc
        if ends is not None and at >= ends - (ends - crl.last_update_utc) / 6:
            yield Task(
                ends,
                f"renew the revocation list of {crl.issuer.rfc4514_string()[:80]}",
                f"it ends on {ends:%Y-%m-%d}, and the keeper has not done it: is its CA's key away?",
            )


def _agents(facts: Facts, at: datetime) -> Iterator[Outlook]:
    for generation in generations(facts.policies, facts.announced, facts.policy.crls):
        for kind, chain in facts.chains.items():
            found = _revoked(chain, kind, facts, at) or generation.horizon(chain, kind, at=at)
            why = "" if found.refusal is None else found.refusal.found
            yield Outlook(generation.known.name, kind.value, found.refused_from, why)


def _revoked(chain: Sequence[x509.Certificate], kind: Kind, facts: Facts, at: datetime) -> Horizon | None:
    """What all agents say of a signer that was taken back; None where it was not.

    Lists are asked for that alone: they end every month, and are renewed.
    """
    try:
        check_signer(chain, facts.policy, kind, at=at)
    except (SignerRevokedError, IssuerRevokedError) as refusal:
        return Horizon(at, refusal)
    except UntrustedError:
        return None  # whoever asks next says why
    return None


def _listed(facts: Facts, at: datetime) -> Iterator[Outlook]:
    signed: defaultdict[tuple[x509.Certificate, ...], list[str]] = defaultdict(list)
    for one in facts.listed:
        signed[one.chain].append(one.subject)
    policy = without_lists(facts.policy)
    for chain, subjects in signed.items():
        if not chain:
            yield Outlook("the shelf", named(subjects), at, "the document is not there, or cannot be read")
            continue
        found = _revoked(chain, Kind.MITIGATION, facts, at) or horizon(chain, policy, Kind.MITIGATION, at=at)
        why = "" if found.refusal is None else found.refusal.found
        yield Outlook(short_name(chain[0]), named(subjects), found.refused_from, why)


def _judged(switch: Switch, facts: Facts, at: datetime) -> SwitchOutlook:
    what: list[str] = []
    told: list[str] = []
    chains = dict(facts.chains)
    if switch.chain and switch.kind is not None:
        what.append(f"every {switch.kind} is signed by {short_name(switch.chain[0])}")
        told += stranded(
            switch.chain,
            switch.kind,
            facts.policies,
            at=switch.on,
            announced=facts.announced,
            lists=facts.policy.crls,
        )
        told += _gap(switch, chains.get(switch.kind, ()), at)
        chains[switch.kind] = switch.chain
    policy = without_lists(facts.policy)
    if switch.dropped is not None:
        what.append(f"agents are told to pin {short_name(switch.dropped)} no longer")
        left = tuple(one for one in policy.anchors if one != switch.dropped)
        if not left:
            told.append("no anchor would be left to pin")
            return SwitchOutlook(switch.on, " and ".join(what), tuple(told))
        policy = TrustPolicy(left, policy.organisation, policy.policy_oid, policy.eku)
    asked = [(f"every {kind} from then on", kind, chain) for kind, chain in chains.items()]
    groups: defaultdict[tuple[x509.Certificate, ...], list[str]] = defaultdict(list)
    for one in facts.listed:
        if one.chain:
            groups[one.chain].append(one.subject)
    asked += [(named(subjects), Kind.MITIGATION, chain) for chain, subjects in groups.items()]
    told += left_behind(policy, asked, at=switch.on)
    return SwitchOutlook(switch.on, " and ".join(what), tuple(told))


def _gap(switch: Switch, before: Sequence[x509.Certificate], at: datetime) -> Iterator[str]:
    """Between the old signer's end and the new one's first day, nothing can be signed at all."""
    ends = chain_ends(before) if before else None
    if ends is not None and at <= ends < switch.on:
        yield (
            f"nothing can be signed from {to_text(ends + timedelta(seconds=1))} to {to_text(switch.on)}: the "
            f"chain in use ends before, and feeds expire everywhere; switch earlier"
        )
