"""Why somebody is not signed in, or people and tokens stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from feedsrv.clock import to_text
from feedsrv.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError
from feedsrv.model.lifecycle import Role


class WrongPasswordError(NotAllowedError):
    """Name and password do not belong together; nobody is told which of them is wrong."""

    code = "access.wrong_password"

    def __init__(self) -> None:
        super().__init__(
            "wrong name or password; after five wrong ones in a row no password is accepted for fifteen "
            "minutes, and for longer after each further one. An administrator can end that with "
            "`feedsrv user unlock`"
        )


class LockedOutError(NotAllowedError):
    """Too many wrong passwords in a row; told only to somebody who is signed in."""

    code = "access.locked_out"

    def __init__(self, until: datetime) -> None:
        super().__init__(
            f"after too many wrong passwords none is accepted until {to_text(until)}, and this sign-in is "
            "ended. An administrator can end that with `feedsrv user unlock`"
        )
        self.until = until


class NoLocalAccountsError(NotAllowedError):
    """Nobody signs in with a password here."""

    code = "access.no_local_accounts"

    def __init__(self) -> None:
        super().__init__(
            "people sign in by the identity provider here; whoever runs the service may set "
            "FEEDSRV_LOCAL_ACCOUNTS=on"
        )


class NoRoleError(NotAllowedError):
    """This person has no role here, and so may not even read."""

    code = "access.no_role"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has no role here: an administrator gives one, or a group of the identity provider does "
            "(FEEDSRV_OIDC_ROLES says which)"
        )


class RemovedPersonError(NotAllowedError):
    """This person was removed."""

    code = "access.removed"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was removed here; an administrator may undo that: `feedsrv user restore`")


class SignInEndedError(NotAllowedError):
    """The sign-in that was to be confirmed has ended."""

    code = "access.sign_in_ended"

    def __init__(self) -> None:
        super().__init__("this sign-in has ended; sign in anew")


class AnotherPersonError(NotAllowedError):
    """Somebody else than the person signed in came back from the identity provider."""

    code = "access.another_person"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"somebody else than {name} came back from the identity provider; nothing was changed. Sign out "
            "there, or sign out here first"
        )


class SameHumanError(NotAllowedError):
    """Somebody who works here already has this e-mail address."""

    code = "access.same_human"

    def __init__(self, other: str, subject: str | None) -> None:
        remedy = (
            f"an administrator links the two: `feedsrv user link {other} '{subject}'`"
            if subject
            else "one account is enough"
        )
        super().__init__(
            f"{other} has the same e-mail address, and one person may not be two: {remedy}. Where they are "
            "two people, give each an address of their own"
        )
        self.other = other


class TakenNameError(ConflictError):
    """Somebody has, or once had, this name."""

    code = "access.taken_name"

    def __init__(self, name: str, subject: str | None = None) -> None:
        remedy = (
            f"if they are the same person, an administrator links them: `feedsrv user link {name!r} "
            f"'{subject}'`; else the provider must call them differently"
            if subject
            else "choose another one, or restore that person"
        )
        super().__init__(f"{name} is taken, and a name is never given to somebody else: {remedy}")


class ReservedNameError(BadInputError):
    """A program of ours acts under this name."""

    code = "access.reserved_name"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is what a part of this service calls itself; choose another name")


class BadEmailError(BadInputError):
    """Not an e-mail address."""

    code = "access.bad_email"

    def __init__(self, email: str) -> None:
        super().__init__(f"email: {email[:80]!a} is no address such as anna@example.org")


class BadShownNameError(BadInputError):
    """What somebody is called cannot be shown."""

    code = "access.bad_shown_name"

    def __init__(self, shown: str) -> None:
        super().__init__(f"shown: {shown[:80]!a} cannot be shown; write at most 120 visible characters")


class BadClaimsError(NotAllowedError):
    """The identity provider says something of a person that cannot be kept."""

    code = "access.bad_claims"

    def __init__(self, why: str) -> None:
        super().__init__(f"the identity provider's answer cannot be used: {why}")


class WeakPasswordError(BadInputError):
    """A password that others would guess."""

    code = "access.weak_password"

    def __init__(self, why: str) -> None:
        super().__init__(f"password: {why}")


class ByProviderError(NotAllowedError):
    """The identity provider decides this, not we."""

    code = "access.by_provider"

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"the {what} of {name} come from the identity provider; change them there")


class LastAdministratorError(NotAllowedError):
    """Nobody would be left who can give roles."""

    code = "access.last_administrator"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last administrator; make somebody else one first")


class LinkedAlreadyError(ConflictError):
    """The account at the identity provider is somebody's, or the person has another one."""

    code = "access.linked_already"

    def __init__(self, name: str, subject: str) -> None:
        super().__init__(
            f"{name} signs in by {subject}; where that is one person under two names, remove the other name "
            "first (`feedsrv user remove`), then link"
        )


class OpenHandsError(NotAllowedError):
    """Work of somebody's other name is not done yet, and could be reviewed by themselves."""

    code = "access.open_hands"

    def __init__(self, name: str, revisions: Iterable[str]) -> None:
        listed = ", ".join(revisions)
        super().__init__(
            f"{name} has a hand in {listed}, which the same person could then review: have that approved and "
            "published, countersigned or discarded first"
        )


class BadSubjectError(BadInputError):
    """Not the issuer and subject of an account at the identity provider."""

    code = "access.bad_subject"

    def __init__(self) -> None:
        super().__init__(
            "write issuer and subject with one space between, such as 'https://id.example.org 00u1abcd'; the "
            "audit log has them where that sign-in was refused (`feedsrv audit list`)"
        )


class UnknownSignInError(NotFoundError):
    """There is no such sign-in."""

    code = "access.unknown_sign_in"

    def __init__(self) -> None:
        super().__init__("there is no such sign-in, or it has ended")


class UnknownTokenError(NotFoundError):
    """There is no such token."""

    code = "access.unknown_token"

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no token {number}; `feedsrv token list` shows them")


class BadTokenError(BadInputError):
    """A token that may not be made as it was asked for."""

    code = "access.bad_token"


class TooLongLifeError(BadInputError):
    """A token is to live for longer than its scope allows."""

    code = "access.too_long_life"

    def __init__(self, longest: timedelta, role: Role | None) -> None:
        what = f"with the role {role}" if role else "for reading"
        super().__init__(f"ends: a token {what} lives for {longest.days} days at most")


class TokenByTokenError(NotAllowedError):
    """A token asks for what only a person who signed in may do."""

    code = "access.token_by_token"

    def __init__(self) -> None:
        super().__init__("a token cannot do this: sign in at the console, or use the command line")
