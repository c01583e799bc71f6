"""Typing commands of the agent, for tests that meet it as an administrator does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from feedsrv.agent.cli import agent
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import mitigation, pool


@dataclass
class Shell:
    """Types commands for one agent."""

    home: Path

    def __call__(self, *words: str | Path, code: int = 0) -> Result:
        """Run one; its exit code must be this."""
        done = CliRunner().invoke(agent, ["--home", str(self.home), *map(str, words)])
        unexpected = done.exception is not None and not isinstance(done.exception, SystemExit)
        assert not unexpected, done.exc_info
        assert done.exit_code == code, done.output
        return done

    def json(self, *words: str) -> list[dict[str, object]]:
        """Run one that prints JSON."""
        found = json.loads(self(*words, "--json").stdout)
        assert isinstance(found, list)
        return found

    def statuses(self) -> dict[object, object]:
        """What `list` says of each."""
        return {one["id"]: one["status"] for one in self.json("list")}

    @property
    def configuration(self) -> bytes:
        """The pretended server's configuration."""
        (found,) = self.home.rglob("applicationHost.config")
        return found.read_bytes()


def publish_two(publisher: Simulator, pki: Pki) -> None:
    """Publish a rule and a pool, and the revocation lists."""
    publisher.put_crls()
    pools = (pool(name="DefaultAppPool"),)
    publisher.publish(mitigation(issued=pki.at), mitigation("M0002", issued=pki.at, actions=pools))


def lay_out_shell(folder: Path, publisher: Simulator, pki: Pki) -> Shell:
    """An agent for a pretended server, laid out by the command itself."""
    anchor = folder / "root.pem"
    anchor.write_bytes(pki.anchors_pem())
    shell = Shell(folder / "box")
    shell("sandbox", shell.home, "--server", publisher.url, "--anchor", anchor, "--build", "15.2.986.5")
    return shell
