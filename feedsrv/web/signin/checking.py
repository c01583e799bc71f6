"""Asking the identity provider, before anybody signs in, everything that a sign-in would need of it.

Each answer is a line for an operator, with what to do. Nobody is signed in by it, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from feedsrv.clock import Clock
from feedsrv.errors import FeedsrvError
from feedsrv.web.signin.back_channel import get_date, open_session
from feedsrv.web.signin.claims import read_claims
from feedsrv.web.signin.discovery import Metadata
from feedsrv.web.signin.id_token import LEEWAY, look_at_token
from feedsrv.web.signin.protection import BACK_CHANNEL, is_loopback
from feedsrv.web.signin.provider import Provider
from feedsrv.web.signin.refusals import quoted


class Verdict(Enum):
    """Whether people can sign in as things stand."""

    GOOD = "ok"
    WARY = "!"
    BAD = "FAILS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    sentence: str
    """What was found, and what to do where it is not good."""


def examine(
    provider: Provider, *, desk_url: str, clock: Clock, token: str | None = None
) -> Iterator[Finding]:
    """Look at a provider, one thing after the other; what needs an earlier answer ends with it.

    `token` is an ID token that it gave to somebody: what would it say of them here?
    """
    yield _desk(provider, desk_url)
    try:
        metadata = provider.discovery.metadata()
    except FeedsrvError as refusal:
        yield _bad("discovery", refusal)
        return
    yield Finding(Verdict.GOOD, "discovery", f"{provider.discovery.url} describes {metadata.issuer}")
    yield from _description(metadata)
    yield from _keys(provider)
    yield _clocks(provider, clock)
    yield from _claims(provider, metadata.words)
    yield _secret(provider)
    if token is not None:
        yield from _token(provider, metadata, token, clock())


def _desk(provider: Provider, desk_url: str) -> Finding:
    parts = urlsplit(desk_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        return Finding(
            Verdict.BAD,
            "this service",
            f"people reach it at {desk_url}, over plain HTTP: put a proxy with TLS before it, and set "
            "FEEDSRV_DESK_URL to its https:// address",
        )
    return Finding(
        Verdict.GOOD,
        "this service",
        f"the provider must know the redirect URI {provider.redirect_uri} exactly as it stands here",
    )


def _description(metadata: Metadata) -> Iterator[Finding]:
    yield Finding(
        Verdict.GOOD, "addresses", f"sign-in at {metadata.authorization}, tokens at {metadata.token}"
    )
    yield Finding(Verdict.GOOD, "algorithms", f"tokens are accepted by {', '.join(metadata.algorithms)}")
    methods = metadata.words.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" in methods:
        yield Finding(Verdict.GOOD, "PKCE", "S256 is supported")
    else:
        yield Finding(
            Verdict.WARY,
            "PKCE",
            "the provider does not say that it supports S256. It is used all the same; where they do "
            "not know it, a stolen code is protected by our secret alone",
        )
    if metadata.names_issuer:
        yield Finding(Verdict.GOOD, "issuer", "every answer in the browser says which provider it is from")
    if metadata.words.get("backchannel_logout_supported") is True:
        yield Finding(
            Verdict.GOOD,
            "sign-out",
            f"set {BACK_CHANNEL} of this service there: who signs out there is out here",
        )
    else:
        yield Finding(
            Verdict.GOOD, "sign-out", "who signs out there stays signed in here until they sign out here"
        )


def _keys(provider: Provider) -> Iterator[Finding]:
    try:
        keys = provider.discovery.keys().keys
    except FeedsrvError as refusal:
        yield _bad("keys", refusal)
        return
    kinds = ", ".join(sorted({str(one.key_type) for one in keys}))
    yield Finding(Verdict.GOOD, "keys", f"{len(keys)} for signatures ({kinds})")
    if len(keys) > 1 and any(one.kid is None for one in keys):
        yield Finding(
            Verdict.WARY,
            "keys",
            "some have no kid: while keys change, sign-ins may fail; let the provider name each",
        )


def _clocks(provider: Provider, clock: Clock) -> Finding:
    try:
        with open_session() as session:
            date = get_date(session, provider.discovery.url, "discovery document")
        theirs = parsedate_to_datetime(date).astimezone(UTC)
    except (FeedsrvError, ValueError, TypeError):
        return Finding(Verdict.WARY, "clock", "the provider does not say what time it is")
    apart = theirs - clock()
    if abs(apart) > LEEWAY:
        way = "ahead of" if apart > timedelta() else "behind"
        return Finding(
            Verdict.BAD,
            "clock",
            f"the provider's is {abs(apart).total_seconds():.0f} seconds {way} ours, and {LEEWAY.seconds} "
            "are allowed: set both by a time server",
        )
    return Finding(Verdict.GOOD, "clock", f"within {LEEWAY.seconds} seconds of ours")


def _claims(provider: Provider, words: Mapping[str, Any]) -> Iterator[Finding]:
    offered = words.get("scopes_supported")
    missing = [one for one in provider.scopes.split() if isinstance(offered, list) and one not in offered]
    if missing:
        yield Finding(
            Verdict.WARY,
            "scopes",
            f"the provider does not list {', '.join(missing)}: see FEEDSRV_OIDC_SCOPES",
        )
    claims = words.get("claims_supported")
    for name, setting in ((provider.naming.groups, "GROUPS"), (provider.naming.name, "NAME")):
        if not isinstance(claims, list) or name in claims:
            continue
        yield Finding(
            Verdict.WARY,
            "claims",
            f"the provider does not list {quoted(name)}: let it send that claim, or set "
            f"FEEDSRV_OIDC_{setting}_CLAIM; `--token-file` shows what a token says",
        )
    groups = ", ".join(sorted(provider.naming.roles))
    yield Finding(
        Verdict.GOOD, "roles", f"of the groups {groups}, in the claim {quoted(provider.naming.groups)}"
    )


def _secret(provider: Provider) -> Finding:
    try:
        error = provider.probe()
    except FeedsrvError as refusal:
        return _bad("secret", refusal)
    match error:
        case "invalid_grant":
            return Finding(Verdict.GOOD, "secret", "the provider takes our id and secret")
        case "invalid_client" | "unauthorized_client":
            return Finding(
                Verdict.BAD,
                "secret",
                f"the provider does not take our id and secret ({error}): compare FEEDSRV_OIDC_CLIENT_ID and "
                "the file FEEDSRV_OIDC_CLIENT_SECRET_FILE with what it was given; let this client use the "
                "authorization code flow",
            )
        case _:
            return Finding(
                Verdict.WARY,
                "secret",
                f"asked with a code that nobody has, the provider answered {quoted(error)} and not "
                "'invalid_grant': whether it takes our secret will show when somebody signs in",
            )


_ALWAYS: Final = ("sub", "aud", "exp", "iat")


def _token(provider: Provider, metadata: Metadata, text: str, at: datetime) -> Iterator[Finding]:
    try:
        claims = look_at_token(text, metadata, provider.discovery)
    except FeedsrvError as refusal:
        yield _bad("token", refusal)
        return
    yield Finding(Verdict.GOOD, "token", f"signed by the provider; it holds {', '.join(sorted(claims))}")
    missing = [one for one in _ALWAYS if one not in claims]
    if missing:
        yield Finding(Verdict.BAD, "token", f"it lacks {', '.join(missing)}, which every ID token has")
        return
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if provider.client_id not in audience:
        yield Finding(
            Verdict.BAD, "token", f"it was made for {quoted(audience)}, and we are {provider.client_id}"
        )
    if isinstance(claims["exp"], int | float) and claims["exp"] < at.timestamp():
        yield Finding(
            Verdict.GOOD, "token", "it has expired, as one that was copied does; the rest still holds"
        )
    if "auth_time" not in claims:
        yield Finding(
            Verdict.GOOD,
            "token",
            "it does not say when the person signed in (auth_time): they are asked once more before they "
            "approve or publish",
        )
    yield _person(provider, claims)


def _person(provider: Provider, claims: Mapping[str, Any]) -> Finding:
    try:
        person = read_claims(claims, provider.naming)
    except FeedsrvError as refusal:
        return _bad("person", refusal)
    roles = ", ".join(sorted(person.roles))
    if not roles:
        groups = claims.get(provider.naming.groups)
        told = (
            "it names no groups (they may come from userinfo)"
            if groups is None
            else f"its groups {quoted(groups)}"
        )
        return Finding(
            Verdict.WARY,
            "person",
            f"{quoted(person.name)} would have no role: {told}; see FEEDSRV_OIDC_ROLES",
        )
    return Finding(Verdict.GOOD, "person", f"{quoted(person.name)} would have the roles: {roles}")


def _bad(what: str, refusal: FeedsrvError) -> Finding:
    return Finding(Verdict.BAD, what, f"{refusal} [{refusal.code}]")
