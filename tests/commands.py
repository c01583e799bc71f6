"""The `feedsrv` command as people call it, on a service of its own folder."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

from click.testing import CliRunner, Result

from feedsrv.cli.main import feedsrv
from feedsrv.cli.run import publish_content
from feedsrv.settings import Settings
from feedsrv.wiring.desk import prepare
from tests.publisher import shared_pki

MITIGATIONS: Final = Path(__file__).parent.parent / "mitigations"
PUBLISHED: Final = ("products.xml", "PING1.xml", "M0001.xml", "M0002.xml")
"""What a service of `at` has published."""


def is_ours(variable: str) -> bool:
    """True for what the service reads of the environment."""
    return variable.startswith("FEEDSRV_")


@dataclass(frozen=True)
class Service:
    """A folder with a database and a shelf; `settings` are further `FEEDSRV_*` variables."""

    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this service is started with."""
        others = {name: value for name, value in os.environ.items() if not is_ours(name)}
        ours = {
            "FEEDSRV_DATA": str(self.data),
            "FEEDSRV_DEVELOPMENT_KEYS": str(shared_pki()),
            **self.settings,
        }
        return others | ours

    def call(self, *words: str) -> Result:
        """Call `feedsrv`; an exception that no refusal foresaw goes through."""
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            with patch.dict(os.environ, self.environment, clear=True):
                return CliRunner().invoke(feedsrv, words, prog_name="feedsrv", catch_exceptions=False)
        finally:
            root.handlers[:], root.level = handlers, level

    def done(self, *words: str) -> str:
        """Call `feedsrv`, expect no refusal; returns what it printed."""
        result = self.call(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def digest_of(self, mitigation_id: str) -> str:
        """The digest of a mitigation's newest revision, as `show` prints it."""
        shown = self.done("mitigation", "show", mitigation_id)
        return next(line.split()[1] for line in shown.splitlines() if line.startswith("digest:"))

    def approve(self, mitigation_id: str, person: str = "bob") -> str:
        """Approve what is in review, expect no refusal; returns what was printed."""
        digest = self.digest_of(mitigation_id)
        return self.done("mitigation", "approve", mitigation_id, "--digest", digest, "--as", person)

    def everything(self) -> dict[str, bytes]:
        """Every published file by path, and the audit log: what a refusal must leave as it is."""
        shelf = self.data / "shelf"
        files = {
            str(path.relative_to(shelf)): path.read_bytes() for path in shelf.rglob("*") if path.is_file()
        }
        if (self.data / "feedsrv.sqlite").is_file():
            files["the audit log"] = self.call("audit", "verify").stdout_bytes
        return files


def new_service(folder: Path, **settings: str) -> Service:
    """A service that has published `PUBLISHED`; settings are named without their prefix, as `bind=...`."""
    data = folder / "service"
    shutil.copytree(_published(), data)
    return Service(data, {f"FEEDSRV_{name.upper()}": value for name, value in settings.items()})


@cache
def _published() -> Path:
    folder = TemporaryDirectory(prefix="feedsrv-service-")
    atexit.register(folder.cleanup)
    place = Path(folder.name)
    content = place / "content"
    content.mkdir()
    for name in PUBLISHED:
        shutil.copy(MITIGATIONS / name, content)
    chosen = Settings(data=place / "data", development_keys=shared_pki())
    prepare(chosen)
    publish_content(chosen, content)
    gc.collect()  # whoever still holds the database lets go of it before it is copied
    return chosen.data
