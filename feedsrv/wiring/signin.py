"""From settings to how people sign in: the identity provider as chosen, and where tries are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from feedsrv.errors import OperatorError
from feedsrv.model.lifecycle import Role
from feedsrv.settings import BadSettingsError, Settings
from feedsrv.stores.sql_limits import SqlLimits

_LARGEST: Final = 4096
"""Bytes of a client's secret."""


class ClientSecretError(OperatorError):
    """The file with our secret at the identity provider cannot be used."""

    code = "signin.client_secret"


@dataclass(frozen=True, slots=True)
class ChosenProvider:
    """An identity provider, as the operator chose it."""

    discovery_url: str
    client_id: str
    client_secret: Callable[[], str] = field(repr=False)
    """Reads the file each time, so that a secret can be changed while the service runs."""
    roles: Mapping[str, frozenset[Role]]
    """By group."""
    groups_claim: str
    name_claim: str
    scopes: str
    desk_url: str
    """Where people, and the provider's answers, reach the desk."""


def choose_provider(settings: Settings) -> ChosenProvider | None:
    """The identity provider of the settings; None where none is set.

    Raises:
        BadSettingsError: FEEDSRV_OIDC_SCOPES lacks `openid`.
        ClientSecretError: there is no secret in the file.
    """
    url, client_id, file = (
        settings.oidc_discovery_url,
        settings.oidc_client_id,
        settings.oidc_client_secret_file,
    )
    if url is None or client_id is None or file is None:
        return None
    read = partial(_client_secret, file)
    read()  # said at start, and not to the first who signs in
    if "openid" not in settings.oidc_scopes.split():
        raise BadSettingsError(
            f"FEEDSRV_OIDC_SCOPES is {settings.oidc_scopes[:80]!r}: `openid` must be among them"
        )
    return ChosenProvider(
        discovery_url=url,
        client_id=client_id,
        client_secret=read,
        roles=roles_by_group(settings.groups_of_roles),
        groups_claim=settings.oidc_groups_claim,
        name_claim=settings.oidc_name_claim,
        scopes=settings.oidc_scopes,
        desk_url=settings.desk,
    )


def roles_by_group(groups: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[Role]]:
    """Which roles each group gives; groups named like roles give them where nothing is said.

    >>> sorted(roles_by_group({"author": ["sec", "leads"], "reviewer": ["leads"]})["leads"])
    [<Role.AUTHOR: 'author'>, <Role.REVIEWER: 'reviewer'>]
    """
    if not groups:
        return {role.value: frozenset({role}) for role in Role}
    found: dict[str, frozenset[Role]] = {}
    for role, named in groups.items():
        for group in named:
            found[group] = found.get(group, frozenset()) | {Role(role)}
    return found


def open_limits(settings: Settings) -> SqlLimits:
    """Where tries are counted: on the database, so that every process and host sees the same."""
    return SqlLimits(settings.database)


def _client_secret(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            text = stream.read(_LARGEST + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ClientSecretError(f"FEEDSRV_OIDC_CLIENT_SECRET_FILE: {file} cannot be read ({why})") from None
    if not text or len(text) > _LARGEST or not text.isprintable():
        raise ClientSecretError(
            f"FEEDSRV_OIDC_CLIENT_SECRET_FILE: {file} holds no secret: write what the identity provider "
            "gave, on one line"
        )
    return text
