"""Signing in by OpenID Connect: the code flow with PKCE, state and nonce, from a discovery address alone.

What a person may do here is said by their groups there. Whether a person is known here is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

from feedsrv.clock import Clock, now
from feedsrv.publishing.people_records import Claims
from feedsrv.web.signin.back_channel import exchange, get_json, open_session
from feedsrv.web.signin.claims import Naming, read_claims
from feedsrv.web.signin.discovery import Discovery, Metadata
from feedsrv.web.signin.id_token import LEEWAY, Ended, read_id_token, read_logout_token
from feedsrv.web.signin.refusals import (
    ClientRefusedError,
    CodeRefusedError,
    NotProvenAgainError,
    OtherIssuerError,
    OtherPersonError,
    RefusedByProviderError,
    UnknownFlowError,
    quoted,
)

FLOW_SPAN: Final = timedelta(minutes=10)
"""For which somebody may be away at the provider."""
_LONGEST: Final = 4096
"""Characters of a code."""
CALLBACK: Final = "/signin/callback"


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way, kept in the browser's session until the provider has answered."""

    state: str
    nonce: str
    verifier: str
    begun: int
    """Seconds since 1970."""
    onward: str
    """The path to go to afterwards."""
    again: bool
    """True where somebody who is signed in proves themselves again."""

    def to_session(self) -> dict[str, str | int | bool]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_session(cls, kept: object) -> Flow:
        """What `to_session` kept.

        Raises:
            UnknownFlowError: it is nothing of the kind.
        """
        if not isinstance(kept, dict) or set(kept) != {one.name for one in fields(cls)}:
            raise UnknownFlowError
        return cls(**kept)


class Provider:
    """An identity provider, by its discovery address and what it knows this service by."""

    def __init__(  # noqa: PLR0913 -- what an operator chose, and each named by whoever calls
        self,
        discovery_url: str,
        client_id: str,
        client_secret: Callable[[], str],
        *,
        desk_url: str,
        naming: Naming,
        scopes: str = "openid profile email",
        clock: Clock = now,
    ) -> None:
        self.client_id = client_id
        self.discovery = Discovery(discovery_url, clock)
        self._secret = client_secret
        self.redirect_uri = desk_url + CALLBACK
        self.naming = naming
        self.scopes = scopes
        self._clock = clock

    def begin(self, *, onward: str, again: bool = False) -> tuple[str, Flow]:
        """Where to send the browser, and what to keep until it comes back.

        With `again`, the provider is told to ask the person anew.

        Raises:
            UnavailableError, ProviderUnfitError: nobody can be sent there now.
        """
        metadata = self.discovery.metadata()
        flow = Flow(
            state=generate_token(43),
            nonce=generate_token(43),
            verifier=generate_token(64),
            begun=int(self._clock().timestamp()),
            onward=onward,
            again=again,
        )
        fresh: dict[str, str] = {"prompt": "login", "max_age": "0"} if again else {}
        with self._session() as session:
            url, _ = session.create_authorization_url(
                metadata.authorization,
                state=flow.state,
                code_verifier=flow.verifier,
                nonce=flow.nonce,
                **fresh,
            )
        return str(url), flow

    def finish(self, flow: Flow, answer: Mapping[str, str]) -> Claims:
        """Who came back, by what the browser brought and the provider then said.

        Raises:
            SignInFailedError: this attempt came to nothing; its class says why.
            UnavailableError, OperatorError: the provider cannot be asked, or not by us.
        """
        at = self._clock()
        self._require_live(flow, answer, at)
        metadata = self.discovery.metadata()
        # Before anything else of it is believed: it may be another provider's answer (RFC 9207).
        if answer.get("iss", metadata.issuer) != metadata.issuer or (
            metadata.names_issuer and "iss" not in answer
        ):
            raise OtherIssuerError(answer.get("iss"), metadata.issuer)
        if "error" in answer:
            raise RefusedByProviderError(answer["error"], answer.get("error_description"))
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST:
            raise RefusedByProviderError("no code", None)
        tokens = self._exchange(metadata, code, flow.verifier)
        claims = read_id_token(
            tokens.get("id_token"),
            metadata,
            self.discovery,
            client_id=self.client_id,
            nonce=flow.nonce,
            access_token=tokens.get("access_token"),
            at=self._clock(),
        )
        found = read_claims(self._completed(claims, metadata, tokens), self.naming)
        if flow.again and found.authenticated_at < datetime.fromtimestamp(flow.begun, UTC) - LEEWAY:
            raise NotProvenAgainError
        return found

    def ended(self, logout_token: object) -> Ended:
        """Who signed out at the provider, by what it sent us.

        Raises:
            BadTokenError, OtherIssuerError, ClocksApartError: it proves nothing.
            UnavailableError: the provider's keys cannot be had.
        """
        return read_logout_token(
            logout_token,
            self.discovery.metadata(),
            self.discovery,
            client_id=self.client_id,
            at=self._clock(),
        )

    def probe(self) -> str | None:
        """What the provider says to a code that nobody has: `invalid_grant` where it takes our secret.

        Raises:
            UnavailableError, OperatorError: it cannot be asked.
        """
        error = self._ask(self.discovery.metadata(), "no-such-code", generate_token(64)).get("error")
        return None if error is None else str(error)

    def leaving(self) -> str | None:
        """Where people end their session at the provider itself; None where it has no such page."""
        end = self.discovery.metadata().end_session
        if end is None:
            return None
        query = urlencode({"client_id": self.client_id})
        return f"{end}{'&' if '?' in end else '?'}{query}"

    def _require_live(self, flow: Flow, answer: Mapping[str, str], at: datetime) -> None:
        begun = datetime.fromtimestamp(flow.begun, UTC)
        if answer.get("state") != flow.state or not timedelta(0) <= at - begun < FLOW_SPAN:
            raise UnknownFlowError

    def _completed(
        self, claims: Mapping[str, Any], metadata: Metadata, tokens: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """With what the provider says of the person elsewhere, where the token is brief."""
        wanted = (self.naming.groups, self.naming.name, "email", "name")
        access_token = tokens.get("access_token")
        if (
            metadata.userinfo is None
            or not isinstance(access_token, str)
            or all(one in claims for one in wanted)
        ):
            return claims
        with open_session() as session:
            more = get_json(session, metadata.userinfo, "page about a person", token=access_token)
        if more.get("sub") != claims["sub"]:
            # Another token may have been slipped in for the one that was ours.
            raise OtherPersonError(
                f"the provider's page about a person is about {quoted(more.get('sub'))}, and its token about "
                "somebody else"
            )
        return {**more, **claims}

    def _session(self, method: str = "client_secret_basic") -> OAuth2Session:
        return open_session(
            client_id=self.client_id,
            client_secret=self._secret(),
            redirect_uri=self.redirect_uri,
            scope=self.scopes,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
        )

    def _exchange(self, metadata: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        answer = self._ask(metadata, code, verifier)
        match answer.get("error"):
            case None:
                return answer
            case "invalid_grant":
                raise CodeRefusedError
            case "invalid_client" | "unauthorized_client":
                raise ClientRefusedError
            case error:
                raise RefusedByProviderError(str(error), None)

    def _ask(self, metadata: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        """What is given for a code; the secret is shown in each way the provider takes, until one holds."""
        answer: Mapping[str, Any] = {"error": "invalid_client"}
        for method in metadata.methods:
            with self._session(method) as session:
                answer = exchange(session, metadata.token, code=code, verifier=verifier)
            if answer.get("error") != "invalid_client":
                break
        return answer
