"""A pretended server on disk: a realistic IIS configuration tree, to watch the agent at work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where things lie in a sandbox."""

    folder: Path
    config_root: Path
    """Holds `applicationHost.config`."""
    build_file: Path
    """Holds the product's build, as text."""
    state_file: Path
    """Which pools and services run, as JSON."""


def sandbox_at(folder: Path) -> Sandbox:
    """Say where things lie in a sandbox laid out in `folder`."""
    return Sandbox(
        folder=folder,
        config_root=folder / "C" / "Windows" / "System32" / "inetsrv" / "config",
        build_file=folder / "product-build.txt",
        state_file=folder / "state.json",
    )


def lay_out(folder: Path) -> Sandbox:
    """Lay out a sandbox in a folder that is new or empty."""
    sandbox = sandbox_at(folder)
    sandbox.config_root.mkdir(parents=True)
    sandbox.build_file.write_text("15.2.986.5\n", encoding="utf-8")
    return sandbox
