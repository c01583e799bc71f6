"""Settings of the server: typed, from `FEEDSRV_*`, judged at start, secrets by file path.

Read only by the wiring and the doors; every other room is given values. `docs/settings.md` lists
them all, and a test holds that list to this file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from feedsrv.errors import OperatorError
from feedsrv.settings.forms import (
    FORMS,
    SPANS,
    Bind,
    ClockSources,
    DeskUrl,
    GroupRoles,
    HttpsOrLocal,
    LocalAccounts,
    Networks,
    PublicUrl,
    Span,
    TimestampUrl,
    host_and_port,
    roles_of_groups,
)

__all__ = [
    "PREFIX",
    "BadSettingsError",
    "LocalAccounts",
    "OwnKeys",
    "Settings",
    "describe",
    "host_and_port",
    "read_settings",
]

PREFIX: Final = "FEEDSRV_"
# Variables of the same prefix that other doors read.
ELSEWHERE: Final = ("FEEDSRV_AS", "FEEDSRV_AGENT_")


class BadSettingsError(OperatorError):
    """One or more settings cannot be used; the message names each variable."""

    code = "settings.invalid"


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """What the operator set: URIs of the signers, the anchors' file, the issuing CAs' organisation.

    What is None is to be found in the register of keys.
    """

    mitigation_signer: str | None
    feed_signer: str | None
    anchors: Path | None
    organisation: str | None


class Settings(BaseSettings):
    """Everything an operator can choose; a default changes nothing outside the data folder."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    data: Path = Field(default=Path(".run"), description="Folder for everything that is written.")
    database_url: str | None = Field(
        default=None, description="Database; by default SQLite in the data folder."
    )
    shelf: Path | None = Field(
        default=None, description="Folder of published files; else `shelf` in the data folder."
    )

    publisher: str = Field(
        default="feedsrv",
        min_length=1,
        max_length=64,
        description="Your name, as people read it on the public page.",
    )
    organisation: str | None = Field(
        default=None,
        description="The O of your issuing CAs, which agents check; else that of the keys in the register.",
    )
    mitigation_signer: str | None = Field(
        default=None,
        description="URI of the key that signs mitigations, such as file:/m.pem?chain=/m-chain.pem; else "
        "the one of the register that is in use.",
    )
    feed_signer: str | None = Field(
        default=None, description="URI of the key that signs feeds; else the one of the register in use."
    )
    anchors: Path | None = Field(
        default=None,
        description="PEM file with root certificates that agents pin, beside those of the register.",
    )
    crls: Path | None = Field(default=None, description="Folder of revocation lists (*.crl) to publish.")
    development_keys: Path | None = Field(
        default=None, description="Folder of a development PKI, made on the spot; used when no signer is set."
    )

    timestamp_url: TimestampUrl | None = Field(
        default=None,
        description="Address of a time-stamping authority (RFC 3161), which stamps mitigations.",
    )
    timestamp_anchors: Path | None = Field(
        default=None, description="PEM file with the roots of the time-stamping authority."
    )

    feed_lifetime: Span = Field(default=timedelta(days=3), description="How long a feed is fresh.")
    poll_interval: Span = Field(
        default=timedelta(hours=1), description="How often agents are asked to come back."
    )
    max_review: Span = Field(
        default=timedelta(days=180), description="The longest a mitigation runs unreviewed."
    )
    keeper_interval: Span = Field(
        default=timedelta(minutes=5), description="How often the keeper looks at feeds."
    )

    bind: Bind = Field(default="127.0.0.1:8080", description="Address and port of the public surface.")
    workers: int = Field(default=2, ge=1, le=64, description="gunicorn worker processes.")
    threads: int = Field(default=8, ge=1, le=256, description="Threads per worker.")
    private_bind: Bind = Field(
        default="127.0.0.1:8081",
        description="Address and port of the private surface: console, API, status, metrics.",
    )
    private_workers: int = Field(
        default=1, ge=1, le=16, description="gunicorn worker processes of the private surface."
    )
    desk_url: DeskUrl | None = Field(
        default=None,
        description="Address at which people reach the private surface, as https://desk.example.com; else "
        "FEEDSRV_PRIVATE_BIND and localhost.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Number of proxies of yours before the private surface; their X-Forwarded-* count.",
    )
    secret_file: Path | None = Field(
        default=None,
        description="Secret that protects cookies and webhooks, in a file; one per line, the newest first; "
        "else `desk.secret` in the data folder, made at first start.",
    )

    oidc_discovery_url: HttpsOrLocal | None = Field(
        default=None,
        description="Discovery address of your OpenID Connect provider, "
        "which ends in /.well-known/openid-configuration.",
    )
    oidc_client_id: str | None = Field(default=None, description="Id of this service at the provider.")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="File with this service's secret at the provider."
    )
    oidc_roles: GroupRoles | None = Field(
        default=None,
        description="Which groups have which roles, as `author=sec-authors,sec-leads reviewer=sec-leads`; "
        "else groups named like roles.",
    )
    oidc_groups_claim: str = Field(default="groups", description="The provider's claim that names groups.")
    oidc_name_claim: str = Field(
        default="preferred_username",
        description="The provider's claim that people are named by at first sign-in.",
    )
    oidc_scopes: str = Field(default="openid profile email", description="What is asked of the provider.")
    local_accounts: LocalAccounts = Field(
        default=LocalAccounts.AUTO,
        description="Whether people sign in with a password kept here: on, off, or auto "
        "(only while no provider is set).",
    )
    session_span: Span = Field(default=timedelta(hours=12), description="After which a sign-in ends.")
    session_idle: Span = Field(default=timedelta(hours=1), description="After which an unused sign-in ends.")
    fresh_span: Span = Field(
        default=timedelta(minutes=10),
        description="How long ago people may have signed in who approve, publish, withdraw or touch keys.",
    )
    break_glass_span: Span = Field(
        default=timedelta(hours=4),
        description="After which what one person published alone is taken back, unless countersigned.",
    )
    break_glass_review: Span = Field(
        default=timedelta(days=7), description="How far ahead the ReviewBy of such a mitigation may lie."
    )
    webhook_networks: Networks | None = Field(
        default=None,
        description="Private networks that webhooks may lie in, such as `10.1.0.0/16 fd00::/8`; else none.",
    )
    public_url: PublicUrl | None = Field(
        default=None,
        description="Address at which agents reach the public surface; it is looked at from outside.",
    )
    clock_sources: ClockSources | None = Field(
        default=None,
        description="https:// addresses whose Date is compared with our clock, with commas between them.",
    )

    @model_validator(mode="after")
    def _keys_come_together(self) -> Self:
        signers = {"MITIGATION_SIGNER": self.mitigation_signer, "FEED_SIGNER": self.feed_signer}
        known_by = {"ANCHORS": self.anchors, "ORGANISATION": self.organisation}
        # A signer that is not set is the register's; by what agents know both is never guessed.
        if (any(signers.values()) or self.anchors) and not all(known_by.values()):
            missing = ", ".join(PREFIX + name for name, value in known_by.items() if not value)
            raise ValueError(f"keys of your own are set in part: set {missing} as well")
        return self

    @model_validator(mode="after")
    def _an_authority_has_a_root(self) -> Self:
        if (self.timestamp_url is None) != (self.timestamp_anchors is None):
            missing = "TIMESTAMP_URL" if self.timestamp_url is None else "TIMESTAMP_ANCHORS"
            raise ValueError(f"time-stamps are set in part: set {PREFIX}{missing} as well")
        return self

    @model_validator(mode="after")
    def _a_provider_knows_us(self) -> Self:
        given = {
            "OIDC_DISCOVERY_URL": self.oidc_discovery_url,
            "OIDC_CLIENT_ID": self.oidc_client_id,
            "OIDC_CLIENT_SECRET_FILE": self.oidc_client_secret_file,
        }
        if any(given.values()) and not all(given.values()):
            missing = ", ".join(PREFIX + name for name, value in given.items() if not value)
            raise ValueError(f"the identity provider is set in part: set {missing} as well")
        return self

    @model_validator(mode="after")
    def _the_keeper_looks_in_time(self) -> Self:
        # A feed is signed anew once it is past a third of its lifetime and the keeper looks.
        if self.keeper_interval > self.feed_lifetime / 3:
            raise ValueError(
                f"{PREFIX}KEEPER_INTERVAL ({_iso(self.keeper_interval)}) must be at most a third of "
                f"{PREFIX}FEED_LIFETIME ({_iso(self.feed_lifetime)}), or feeds expire before the keeper looks"
            )
        return self

    @property
    def own_keys(self) -> OwnKeys | None:
        """What is set about the operator's own keys; None where nothing is.

        Whatever is set, the development PKI is then out of the game.
        """
        if not (self.mitigation_signer or self.feed_signer or self.anchors or self.organisation):
            return None
        return OwnKeys(self.mitigation_signer, self.feed_signer, self.anchors, self.organisation)

    @property
    def clock_urls(self) -> tuple[str, ...]:
        """The addresses whose Date is compared with our clock."""
        return tuple(self.clock_sources.split(",")) if self.clock_sources else ()

    @property
    def database(self) -> str:
        """The database in force, as an SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{(self.data / 'feedsrv.sqlite').absolute()}"

    @property
    def shelf_folder(self) -> Path:
        """The folder of published files in force."""
        return self.shelf or self.data / "shelf"

    @property
    def secret(self) -> Path:
        """The file of the desk's secrets in force."""
        return self.secret_file or self.data / "desk.secret"

    @property
    def desk(self) -> str:
        """The address at which people reach the private surface."""
        return self.desk_url or f"http://{self.private_bind}"

    @property
    def groups_of_roles(self) -> dict[str, tuple[str, ...]]:
        """The provider's groups by role; empty where groups are named like roles."""
        return roles_of_groups(self.oidc_roles) if self.oidc_roles else {}

    @property
    def has_local_accounts(self) -> bool:
        """True where people may sign in with a password that is kept here."""
        if self.local_accounts is LocalAccounts.AUTO:
            return self.oidc_discovery_url is None
        return self.local_accounts is LocalAccounts.ON

    @property
    def development_folder(self) -> Path:
        """The folder of the development PKI in force."""
        return self.development_keys or self.data / "keys"


def read_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        BadSettingsError: a variable is malformed, or does not fit another; every one is named.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings()
    except ValidationError as wrong:
        raise BadSettingsError("; ".join(map(_sentence, wrong.errors()))) from None


def describe(settings: Settings) -> dict[str, str]:
    """What is in force, for people and logs; a password in the database URL is left out."""
    shown = {PREFIX + name.upper(): _plain(value) for name, value in settings.model_dump().items()}
    shown[PREFIX + "DATABASE_URL"] = _without_password(settings.database)
    shown[PREFIX + "SHELF"] = str(settings.shelf_folder)
    if settings.own_keys is None:
        shown[PREFIX + "DEVELOPMENT_KEYS"] = str(settings.development_folder)
    return shown


def _refuse_unknown(environment: Iterable[str]) -> None:
    # A misspelt variable that is silently ignored leaves its default in force unnoticed.
    bare = [name.upper() for name in Settings.model_fields]
    known = [PREFIX + name for name in bare]
    for name in environment:
        if name.startswith(PREFIX) and name not in known and not name.startswith(ELSEWHERE):
            close = [PREFIX + one for one in get_close_matches(name.removeprefix(PREFIX), bare, 1)]
            hint = f"did you mean {close[0]}?" if close else "see docs/settings.md"
            raise BadSettingsError(f"there is no setting {name}; {hint}")


def _sentence(error: ErrorDetails) -> str:
    """Which variable, what it holds, and what it takes."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    given = _WITH_PASSWORD.sub(r"//***@", str(error["input"]))[:80]
    return f"{PREFIX}{name.upper()} is {given!r}: {FORMS.get(name, message)}"


_WITH_PASSWORD: Final = re.compile(r"//[^/\s,]*@")


def _plain(value: object) -> str:
    if isinstance(value, timedelta):
        return _iso(value)
    return "" if value is None else str(value)


def _iso(span: timedelta) -> str:
    """As it would be written in a variable."""
    return str(SPANS.dump_python(span, mode="json"))


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    credentials, at, host = rest.rpartition("@")
    if not at:
        return url
    return f"{scheme}{separator}{credentials.partition(':')[0]}:***@{host}"
