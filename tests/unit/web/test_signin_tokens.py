"""Judging a provider's tokens, where the provider itself could not be brought to make such a one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey

from feedsrv.errors import UnavailableError
from feedsrv.web.signin.discovery import read_keys, read_metadata
from feedsrv.web.signin.id_token import Ended, read_id_token, read_logout_token
from feedsrv.web.signin.refusals import BadTokenError, ClocksApartError, SignInFailedError

ISSUER: Final = "https://login.example.com"
AT: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVENTS: Final[dict[str, object]] = {"http://schemas.openid.net/event/backchannel-logout": {}}
KEY: Final = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER: Final = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
METADATA: Final = read_metadata(
    {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/auth",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    },
    f"{ISSUER}/.well-known/openid-configuration",
)


class Keys:
    """A provider's keys, which may have changed a moment ago."""

    def __init__(self, *keys: RSAKey | ECKey, then: tuple[RSAKey | ECKey, ...] | None = None) -> None:
        self._now = KeySet(list(keys))
        self._then = self._now if then is None else KeySet(list(then))
        self.asked: list[bool] = []

    def keys(self, *, unknown: bool = False) -> KeySet:
        """The keys, or the new ones."""
        self.asked.append(unknown)
        return self._then if unknown else self._now


def claims(**changes: object) -> dict[str, object]:
    """Claims that are right but for these; None takes one away."""
    at = int(AT.timestamp())
    right = {"iss": ISSUER, "aud": "us", "sub": "anna", "nonce": "n", "iat": at, "exp": at + 600}
    return {name: value for name, value in {**right, **changes}.items() if value is not None}


def signed(
    words: object,
    key: RSAKey | ECKey = KEY,
    *,
    algorithm: str = "RS256",
    more: Mapping[str, object] | None = None,
) -> str:
    """A token over these words; `more` stands in its header."""
    protected = {"alg": algorithm, "kid": key.kid, **(more or {})}
    registry = jws.JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
    payload = words if isinstance(words, bytes) else json.dumps(words).encode()
    return jws.serialize_compact(protected, payload, key, registry=registry)


def read(token: object, keys: Keys | None = None) -> str:
    """Whom a token is about."""
    found = read_id_token(
        token, METADATA, keys or Keys(KEY), client_id="us", nonce="n", access_token=None, at=AT
    )
    return str(found["sub"])


def test_a_right_one_says_who_it_is() -> None:
    """Whatever else it holds."""
    assert read(signed(claims(colour="blue"))) == "anna"


def test_keys_are_asked_for_anew_once_where_one_is_not_known() -> None:
    """A provider that changed them a moment ago is believed by the new ones."""
    keys = Keys(OTHER, then=(OTHER, KEY))

    assert read(signed(claims()), keys) == "anna"
    assert keys.asked == [False, True]


def test_a_bad_signature_is_no_reason_to_ask_anew() -> None:
    """The key is known, and the signature is not its."""
    head, body, _ = signed(claims()).split(".")
    keys = Keys(KEY)

    with pytest.raises(BadTokenError):
        read(f"{head}.{body}.{signed(claims(sub='ben')).split('.')[2]}", keys)

    assert keys.asked == [False]


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"crit": "exp"},
        {"kid": 7},
        {"kid": ["one"]},
        {"alg": None},
        {"alg": ["RS256"]},
        {"zip": "DEF", "crit": ["zip"]},
    ],
    ids=str,
)
def test_a_strange_header_is_refused(header: dict[str, object]) -> None:
    """Also where the signature over it would be right."""
    protected = {"alg": "RS256", "kid": "one", **header}
    coded = [_coded(json.dumps(one).encode()) for one in (protected, claims())]
    good = signed(claims())

    with pytest.raises(SignInFailedError):
        read(".".join([*coded, good.split(".")[2]]))


@pytest.mark.parametrize("key", ["jwk", "jku", "x5c", "x5u"])
def test_a_key_that_the_token_brings_itself_is_not_used(key: str) -> None:
    """Only those count that the provider lists."""
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    brought: dict[str, object] = {
        "jwk": stranger.as_dict(private=False),
        "jku": "https://evil.example/jwks",
        "x5c": ["MIIB"],
        "x5u": "https://evil.example/cert",
    }

    with pytest.raises(BadTokenError):
        read(signed(claims(), stranger, more={key: brought[key]}))


def test_an_algorithm_of_another_kind_of_key_is_refused() -> None:
    """ES256 is accepted, and the key that is named is RSA."""
    curve = ECKey.generate_key("P-256", {"kid": "one"})

    with pytest.raises(BadTokenError):
        read(signed(claims(), curve, algorithm="ES256"))


@pytest.mark.parametrize(
    "words", [b"", b"[]", b"7", b'"x"', b"\xff", b"{", b"[" * 5000, b'{"iss": NaN}'], ids=repr
)
def test_signed_nonsense_is_refused(words: bytes) -> None:
    """A signature makes no claims of it."""
    with pytest.raises(SignInFailedError):
        read(signed(words))


@pytest.mark.parametrize("token", [None, 7, "", b"x", ["x"], "x", "a.b", "a.b.c.d.e", "....", "x" * 100_000])
def test_what_is_no_token_is_refused(token: object) -> None:
    """Whatever the token endpoint says."""
    with pytest.raises(BadTokenError):
        read(token)


@pytest.mark.parametrize("seconds", [-599, 0, 59])
def test_clocks_may_differ_a_little(seconds: int) -> None:
    """A minute ahead; behind by ten, since some providers date their tokens back."""
    assert read(signed(claims(iat=int(AT.timestamp()) + seconds))) == "anna"


@pytest.mark.parametrize(("seconds", "way"), [(-601, "behind"), (61, "ahead of")])
def test_clocks_that_differ_by_more_are_named(seconds: int, way: str) -> None:
    """With the seconds, for whoever sets them."""
    with pytest.raises(ClocksApartError, match=f"clock is {abs(seconds)} seconds {way} ours"):
        read(signed(claims(iat=int(AT.timestamp()) + seconds)))


@pytest.mark.parametrize("value", [True, "1", -1, 1e300, float("inf"), [], {}])
@pytest.mark.parametrize("name", ["iat", "exp"])
def test_a_time_that_is_none_is_refused(name: str, value: object) -> None:
    """Without a calendar breaking."""
    with pytest.raises(SignInFailedError):
        read(signed(claims(**{name: value})))


def test_a_logout_token_is_read_for_its_session_first() -> None:
    """Both may be named."""
    token = signed(claims(nonce=None, events=EVENTS, jti="1", sid="s"), more={"typ": "logout+jwt"})

    ended = read_logout_token(token, METADATA, Keys(KEY), client_id="us", at=AT)

    assert ended == Ended(ISSUER, "s", "anna")


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), timedelta(hours=3)])
def test_an_old_logout_token_ends_nothing(age: timedelta) -> None:
    """It might be told again by somebody else."""
    token = signed(claims(nonce=None, events=EVENTS, jti="1", exp=None))

    with pytest.raises(SignInFailedError):
        read_logout_token(token, METADATA, Keys(KEY), client_id="us", at=AT + age)


def test_a_metadata_without_our_algorithms_accepts_none_of_them() -> None:
    """What the provider does not offer is not accepted from it."""
    strict = replace(METADATA, algorithms=("ES256",))

    with pytest.raises(BadTokenError, match="only ES256 is accepted"):
        read_id_token(
            signed(claims()), strict, Keys(KEY), client_id="us", nonce="n", access_token=None, at=AT
        )


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": ["x", 7, None]},
        {"keys": [{"kty": "RSA"}]},
        {"keys": [{"kty": "RSA", "n": "!", "e": "!"}]},
        {"keys": [{"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
    ],
    ids=lambda one: str(one)[:60],
)
def test_a_key_set_without_a_key_is_nonsense(words: dict[str, object]) -> None:
    """Said once, where it is read, and not at each token."""
    with pytest.raises(UnavailableError):
        read_keys(words)


def test_a_key_for_encryption_signs_nothing() -> None:
    """Even where it is the only one."""
    with pytest.raises(UnavailableError):
        read_keys({"keys": [{**KEY.as_dict(private=False), "use": "enc"}]})


def test_a_key_that_nobody_knows_spoils_no_other() -> None:
    """Providers list new kinds of key beside those in use."""
    strange = {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "new"}

    found = read_keys({"keys": [strange, KEY.as_dict(private=False)]})

    assert [one.kid for one in found.keys] == ["one"]


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
