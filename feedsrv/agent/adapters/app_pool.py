"""Stopping an application pool of an IIS server, and keeping it from starting again.

The configuration says `autoStart="false"`, so that it stays stopped over a restart, and
`startMode="OnDemand"` where it would otherwise be kept running; `appcmd.exe` stops the pool that runs now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from feedsrv.agent.adapters.config_text import ConfigText, Element, parse_config
from feedsrv.agent.adapters.iis_server import IisServer
from feedsrv.agent.adapters.runner import APPCMD, Runner
from feedsrv.agent.adapters.splices import put_back_attribute, raw_attribute, set_attribute
from feedsrv.agent.ports import AdapterError, NotThereError, Presence, Sight, Target, Undo
from feedsrv.model.action import AppPool

STARTED: Final = "Started"
STOPPED: Final = "Stopped"
_STARTING: Final = "Starting"
_ASKED_AGAIN: Final = 120
_BETWEEN_SECONDS: Final = 1.0
# What keeps a pool stopped; IIS' own words and capitals.
_WANTED: Final = {"autoStart": "false", "startMode": "OnDemand"}
_DEFAULTS: Final = {"autoStart": "true", "startMode": "OnDemand"}


class AppPools:
    """The application pools of one server."""

    def __init__(
        self, server: IisServer, runner: Runner, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._server = server
        self._runner = runner
        self._pause = pause

    def look(self, target: Target) -> Sight:
        """Say whether the pool is stopped, and kept so.

        Raises:
            NotThereError: this server has no such pool.
            AdapterError: the configuration or the pool's state cannot be read.
        """
        name = _pool_of(target)
        text, pool = self._pool(self._server.read(), name)
        where = f"{text.source}, line {pool.line}"
        state = self._state(name)
        wrong = _attributes_to_set(text, pool)
        if not wrong and state == STOPPED:
            return Sight(Presence.PRESENT, f"{where}: application pool {name} is stopped and stays so")
        settings = ", ".join(f"{one}={_effective(text, pool, one)}" for one in _WANTED)
        detail = f"{where}: application pool {name} is {state.lower()}, with {settings}"
        return Sight(Presence.CHANGED if target.ours else Presence.ABSENT, detail)

    def capture(self, target: Target) -> Undo:
        """Return the pool's state, and the attributes we may write, as they stand in the file.

        Raises:
            NotThereError: this server has no such pool.
            AdapterError: the configuration or the pool's state cannot be read.
        """
        name = _pool_of(target)
        text, pool = self._pool(self._server.read(), name)
        return {
            "kind": "app-pool",
            "pool": name,
            "state": STARTED if (state := self._state(name)) == _STARTING else state,
            "attributes": {one: raw_attribute(text, pool, one) for one in _WANTED},
        }

    def apply(self, target: Target) -> None:
        """Keep the pool from starting, then stop it.

        Raises:
            NotThereError: this server has no such pool.
            AdapterError: the file cannot be changed, or the pool does not stop; nothing was changed.
        """
        name = _pool_of(target)
        before = self.capture(target)
        self._server.change(lambda raw: self._kept_stopped(raw, name))
        try:
            self._bring_to(name, STOPPED)
        except AdapterError:
            self._server.change(lambda raw: self._as_before(raw, name, before))
            raise

    def undo(self, target: Target, undo: Undo) -> None:
        """Give the pool back the attributes and the state it had.

        Raises:
            AdapterError: the file cannot be changed, or the pool does not start.
        """
        name = _pool_of(target)
        if _find_pool(self._server.read(), name) is None:
            return
        self._server.change(lambda raw: self._as_before(raw, name, undo))
        if undo.get("state") == STARTED:
            self._bring_to(name, STARTED)

    def foretell(self, target: Target) -> str:
        """Say what `apply` would write, and that it would stop the pool.

        Raises:
            AdapterError: the configuration cannot be read.
        """
        name = _pool_of(target)
        text, pool = self._pool(self._server.read(), name)
        written = [f'write {one}="{value}"' for one, value in _attributes_to_set(text, pool).items()]
        return f"{text.source}, line {pool.line}: {', '.join([*written, f'stop application pool {name}'])}"

    def _pool(self, text: ConfigText, name: str) -> tuple[ConfigText, Element]:
        pool = _find_pool(text, name)
        if pool is None:
            raise NotThereError(f"{text.source}: there is no application pool {name!r} on this server")
        return text, pool

    def _kept_stopped(self, raw: bytes, name: str) -> bytes:
        text, pool = self._pool(self._server.parse(raw), name)
        for attribute, value in _attributes_to_set(text, pool).items():
            text, pool = self._pool(_again(text, set_attribute(text, pool, attribute, value)), name)
        return text.encode(text.data)

    def _as_before(self, raw: bytes, name: str, undo: Undo) -> bytes:
        text, pool = self._pool(self._server.parse(raw), name)
        attributes = undo.get("attributes")
        for attribute, old in attributes.items() if isinstance(attributes, Mapping) else ():
            # What no longer says what we wrote was decided by somebody else since.
            if pool.attributes.get(attribute) == _WANTED.get(attribute):
                written = old if isinstance(old, str) else None
                text, pool = self._pool(
                    _again(text, put_back_attribute(text, pool, attribute, written)), name
                )
        return text.encode(text.data)

    def _state(self, name: str) -> str:
        answer = self._runner.run(APPCMD, "list", "apppool", f"/apppool.name:{name}", "/text:state")
        state = answer.output.strip()
        if answer.code != 0 or not state:
            raise AdapterError(
                f"appcmd does not tell the state of application pool {name} (exit code {answer.code}): "
                f"{state or 'no answer'}"
            )
        return state

    def _bring_to(self, name: str, state: str) -> None:
        if self._state(name) == state:
            return
        verb = "stop" if state == STOPPED else "start"
        answer = self._runner.run(APPCMD, verb, "apppool", f"/apppool.name:{name}")
        # The state counts, not the exit code: somebody else may have been faster. A pool that is still
        # "Stopping" lets its requests come to their end, by default for up to 90 seconds.
        now = self._state(name)
        for _ in range(_ASKED_AGAIN):
            if not now.endswith("ing"):
                break
            self._pause(_BETWEEN_SECONDS)
            now = self._state(name)
        if now != state:
            raise AdapterError(
                f"application pool {name} did not {verb}: it is {now.lower()}, and appcmd ended with "
                f"{answer.code}: {' '.join(answer.output.split())}"
            )


def _pool_of(target: Target) -> str:
    if not isinstance(target.action, AppPool):
        raise TypeError(f"{target.action!r} is no application pool")
    return target.action.pool


def _find_pool(text: ConfigText, name: str) -> Element | None:
    pools = text.root.descend("system.applicationHost", "applicationPools", "add")
    return next((one for one in pools if one.attributes.get("name", "").casefold() == name.casefold()), None)


def _effective(text: ConfigText, pool: Element, attribute: str) -> str:
    """What holds for a pool: its own word, or the pools' defaults, or IIS' own."""
    if attribute in pool.attributes:
        return pool.attributes[attribute]
    for defaults in text.root.descend(
        "system.applicationHost", "applicationPools", "applicationPoolDefaults"
    ):
        if attribute in defaults.attributes:
            return defaults.attributes[attribute]
    return _DEFAULTS[attribute]


def _attributes_to_set(text: ConfigText, pool: Element) -> dict[str, str]:
    return {
        name: value
        for name, value in _WANTED.items()
        if _effective(text, pool, name).casefold() != value.casefold()
    }


def _again(text: ConfigText, data: bytes) -> ConfigText:
    return parse_config(text.encode(data), source=text.source)
