"""Who works here: people, where they are signed in, their tokens, and who asks at this moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from feedsrv.model.lifecycle import Role

CONSOLE = "console"
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, with the roles that hold at this moment, and by which door."""

    name: str
    """As it stands in the audit log."""
    roles: frozenset[Role]
    via: str
    """`console`, `token 3 (ci)`, `command line`: for the audit log."""
    fresh_at: datetime | None = None
    """When this person last proved who they are at the console; None by any other door."""
    sign_in: str | None = None
    """Digest of the sign-in, by which it can be ended; None by any other door."""

    def has(self, *roles: Role) -> bool:
        """True where one of these roles is held."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in; never forgotten, so that no name is ever given to somebody else."""

    name: str
    """As it stands in the audit log; never changes, whatever the provider calls them later."""
    shown: str
    """As the provider, or whoever added them, calls them now."""
    email: str | None
    subject: str | None
    """Issuer and subject of the identity provider, with a space between them; None for a local account."""
    roles: frozenset[Role]
    """Of a local account as given; of a provider's as its groups said at the last sign-in."""
    password: str | None = field(repr=False)
    """Its argon2id hash; None for whoever signs in by a provider."""
    since: datetime
    by: str
    """Who added them; the provider's issuer where a first sign-in did."""
    removed_at: datetime | None = None
    failures: int = 0
    """Wrong passwords in a row."""
    locked_until: datetime | None = None
    signed_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What the identity provider says of somebody who has just come from it, every signature checked."""

    issuer: str
    subject: str
    """The provider's own name for them, which never changes."""
    name: str
    """Under which they are to stand in the audit log, from their first sign-in on."""
    shown: str
    email: str | None
    """Only where the provider says that it is verified."""
    roles: frozenset[Role]
    """What their groups give them."""
    authenticated_at: datetime
    """When they last proved to the provider who they are; at most as late as the sign-in here."""
    provider_session: str | None = None
    """`sid`, where the provider names its sessions."""

    @property
    def person(self) -> str:
        """Issuer and subject, as a person's `subject` holds them."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser that is signed in; its cookie holds a secret of which only the digest is kept."""

    digest: str
    """SHA-256 of the secret, as 64 hexadecimal digits."""
    person: str
    begins: datetime
    fresh_at: datetime
    """When the person last proved who they are, here."""
    seen_at: datetime
    """When it was last used, to the minute."""
    ends: datetime
    roles: frozenset[Role]
    """As they were at the sign-in; what holds is what the person has now."""
    browser: str
    """What the browser calls itself, shortened, for its owner to know it again."""
    ended_at: datetime | None = None
    provider_session: str | None = None
    """The provider's name for this session (`sid`), by which it may end it."""


@dataclass(frozen=True, slots=True)
class Token:
    """Lets a program act as its owner, in some of the owner's roles."""

    number: int
    """Counts from 1; how people name it."""
    digest: str
    """SHA-256 of the secret, as 64 hexadecimal digits; the secret is shown once and kept nowhere."""
    name: str
    """What it is for."""
    owner: str
    scope: frozenset[Role]
    """Roles that it may use, where the owner has them; empty for reading alone."""
    made_at: datetime
    ends: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    used_at: datetime | None = None
    """When it was last used, to the hour."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request that named an idempotency key, to be answered again."""

    key: str
    """Of the client's choosing, with the name of the person before it."""
    request: str
    """Digest of method, path and body; another request under the same key is refused."""
    at: datetime
    status: int | None = None
    """None while the first one is still at work."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
