"""Why a sign-in by the identity provider failed, by cause; each says who can do something about it.

What a provider says of itself is shown only in part, and only where it can be printed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from feedsrv.errors import NotAllowedError, OperatorError, UnavailableError

_SHOWN: Final = 160
"""Characters of what others say that are repeated."""


def quoted(words: object) -> str:
    """What others say, as it may stand in a message: short, on one line, and visible."""
    text = "".join(one if one.isprintable() else "?" for one in str(words)[:_SHOWN])
    return f"{text!r}"


class SignInFailedError(NotAllowedError):
    """This attempt to sign in came to nothing; the person may begin another."""

    code = "signin.failed"


class UnknownFlowError(SignInFailedError):
    """The answer belongs to no sign-in that this browser began, or to one that is over."""

    code = "signin.unknown_flow"

    def __init__(self) -> None:
        super().__init__(
            "this browser did not begin that sign-in, or it took longer than ten minutes, or it was used "
            "already: begin again, in one window"
        )


class OtherIssuerError(SignInFailedError):
    """The answer, or a token, is of another provider than the one that was asked."""

    code = "signin.other_issuer"

    def __init__(self, got: object, wanted: str) -> None:
        super().__init__(f"the answer names the issuer {quoted(got)}, and {wanted} was asked")


class RefusedByProviderError(SignInFailedError):
    """The provider refused, or the person broke off."""

    code = "signin.refused"

    def __init__(self, error: str, description: str | None) -> None:
        more = f": {quoted(description)}" if description else ""
        super().__init__(
            f"the identity provider answered {quoted(error)}{more}; try again, or ask its operator"
        )


class CodeRefusedError(SignInFailedError):
    """The provider takes the code no longer: it was used, is too old, or was another browser's."""

    code = "signin.code_refused"

    def __init__(self) -> None:
        super().__init__("the identity provider takes this code no longer (used, or too old): begin again")


class BadTokenError(SignInFailedError):
    """The provider's token does not prove who signed in."""

    code = "signin.bad_token"

    def __init__(self, why: str) -> None:
        super().__init__(f"the identity provider's token proves nothing: {why}")


class ClocksApartError(SignInFailedError):
    """The provider's clock and ours disagree by more than is allowed."""

    code = "signin.clocks_apart"

    def __init__(self, apart: timedelta) -> None:
        seconds = round(apart.total_seconds())
        way = "behind" if seconds < 0 else "ahead of"
        super().__init__(
            f"the identity provider's clock is {abs(seconds)} seconds {way} ours: set both by a time server "
            "(`feedsrv doctor` compares ours with others)"
        )


class OtherPersonError(SignInFailedError):
    """Somebody else signed in than the person who was to prove themselves again, or than the token named."""

    code = "signin.other_person"


class NotProvenAgainError(SignInFailedError):
    """The provider did not ask the person again, although it was told to."""

    code = "signin.not_proven_again"

    def __init__(self) -> None:
        super().__init__(
            "the identity provider did not ask you again: its token has no auth_time, or an old one; its "
            "operator must let it heed prompt=login and max_age"
        )


class ProviderAwayError(UnavailableError):
    """The identity provider did not answer, or not in time."""

    code = "signin.provider_away"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"the identity provider's {what} cannot be reached ({why}); try again in a while")


class ProviderNonsenseError(UnavailableError):
    """The identity provider answered something that is no answer."""

    code = "signin.provider_nonsense"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"the identity provider's {what} makes no sense ({why}); tell its operator "
            "(`feedsrv signin check` says more)"
        )


class ProviderUnfitError(OperatorError):
    """What is set, or what the provider says of itself, cannot be signed in with."""

    code = "signin.provider_unfit"


class ClientRefusedError(OperatorError):
    """The provider does not know this service by that id and secret."""

    code = "signin.client_refused"

    def __init__(self) -> None:
        super().__init__(
            "the identity provider does not take our id and secret: compare FEEDSRV_OIDC_CLIENT_ID and the "
            "file FEEDSRV_OIDC_CLIENT_SECRET_FILE with what it was given (secrets end, too)"
        )
