"""What the identity provider says of itself: its addresses, and the keys that it signs with.

Both are fetched anew after a while, so that a provider may change its keys at any time; nobody restarts
anything for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from feedsrv.clock import Clock
from feedsrv.errors import UnavailableError
from feedsrv.web.signin.back_channel import get_json, open_session
from feedsrv.web.signin.protection import is_loopback
from feedsrv.web.signin.refusals import ProviderNonsenseError, ProviderUnfitError, quoted

Value = TypeVar("Value")

WELL_KNOWN: Final = "/.well-known/openid-configuration"
# What a public key verifies. `none` proves nothing, and for HS256 our own secret would be the key.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
METHODS: Final = ("client_secret_basic", "client_secret_post")
"""How we can show our secret."""
_KEPT: Final = timedelta(hours=1)
_TRIED: Final = timedelta(seconds=5)
"""For which nobody asks again what could not be had: a slow provider must not hold every thread in turn."""
_PAUSE: Final = timedelta(seconds=30)
"""Between two requests for keys that were not known: a forged token must not make us ask at will."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A provider, as it describes itself and as far as we need it."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    end_session: str | None
    algorithms: tuple[str, ...]
    """For its tokens; those that we accept."""
    methods: tuple[str, ...]
    """How our secret may be shown; those that we can."""
    names_issuer: bool
    """True where every answer in the browser says which provider it is from (RFC 9207)."""
    words: Mapping[str, Any]
    """All that it said, for whoever looks for what is wrong."""


def read_metadata(words: Mapping[str, Any], discovery_url: str) -> Metadata:
    """What a discovery document says.

    Raises:
        ProviderUnfitError: nobody could sign in by such a provider; the message says what to change.
        ProviderNonsenseError: something is missing that every provider must say.
    """
    issuer = _text(words, "issuer")
    if issuer.rstrip("/") + WELL_KNOWN != discovery_url:
        raise ProviderUnfitError(
            f"the provider's issuer is {quoted(issuer)}, which does not belong to FEEDSRV_OIDC_DISCOVERY_URL "
            f"({discovery_url}): set it to {quoted(issuer.rstrip('/') + WELL_KNOWN)}, if that is yours"
        )
    algorithms = _among(words, "id_token_signing_alg_values_supported", ALGORITHMS, ["RS256"])
    if not algorithms:
        raise ProviderUnfitError(
            "the provider signs its tokens with none of "
            f"{', '.join(ALGORITHMS[:8])}: let it sign them with RS256 or ES256"
        )
    methods = _among(words, "token_endpoint_auth_methods_supported", METHODS, list(METHODS[:1]))
    if not methods:
        raise ProviderUnfitError(
            f"the provider takes our secret by none of {', '.join(METHODS)}: allow one of them for us"
        )
    return Metadata(
        issuer=issuer,
        authorization=_address(words, "authorization_endpoint", discovery_url),
        token=_address(words, "token_endpoint", discovery_url),
        jwks=_address(words, "jwks_uri", discovery_url),
        userinfo=_optional(words, "userinfo_endpoint", discovery_url),
        end_session=_optional(words, "end_session_endpoint", discovery_url),
        algorithms=algorithms,
        methods=methods,
        names_issuer=words.get("authorization_response_iss_parameter_supported") is True,
        words=words,
    )


class Discovery:
    """A provider's description and keys, kept for an hour, asked for anew where a key is not known."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._metadata = _Kept(self._ask_metadata, clock)
        self._keys = _Kept(self._ask_keys, clock)

    def metadata(self) -> Metadata:
        """What the provider says of itself.

        Raises:
            ProviderAwayError, ProviderNonsenseError: it cannot be asked, and never could.
            ProviderUnfitError: nobody could sign in by it.
        """
        return self._metadata.get(_KEPT)

    def keys(self, *, unknown: bool = False) -> KeySet:
        """The keys that the provider signs with; `unknown` where one was missing among them.

        Raises:
            ProviderAwayError, ProviderNonsenseError: they cannot be had, and never could.
        """
        return self._keys.get(_PAUSE if unknown else _KEPT)

    def _ask_metadata(self) -> Metadata:
        with open_session() as session:
            return read_metadata(get_json(session, self.url, "discovery document"), self.url)

    def _ask_keys(self) -> KeySet:
        metadata = self.metadata()
        with open_session() as session:
            return read_keys(get_json(session, metadata.jwks, "key set"))


class _Kept(Generic[Value]):
    """Something that one thread at a time fetches, and that is kept; the old one where no new one is had."""

    def __init__(self, fetch: Callable[[], Value], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._found: tuple[Value, datetime] | None = None
        self._failed: tuple[UnavailableError, datetime] | None = None

    def get(self, span: timedelta) -> Value:
        """What was fetched no longer ago than that.

        Raises:
            UnavailableError: it cannot be fetched, and never could.
        """
        with self._lock:
            at = self._clock()
            if self._found is not None and _is_recent(self._found[1], at, span):
                return self._found[0]
            # Whoever waited for the lock while somebody else waited in vain does not wait once more.
            if self._failed is None or not _is_recent(self._failed[1], at, _TRIED):
                self._try()
            if self._found is not None:
                return self._found[0]
            assert self._failed is not None, "it was tried"
            raise self._failed[0].with_traceback(None)

    def _try(self) -> None:
        try:
            value = self._fetch()
        except UnavailableError as failure:
            # What it said before is a better guess than nothing; signatures still decide.
            self._failed = (failure, self._clock())
        else:
            self._found, self._failed = (value, self._clock()), None


def _is_recent(since: datetime, at: datetime, span: timedelta) -> bool:
    return timedelta(0) <= at - since < span


def read_keys(words: Mapping[str, Any]) -> KeySet:
    """The public keys of a key set that signatures are made with.

    Raises:
        ProviderNonsenseError: there is none.
    """
    listed = words.get("keys")
    if not isinstance(listed, list):
        raise ProviderNonsenseError("key set", "it lists no keys")
    # A symmetric key among public ones is nobody's secret; one for encryption signs nothing.
    fit = [
        one
        for one in listed
        if isinstance(one, dict) and one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": fit})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderNonsenseError("key set", f"no key can be read: {type(error).__name__}") from None


def _text(words: Mapping[str, Any], name: str) -> str:
    value = words.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ProviderNonsenseError("discovery document", f"it has no {name}")
    return value


def _address(words: Mapping[str, Any], name: str, discovery_url: str) -> str:
    address = _text(words, name)
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise ProviderNonsenseError("discovery document", f"its {name} is no address") from None
    # Plain HTTP is for a provider on this very machine alone, as with the address of its description.
    local = urlsplit(discovery_url).scheme == "http" and parts.scheme == "http" and is_loopback(host or "")
    if not host or not (parts.scheme == "https" or local):
        raise ProviderUnfitError(f"the provider's {name} is {quoted(address)}: it must begin with https://")
    return address


def _optional(words: Mapping[str, Any], name: str, discovery_url: str) -> str | None:
    return _address(words, name, discovery_url) if words.get(name) is not None else None


def _among(
    words: Mapping[str, Any], name: str, known: tuple[str, ...], default: list[str]
) -> tuple[str, ...]:
    listed = words.get(name, default)
    return tuple(one for one in known if isinstance(listed, list) and one in listed)
