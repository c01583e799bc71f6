"""Judging the identity provider's signed tokens: who signed, for whom, when, and in answer to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import (
    ClaimError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry, Token

from feedsrv.web.signin.discovery import Metadata
from feedsrv.web.signin.refusals import BadTokenError, ClocksApartError, OtherIssuerError, quoted

LEEWAY: Final = timedelta(seconds=60)
"""By which clocks may disagree."""
_BEHIND: Final = timedelta(minutes=10)
"""By which a token may be older than the request that it answers: some providers date theirs back by five."""
_LOGOUT_SPAN: Final = timedelta(minutes=5)
"""After which a word that somebody signed out is too old."""
_FAR: Final = 4e10
"""Seconds since 1970, some 1,200 years on: no calendar breaks before."""
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LARGEST: Final = 64 * 1024
"""Characters of a token; one with hundreds of groups has some ten thousands."""


class Keys(Protocol):
    """Where the provider's keys are had from."""

    def keys(self, *, unknown: bool = False) -> KeySet:
        """The keys; `unknown` where one was missing among those that were given before."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Somebody signed out at the provider: one session of theirs, or all of a subject's."""

    issuer: str
    session: str | None
    subject: str | None


def read_id_token(  # noqa: PLR0913 -- everything that a token is held against
    text: object,
    metadata: Metadata,
    keys: Keys,
    *,
    client_id: str,
    nonce: str,
    access_token: object,
    at: datetime,
) -> Mapping[str, Any]:
    """The claims of an ID token that was made for us, now, in answer to this request.

    Raises:
        BadTokenError, OtherIssuerError, ClocksApartError: it proves nothing.
        UnavailableError: the provider's keys cannot be had.
    """
    token = _verified(text, metadata, keys)
    _require_issuer(token, metadata)
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"values": [metadata.issuer]}, "aud": {"essential": True, "value": client_id}},
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    _judge_times(token.claims, at)
    try:
        claims.validate(now=int(at.timestamp()), leeway=int(LEEWAY.total_seconds()))
    except JoseError as error:
        raise _refusal(error) from None
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise BadTokenError("its subject is no text of 1 to 255 characters")
    return dict(claims)


def look_at_token(text: object, metadata: Metadata, keys: Keys) -> Mapping[str, Any]:
    """The claims of a token that the provider signed, for whomever and whenever: to be looked at.

    Raises:
        BadTokenError, OtherIssuerError: it is not the provider's.
        UnavailableError: the provider's keys cannot be had.
    """
    token = _verified(text, metadata, keys)
    _require_issuer(token, metadata)
    return dict(token.claims)


def read_logout_token(text: object, metadata: Metadata, keys: Keys, *, client_id: str, at: datetime) -> Ended:
    """Who signed out, by a logout token that was made for us a short while ago.

    Raises:
        BadTokenError, OtherIssuerError, ClocksApartError: it proves nothing.
        UnavailableError: the provider's keys cannot be had.
    """
    token = _verified(text, metadata, keys)
    _require_issuer(token, metadata)
    claims = token.claims
    _judge_times(claims, at)
    registry = JWTClaimsRegistry(
        int(at.timestamp()),
        int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": metadata.issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise _refusal(error) from None
    events, session, subject = claims.get("events"), claims.get("sid"), claims.get("sub")
    if not isinstance(events, dict) or _LOGOUT_EVENT not in events:
        raise BadTokenError("it says of nobody that they signed out")
    if "nonce" in claims or token.header.get("typ", "logout+jwt").lower() not in ("logout+jwt", "jwt"):
        raise BadTokenError("it is a token of another kind")  # an ID token must not end sessions
    if at - _moment(claims["iat"]) > _LOGOUT_SPAN:
        raise BadTokenError("it is too old")
    ended = Ended(
        metadata.issuer,
        session if isinstance(session, str) and session else None,
        subject if isinstance(subject, str) and subject else None,
    )
    if ended.session is None and ended.subject is None:
        raise BadTokenError("it names neither a session nor a subject")
    return ended


def _verified(text: object, metadata: Metadata, keys: Keys) -> Token:
    if not isinstance(text, str) or not text or len(text) > _LARGEST:
        raise BadTokenError("there is none, or it is too long")
    algorithm = _algorithm(text)
    if algorithm not in metadata.algorithms:
        raise BadTokenError(
            f"it is signed by {quoted(algorithm)}, and only {', '.join(metadata.algorithms)} is accepted"
        )
    registry = JWSRegistry(algorithms=list(metadata.algorithms), strict_check_header=False)
    try:
        try:
            return jwt.decode(text, keys.keys(), registry=registry)
        except InvalidKeyIdError:
            # The provider may have changed its keys a moment ago.
            return jwt.decode(text, keys.keys(unknown=True), registry=registry)
    except InvalidKeyIdError:
        raise BadTokenError("it is signed by a key that the provider does not list") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadTokenError(f"its signature is not the provider's ({type(error).__name__})") from None


def _algorithm(text: str) -> object:
    try:
        return jws.extract_compact(text.encode()).headers().get("alg")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise BadTokenError("it is no signed token") from None


def _require_issuer(token: Token, metadata: Metadata) -> None:
    if token.claims.get("iss") != metadata.issuer:
        raise OtherIssuerError(token.claims.get("iss"), metadata.issuer)


def _judge_times(claims: Mapping[str, Any], at: datetime) -> None:
    """Tell clocks that disagree apart from tokens that are merely wrong: the one is for an operator."""
    made = _moment(claims.get("iat"))
    ends = _moment(claims.get("exp")) if "exp" in claims else None
    if not -_BEHIND <= made - at <= LEEWAY:
        raise ClocksApartError(made - at)
    if ends is not None and ends < at - LEEWAY:
        raise BadTokenError("it has expired")


def _moment(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _FAR:
        raise BadTokenError("it does not say when it was made, or until when it holds")
    return datetime.fromtimestamp(seconds, UTC)


def _refusal(error: JoseError) -> BadTokenError:
    match error:
        case MissingClaimError(claim=claim):
            return BadTokenError(f"it lacks {claim}")
        case ExpiredTokenError():
            return BadTokenError("it has expired")
        case InvalidClaimError(claim=claim) | ClaimError(claim=claim):
            return BadTokenError(f"its {claim} is not ours")
        case _:
            return BadTokenError(type(error).__name__)
