"""People whom the identity provider vouches for: known again by its name for them, or added."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from feedsrv.publishing.access.accounts import (
    LONGEST_SHOWN,
    checked_email,
    refuse_same_human,
    shown_name,
    usable_name,
)
from feedsrv.publishing.access.base import listed
from feedsrv.publishing.access.refusals import (
    BadClaimsError,
    BadEmailError,
    BadShownNameError,
    NoRoleError,
    RemovedPersonError,
    ReservedNameError,
    SameHumanError,
    TakenNameError,
)
from feedsrv.publishing.audit import record
from feedsrv.publishing.notices.telling import tell
from feedsrv.publishing.people_records import Claims, Person
from feedsrv.publishing.ports import Work
from feedsrv.publishing.refusals import BadNameError

_LONGEST_CLAIM: Final = 255
"""Characters."""

REFUSALS: Final = (NoRoleError, RemovedPersonError, TakenNameError, SameHumanError, BadClaimsError)
"""Why somebody of the provider's is not let in; kept in the audit log."""


def welcome(work: Work, claims: Claims, at: datetime) -> Person:
    """The person whom the provider vouches for, as it describes them now; added where they are new."""
    person = work.people.of_subject(claims.person)
    if person is not None and person.removed_at is not None:
        raise RemovedPersonError(person.name)
    if person is None:
        person = _newcomer(work, claims, at)
    # What the provider took away is gone even where the sign-in is then refused: tokens follow it.
    told = replace(person, roles=claims.roles)
    if person.roles != claims.roles:
        work.people.save(told)
        detail = {"before": listed(person.roles), "after": listed(claims.roles), "via": claims.issuer}
        record(work.audit, at, actor=person.name, verb="person-roles", subject=person.name, detail=detail)
        sentence = f"the identity provider gives {person.name} the roles: {listed(claims.roles)}"
        tell(work, at, kind="person.roles", subject=person.name, by=person.name, sentence=sentence)
    email = _email(claims.email)
    refuse_same_human(work, email, besides=person, subject=claims.person)
    told = replace(told, shown=_shown(claims.shown, person.name), email=email)
    work.people.save(told)
    return told


def _newcomer(work: Work, claims: Claims, at: datetime) -> Person:
    try:
        name = usable_name(claims.name)
    except (BadNameError, ReservedNameError) as refusal:
        raise BadClaimsError(f"{refusal}; FEEDSRV_OIDC_NAME_CLAIM says which claim names people") from None
    if not claims.roles:
        raise NoRoleError(name)
    if work.people.find(name) is not None:
        raise TakenNameError(name, claims.person)
    email = _email(claims.email)
    refuse_same_human(work, email, besides=None, subject=claims.person)
    person = Person(
        name=name,
        shown=_shown(claims.shown, name),
        email=email,
        subject=claims.person,
        roles=claims.roles,
        password=None,
        since=at,
        by=claims.issuer,
    )
    work.people.save(person)
    detail = {"roles": listed(claims.roles), "subject": claims.person}
    record(work.audit, at, actor=name, verb="person-add", subject=name, detail=detail)
    sentence = f"{name} signed in for the first time, with the roles: {listed(claims.roles)}"
    tell(work, at, kind="person.added", subject=name, by=name, sentence=sentence)
    return person


def check_claims(claims: Claims) -> None:
    """Refuse claims that name nobody in a way that can be kept.

    Raises:
        BadClaimsError: they do not.
    """
    for what, text in (("issuer", claims.issuer), ("subject", claims.subject)):
        if not text or len(text) > _LONGEST_CLAIM or not text.isascii() or not text.isprintable():
            raise BadClaimsError(f"its {what} is empty, too long or no plain text")
    if " " in claims.issuer:
        raise BadClaimsError("its issuer has a space in it")
    session = claims.provider_session
    if session is not None and (len(session) > _LONGEST_CLAIM or not session.isprintable()):
        raise BadClaimsError("its session's name (sid) is too long or no plain text")


def _shown(shown: str, name: str) -> str:
    try:
        return shown_name(shown[:LONGEST_SHOWN])
    except BadShownNameError:
        return name  # how somebody is called is no reason to keep them out


def _email(email: str | None) -> str | None:
    try:
        return None if not email else checked_email(email)
    except BadEmailError:
        return None  # as above
