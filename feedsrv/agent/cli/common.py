"""What every command of the agent needs: its home folder, and how problems are told."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

import click

from feedsrv.agent.adapters.host import REHEARSAL, open_host
from feedsrv.agent.changing import Changer
from feedsrv.agent.durable import exclusive
from feedsrv.agent.http_source import HttpSource
from feedsrv.agent.journal import Journal
from feedsrv.agent.listing import printable
from feedsrv.agent.ports import Adapter
from feedsrv.agent.settings import AgentSettings, AgentSettingsError, SettingsFile
from feedsrv.agent.state import Problem
from feedsrv.agent.state_file import StateFile
from feedsrv.agent.sync import Sync
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.observability.logs import FieldFormatter

HOME_VARIABLE: Final = "FEEDSRV_AGENT_HOME"
_LOG_BYTES: Final = 1024 * 1024
_LOGS: Final = 5
PATIENCE: Final = 30.0
"""Seconds that a person's command waits for a sync that is under way."""


def default_home() -> Path:
    """Where the agent lives if nobody says."""
    if os.name == "nt":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "feedsrv-agent"
    return Path("/var/lib/feedsrv-agent")


@dataclass(frozen=True)
class Home:
    """The folder with everything that one agent is told and remembers."""

    folder: Path

    @property
    def settings_file(self) -> SettingsFile:
        """What an administrator said."""
        return SettingsFile(self.folder)

    @property
    def state_file(self) -> StateFile:
        """What the agent remembers."""
        return StateFile(self.folder)

    @contextmanager
    def held(self, patience: float = PATIENCE) -> Iterator[None]:
        """Hold the agent's lock.

        Raises:
            BusyError: another process kept it.
            AgentSettingsError: the folder cannot be written.
        """
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(exclusive(self.folder / "agent.lock", patience=patience))
            except OSError as error:
                raise AgentSettingsError(
                    f"{self.folder} cannot be written ({error.strerror}): run the agent with more rights, or "
                    "name another folder with --home"
                ) from None
            yield

    def open_host(self, settings: AgentSettings, *, rehearse: bool = False) -> Adapter:
        """The server that this agent changes.

        Raises:
            AgentSettingsError: it is not known where its configuration lies.
            AdapterError: it is not there.
        """
        kind = REHEARSAL if rehearse else settings.adapter
        if settings.config_root is not None:
            return open_host(kind=kind, config_root=self.folder / settings.config_root)
        if sys.platform == "win32":
            system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32"
            return open_host(kind=kind, config_root=system / "inetsrv" / "config")
        raise AgentSettingsError(
            "setting config_root is missing: run `feedsrv-agent config --config-root FOLDER`, "
            "the folder of applicationHost.config"
        )

    def changer(self, settings: AgentSettings) -> Changer:
        """For looking at the server.

        Raises:
            AgentSettingsError, AdapterError: as `open_host`.
        """
        return Changer(self.open_host(settings), Journal(self.folder), lambda _: None)

    def sync(self, settings: AgentSettings, *, rehearse: bool = False) -> Sync:
        """One sync, at this moment."""
        is_rehearsal = rehearse or settings.adapter == REHEARSAL
        return Sync(
            self.folder,
            settings,
            lambda: self.open_host(settings, rehearse=is_rehearsal),
            now(),
            may_change=not is_rehearsal,
            remembers=not rehearse,
        )

    def source(self, settings: AgentSettings) -> HttpSource:
        """The publisher's server.

        Raises:
            AgentSettingsError: it is not set.
        """
        tls_ca = None if settings.tls_ca is None else str(self.folder / settings.tls_ca)
        timeout = timedelta(seconds=settings.timeout)
        return HttpSource(settings.need_server(), timeout=timeout, proxy=settings.proxy, tls_ca=tls_ca)


def log_to(folder: Path, *, also_stderr: bool = False) -> None:
    """Write events to the agent's log, and to standard error where a supervisor collects it.

    Raises:
        AgentSettingsError: the log cannot be opened.
    """
    path = folder / "agent.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handlers: list[logging.Handler] = [
            RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOGS, encoding="utf-8")
        ]
    except OSError as error:
        raise AgentSettingsError(
            f"{path} cannot be written ({error.strerror}): run the agent with more rights, or name another "
            "folder with --home"
        ) from None
    logging.raiseExceptions = False  # a full disk must not bury what is told in tracebacks
    if also_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(FieldFormatter())
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.getLogger("urllib3").setLevel(logging.WARNING)


pass_home = click.make_pass_decorator(Home)


def tell(problems: Iterable[Problem]) -> bool:
    """Print each problem once; True where there was one."""
    told = tuple(dict.fromkeys(problems))
    for problem in told:
        say(str(problem), err=True)
    return bool(told)


def say(text: str, *, err: bool = False) -> None:
    """Print a text that may hold words of others, which must not steer the terminal."""
    click.echo(printable(text), err=err)


class Refusing(click.Group):
    """Tells refusals in one sentence, and ends with 1: the one place where the agent does."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except FeedsrvError as refusal:
            tell([Problem.of(refusal)])
            ctx.exit(1)
