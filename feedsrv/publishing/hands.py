"""Four eyes: who had a hand in a revision, by whatever way its words came here.

A name in `Revision.hands` is the plain case. The others: the same person by another account; and
whoever brought the same words here first, under another id or in a draft that was discarded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, assert_never

from feedsrv.codec.mitigation import write_mitigation
from feedsrv.lints.rules_supersession import footprint
from feedsrv.model.action import Action, AppPool, DoNothing, Service, UrlRewrite
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.feed import digest_of
from feedsrv.model.mitigation import PRODUCTION, Affects, Mitigation, Severity, Status
from feedsrv.publishing.people import KEEPER, is_among
from feedsrv.publishing.ports import Work
from feedsrv.publishing.records import AuditEntry, Revision
from feedsrv.publishing.refusals import SamePersonError

AUTHOR: Final = "author"
"""Verb of the audit entry by which somebody is known to have brought a piece of work here."""
_MOST: Final = 1000
"""More people than ever bring the same work."""
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_ANYWHERE: Final = Affects("any", (BuildRange(Build(0, 0, 0, 0), None),))


def effect_of(mitigation: Mitigation) -> str:
    """Digest of what a mitigation does and against what, however it is called and wherever it applies.

    Another id, another title or another range of builds makes no other work of it, nor do other names of
    its actions, or another order.
    """
    bare = replace(
        mitigation,
        id="M0000",
        revision=1,
        issued=_ANY_TIME,
        severity=Severity.LOW,
        title="any",
        description="any",
        review_by=_ANY_TIME.date(),
        affects=(_ANYWHERE,),
        status=Status.ACTIVE,
        channel=PRODUCTION,
        vulnerabilities=tuple(sorted(mitigation.vulnerabilities)),
        actions=tuple(
            _unnamed(one, f"A{place}")
            for place, one in enumerate(sorted(mitigation.actions, key=lambda one: repr(footprint(one))))
        ),
        references=(),
        change=None,
        no_fix_yet=None,
        known_issues=(),
        supersedes=(),
    )
    return digest_of(write_mitigation(bare))


def _unnamed(action: Action, called: str) -> Action:
    """What it does, as IIS and Windows take it, who compare names without case; only its id is `called`."""
    match action:
        case UrlRewrite(place=place):
            where = replace(
                place,
                site=place.site and place.site.casefold(),
                path=place.path and place.path.casefold(),
            )
            return replace(action, id=called, name="any", place=where)
        case AppPool(pool=pool):
            return AppPool(called, pool.casefold())
        case Service(service=service):
            return Service(called, service.casefold())
        case DoNothing():
            return DoNothing(called)
        case _:
            assert_never(action)


def refuse_own(work: Work, actor: str, revision: Revision, verb: str = "approve") -> None:
    """Nobody reviews what they wrote, and nobody countersigns what they approved alone.

    Raises:
        SamePersonError: `actor` had a hand in it.
    """
    if _is_one_of(work, actor, revision.hands):
        raise SamePersonError(
            f"{actor} wrote, edited or submitted {revision}, so somebody else must {verb} it"
        )
    glass = revision.break_glass
    if glass is not None and _is_one_of(work, actor, (glass.by,)):
        raise SamePersonError(f"{actor} approved {revision} alone, so somebody else must {verb} it")
    if _is_one_of(work, actor, _brought_first(work, revision)):
        raise SamePersonError(
            f"{actor} brought these very actions here first, under another id or in a draft that was "
            f"discarded, so somebody else must {verb} {revision}"
        )


def was_seen_by_two(revision: Revision) -> bool:
    """True where it was published, and two people stand for its words.

    Of what was taken over from the shelf after a backup was restored, nobody here knows that.
    """
    is_approved = revision.approved_by not in {None, KEEPER}
    return revision.published is not None and is_approved and not is_alone(revision)


def is_alone(revision: Revision) -> bool:
    """True where one person approved it in an emergency, and nobody countersigned it."""
    return revision.break_glass is not None and revision.break_glass.countersigned_by is None


def hands_carried_over(revision: Revision) -> frozenset[str]:
    """Whose words they still are when the next revision begins with them: theirs who stand for them alone."""
    glass = revision.break_glass
    return revision.hands | {glass.by} if glass is not None and is_alone(revision) else frozenset()


def _is_one_of(work: Work, actor: str, names: Iterable[str]) -> bool:
    """True for the same name, however typed, and for another account with the same address."""
    hands = tuple(names)
    if is_among(actor, hands):
        return True
    person = work.people.find(actor)
    if person is None or not person.email:
        return False
    others = (work.people.find(name) for name in hands)
    return any(
        other is not None and other.email and other.email.casefold() == person.email.casefold()
        for other in others
    )


def work_of(mitigation: Mitigation) -> str:
    """A piece of work as the audit log names it, such as `work sha256:...`."""
    return f"work {effect_of(mitigation)}"


def is_news_of(work: Work, actor: str, subject: str) -> bool:
    """True where the audit log does not know yet that `actor` brought that piece of work."""
    return not is_among(actor, (one.actor for one in _authors(work, subject)))


def _brought_first(work: Work, revision: Revision) -> set[str]:
    """Whoever brought the same work here before those did who have a hand in this revision.

    Work of this mitigation that two people stood for once is nobody's secret any more. Whoever withdrew it
    did not stand for it.
    """
    subject = work_of(revision.mitigation)
    history = work.revisions.history(revision.id)
    settled = [one.mitigation for one in history if was_seen_by_two(one)]
    if any(one.status is Status.ACTIVE and work_of(one) == subject for one in settled):
        return set()
    authors = _authors(work, subject)
    own = [one.seq for one in authors if is_among(one.actor, revision.hands)]
    return {one.actor for one in authors if not own or one.seq < min(own)}


def _authors(work: Work, subject: str) -> list[AuditEntry]:
    """One entry for each person, of when they first brought it."""
    entries = work.audit.page(before=None, limit=_MOST, subject=subject)
    return [one for one in entries if one.verb == AUTHOR]
