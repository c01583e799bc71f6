"""From a provider's claims to a person: what they are called, and what their groups let them do here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import Claims
from feedsrv.web.signin.refusals import BadTokenError, quoted

_MOST: Final = 5_000
"""Groups of one person that are looked at."""
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When somebody proved who they are of whom the provider does not say when."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What the provider's claims are called, and which of its groups have which roles."""

    roles: Mapping[str, frozenset[Role]]
    groups: str = "groups"
    name: str = "preferred_username"


def read_claims(claims: Mapping[str, Any], naming: Naming) -> Claims:
    """The person that these claims are about.

    Raises:
        BadTokenError: they do not say what people are to be named by, or their groups are no list.
    """
    name = claims.get(naming.name) or claims.get("email")
    if not isinstance(name, str) or not name.strip():
        raise BadTokenError(
            f"it has no claim {quoted(naming.name)} to name you by: let the provider send it, or set "
            "FEEDSRV_OIDC_NAME_CLAIM to one that it sends"
        )
    # An address that nobody checked belongs to whoever typed it.
    email = claims.get("email") if claims.get("email_verified") is True else None
    shown, session = claims.get("name"), claims.get("sid")
    return Claims(
        issuer=claims["iss"],
        subject=claims["sub"],
        name=name,
        shown=shown if isinstance(shown, str) else name,
        email=email if isinstance(email, str) else None,
        roles=roles_of(claims, naming),
        provider_session=session if isinstance(session, str) else None,
        authenticated_at=proven_at(claims) or LONG_AGO,
    )


def roles_of(claims: Mapping[str, Any], naming: Naming) -> frozenset[Role]:
    """The roles that the groups among these claims have; none where there are no groups.

    Raises:
        BadTokenError: the claim is there, and is no list of names.
    """
    groups = claims.get(naming.groups)
    if groups is None:
        return frozenset()
    # Some providers write a list of one as a text. It is one name, whatever it holds: somebody may have
    # called a group "friends of the administrator".
    listed = [groups] if isinstance(groups, str) else groups
    if not isinstance(listed, list) or len(listed) > _MOST or not all(isinstance(one, str) for one in listed):
        raise BadTokenError(f"its claim {quoted(naming.groups)} is no list of names")
    return frozenset(role for one in listed for role in naming.roles.get(one, ()))


def proven_at(claims: Mapping[str, Any]) -> datetime | None:
    """When the person last proved who they are, as far as the provider says."""
    seconds = claims.get("auth_time")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 4e10:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)
