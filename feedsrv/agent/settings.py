"""What an administrator has said about one agent: whom to poll, whom to trust, what to change.

One JSON file in the agent's home folder. Relative paths in it lead from that folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.x509 import ObjectIdentifier

from feedsrv.agent.adapters.host import IIS, KINDS
from feedsrv.agent.durable import replace_file
from feedsrv.agent.exceptions import ExceptionRefusedError, Granted, read_granted, write_granted
from feedsrv.agent.fields import FieldError, Fields
from feedsrv.errors import BadInputError, OperatorError
from feedsrv.model.build import BadBuildError, Build
from feedsrv.model.catalogue import PRODUCT_ID
from feedsrv.model.mitigation import CHANNEL, PRODUCTION
from feedsrv.trust.waivers import WaiverError

_NAME: Final = "settings.json"
_MAX_BYTES: Final = 256 * 1024


class AgentSettingsError(OperatorError):
    """The agent's settings cannot be used; the message names the setting and what it takes."""

    code = "agent.settings"


class PoolFileError(OperatorError):
    """The pool's shared switch cannot be read, so nothing is changed until it can."""

    code = "agent.pool_file"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The settings of one agent, complete and judged."""

    server: str | None = None
    """Where `/v1/` begins, such as `https://mitigations.example`; None with bundles only."""
    product: str | None = None
    channel: str = PRODUCTION
    anchors: tuple[str, ...] = ()
    """PEM files of pinned roots."""
    organisation: str | None = None
    """The publisher, as the subject of its issuing CAs says."""
    policy_oid: str | None = None
    mitigation_eku: str | None = None
    feed_eku: str | None = None
    crls: tuple[str, ...] = ()
    """Files of revocation lists, beside those that the publisher serves."""
    publisher: str = "feedsrv"
    """The tag that begins the name of every rule of ours."""
    adapter: str = IIS
    config_root: str | None = None
    """The folder of `applicationHost.config`."""
    auto_apply: bool = True
    pool_file: str | None = None
    """A shared file with the pool's own switch; both must be on."""
    build: str | None = None
    build_source: str | None = None
    """A file that says the build, read at every sync."""
    proxy: str | None = None
    tls_ca: str | None = None
    """PEM file of the authorities for TLS, where the system's own are not meant."""
    timeout: int = 30
    """Seconds to wait for an answer to begin, and between its parts."""
    first_after: int = 600
    """Seconds from the start of `run` to its first sync."""
    adopt_anchors: bool = True
    """Whether an announced root counts once an anchor that is pinned here vouches for it."""
    exceptions: tuple[Granted, ...] = ()
    """Checks that are relaxed for one issuing CA until a date; see `exceptions`."""

    def __post_init__(self) -> None:
        for name in NAMES:
            if getattr(self, name) == "":
                raise AgentSettingsError(
                    f"setting {name}: it is empty; `feedsrv-agent config --unset {name}` takes it away"
                )
        for name, judge in _JUDGES.items():
            value = getattr(self, name)
            if value is not None:
                try:
                    judge(value)
                except (ValueError, BadInputError) as error:
                    raise AgentSettingsError(f"setting {name}: {error}") from None

    def need_server(self) -> str:
        """The server to poll.

        Raises:
            AgentSettingsError: it is not set.
        """
        return self._need("server", self.server, "--server https://mitigations.example")

    def need_product(self) -> str:
        """The product that this server runs.

        Raises:
            AgentSettingsError: it is not set.
        """
        return self._need("product", self.product, "--product exchange-2019")

    def _need(self, name: str, value: str | None, example: str) -> str:
        if value is None:
            raise AgentSettingsError(f"setting {name} is missing: run `feedsrv-agent config {example}`")
        return value


def _judge_server(value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{value!r} must be an address such as https://mitigations.example")
    if parts.username or parts.password:
        raise ValueError("an address takes no user name or password")
    _ = parts.port  # raises where it is no number of a port


def _judge_proxy(value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be an address such as http://proxy.example:3128")
    if parts.username or parts.password:
        raise ValueError(
            "a password does not belong here: set HTTPS_PROXY in the agent's environment instead"
        )
    _ = parts.port


def _judge_word(pattern_name: str, matches: Callable[[str], object]) -> Callable[[str], None]:
    def judge(value: str) -> None:
        if not matches(value):
            raise ValueError(f"{value!r} is no {pattern_name}: use lower-case words, digits and hyphens")

    return judge


def _judge_adapter(value: str) -> None:
    if value not in KINDS:
        raise ValueError(f"{value!r} must be one of {', '.join(KINDS)}")


def _judge_seconds(value: int) -> None:
    if not 0 <= value <= 7 * 24 * 3600:
        raise ValueError(f"{value} must be a number of seconds, at most a week")


def _judge_publisher(value: str) -> None:
    if not value or value != value.strip() or len(value) > 64 or not value.isprintable():
        raise ValueError(f"{value!r} must be a short name")


_JUDGES: Final[Mapping[str, Callable[..., object]]] = {
    "server": _judge_server,
    "proxy": _judge_proxy,
    "product": _judge_word("product id", PRODUCT_ID.fullmatch),
    "channel": _judge_word("channel", CHANNEL.fullmatch),
    "adapter": _judge_adapter,
    "build": Build.parse,
    "policy_oid": ObjectIdentifier,
    "mitigation_eku": ObjectIdentifier,
    "feed_eku": ObjectIdentifier,
    "publisher": _judge_publisher,
    "timeout": _judge_seconds,
    "first_after": _judge_seconds,
}

NAMES: Final = tuple(one.name for one in fields(AgentSettings))
_LISTS: Final = frozenset({"anchors", "crls"})
_NUMBERS: Final = frozenset({"timeout", "first_after"})
_FLAGS: Final = frozenset({"auto_apply", "adopt_anchors"})
_OPTIONAL: Final = frozenset(one.name for one in fields(AgentSettings) if one.default is None)


class SettingsFile:
    """The settings in an agent's home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / _NAME

    def load(self) -> AgentSettings:
        """Read the settings; without a file, all have their defaults.

        Raises:
            AgentSettingsError: a setting is unknown or cannot be used.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(_MAX_BYTES)
        except FileNotFoundError:
            return AgentSettings()
        except OSError as error:
            raise AgentSettingsError(f"{self.path} cannot be read ({error.strerror})") from None
        try:
            return _read(Fields.parse(content))
        except (AgentSettingsError, ExceptionRefusedError, WaiverError) as error:
            raise AgentSettingsError(f"{self.path}: {error}") from None
        except ValueError as error:
            raise AgentSettingsError(f"{self.path}: {error}; correct or remove it") from None

    def save(self, settings: AgentSettings) -> None:
        """Write every setting that is not at its default."""
        plain = AgentSettings()
        shown = as_plain(settings)
        changed = {name: shown[name] for name in NAMES if getattr(settings, name) != getattr(plain, name)}
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, json.dumps(changed, indent=1, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise AgentSettingsError(f"{self.path} cannot be written ({error.strerror})") from None

    def path_of(self, text: str) -> Path:
        """A path in the settings, seen from the home folder."""
        return self.home / text


def as_plain(settings: AgentSettings) -> dict[str, object]:
    """Every setting as it stands in the file."""
    plain: dict[str, object] = {name: getattr(settings, name) for name in NAMES}
    plain["exceptions"] = [write_granted(one) for one in settings.exceptions]
    return plain


def _read(given: Fields) -> AgentSettings:
    unknown = sorted(set(given.names()) - set(NAMES))
    if unknown:
        raise FieldError(f"there is no setting {', '.join(unknown)}")
    values: dict[str, Any] = {}  # each is judged by its own reader, and again by AgentSettings
    for name in given.names():
        if name in _LISTS:
            values[name] = given.texts(name)
        elif name in _NUMBERS:
            values[name] = given.number(name)
        elif name == "exceptions":
            values[name] = tuple(read_granted(one) for one in given.children(name))
        elif name in _FLAGS:
            values[name] = given.flag(name)
        elif name in _OPTIONAL:
            values[name] = given.text_or_none(name)
        else:
            values[name] = given.text(name)
    return AgentSettings(**values)


def known_build(text: str) -> Build:
    """Read a build for `set-build`.

    Raises:
        AgentSettingsError: it is none.
    """
    try:
        return Build.parse(text)
    except BadBuildError as error:
        raise AgentSettingsError(f"setting build: {error}") from None


def read_pool_switch(path: Path) -> bool:
    """Read whether the pool lets its servers apply mitigations by themselves.

    Raises:
        PoolFileError: there is no such file, or it does not say.
    """
    try:
        with path.open("rb") as file:
            return Fields.parse(file.read(_MAX_BYTES)).flag("auto_apply")
    except OSError as error:
        trouble = f"cannot be read ({error.strerror})"
    except ValueError as error:
        trouble = str(error)
    raise PoolFileError(
        f"{path}: {trouble}; until it says whether the pool applies mitigations, nothing is changed here. "
        "Write it with `feedsrv-agent config --pool-auto-apply on|off`"
    )


def write_pool_switch(path: Path, *, auto_apply: bool) -> None:
    """Say for the whole pool whether its servers apply mitigations by themselves.

    Raises:
        PoolFileError: it cannot be written.
    """
    try:
        replace_file(path, json.dumps({"auto_apply": auto_apply}).encode() + b"\n")
    except OSError as error:
        raise PoolFileError(f"{path}: cannot be written ({error.strerror})") from None
