"""The server as a whole: every action goes to the adapter for its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Final, assert_never

from feedsrv.agent.adapters.app_pool import AppPools
from feedsrv.agent.adapters.iis_rewrite import IisRewrite
from feedsrv.agent.adapters.iis_server import IisServer
from feedsrv.agent.adapters.pretended_machine import SandboxRunner
from feedsrv.agent.adapters.rehearsal import Foretelling, RehearsalHost
from feedsrv.agent.adapters.runner import Runner, WindowsRunner
from feedsrv.agent.adapters.service import Services
from feedsrv.agent.ports import Adapter, AdapterError, Presence, Sight, Target, Undo
from feedsrv.model.action import AppPool, DoNothing, Service, UrlRewrite

IIS: Final = "iis"
REHEARSAL: Final = "rehearsal"
STATE_FILE: Final = "state.json"
"""What a sandbox keeps beside its drives: which pools and services run."""
KINDS: Final = (IIS, REHEARSAL)


def open_host(*, kind: str, config_root: Path, runner: Runner | None = None) -> Adapter:
    """Return the host of a kind: `iis` changes the server, `rehearsal` tells what would be changed.

    `config_root` is the folder of `applicationHost.config`.

    Raises:
        AdapterError: there is no such kind, or no such folder.
    """
    if kind not in KINDS:
        raise AdapterError(f"there is no host of kind {kind!r}: choose one of {', '.join(KINDS)}")
    if not config_root.is_dir():
        raise AdapterError(f"{config_root} is no folder: name the one that holds applicationHost.config")
    server = IisServer(config_root)
    host = IisHost(server, runner or _runner_for(config_root, server))
    return RehearsalHost(host) if kind == REHEARSAL else host


def _runner_for(config_root: Path, server: IisServer) -> Runner:
    """The programs of this machine; in a sandbox, which has none, the ones it pretends to have."""
    programs = config_root.parent
    state_file = server.drives.home / STATE_FILE
    if not (programs / "appcmd.exe").exists() and state_file.exists():
        return SandboxRunner(state_file)
    return WindowsRunner(programs)


class IisHost:
    """An IIS server: its configuration files, and the programs that stop and start things."""

    def __init__(self, server: IisServer, runner: Runner) -> None:
        self._rules = IisRewrite(server)
        self._pools = AppPools(server, runner)
        self._services = Services(runner)

    def look(self, target: Target) -> Sight:
        """Say what is there now.

        Raises:
            AdapterError: it cannot be read.
        """
        return self._for(target).look(target)

    def capture(self, target: Target) -> Undo:
        """Return how to get back to what is there now.

        Raises:
            AdapterError: it cannot be read.
        """
        return self._for(target).capture(target)

    def apply(self, target: Target) -> None:
        """Make the change.

        Raises:
            AdapterError: it cannot be made; nothing was changed.
        """
        self._for(target).apply(target)

    def undo(self, target: Target, undo: Undo) -> None:
        """Take the change back.

        Raises:
            AdapterError: it cannot be taken back; what is wrong and where.
        """
        self._for(target).undo(target, undo)

    def foretell(self, target: Target) -> str:
        """Say what `apply` would change, and where.

        Raises:
            AdapterError: as `apply` would.
        """
        return self._for(target).foretell(target)

    def _for(self, target: Target) -> Foretelling:
        match target.action:
            case UrlRewrite():
                return self._rules
            case AppPool():
                return self._pools
            case Service():
                return self._services
            case DoNothing():
                return HEARTBEAT
            case _:
                assert_never(target.action)


class Heartbeat:
    """The kind that changes nothing: it is always done, and always undone."""

    def look(self, target: Target) -> Sight:
        """Say that there is nothing to do."""
        return Sight(Presence.PRESENT, f"{target.rule_name}: nothing to change")

    def capture(self, target: Target) -> Undo:  # noqa: ARG002 - the port's words; there is nothing to capture
        """Return that there is nothing to get back to."""
        return {"kind": "nothing"}

    def apply(self, target: Target) -> None:
        """Change nothing."""

    def undo(self, target: Target, undo: Undo) -> None:
        """Take nothing back."""

    def foretell(self, target: Target) -> str:
        """Say that nothing would change."""
        return f"{target.rule_name}: nothing"


HEARTBEAT: Final = Heartbeat()
