"""`feedsrv-agent verify`, told everything that a context says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.cli import agent
from tests.hostile.flaws import Context
from tests.hostile.genuine import Genuine
from tests.pki import chain_pem

COMMAND: Final = Path(sys.executable).parent / "feedsrv-agent"


@dataclass(frozen=True)
class Answer:
    """How the command ended, and what it said."""

    exit_code: int
    stderr: str

    @property
    def code(self) -> str | None:
        """The code of its refusal, or None where it accepts."""
        if self.exit_code == 0:
            return None
        return self.stderr.partition("[")[2].partition("]")[0] if self.exit_code == 1 else self.stderr


@dataclass(frozen=True)
class Command:
    """The command, and a folder for the files that it is given."""

    folder: Path

    def ask(self, data: bytes, one: Genuine, context: Context) -> Answer:
        """Run it in this process."""
        return self.asked(self.words(one, context), data)

    def asked(self, words: list[str], data: bytes) -> Answer:
        """Run it in this process, with these words."""
        done = CliRunner().invoke(agent, words, input=data, catch_exceptions=False)
        return Answer(done.exit_code, done.stderr)

    def run(self, data: bytes, one: Genuine, context: Context) -> Answer:
        """Run it as a stranger's script does."""
        words = [str(COMMAND), *self.words(one, context)]
        done = subprocess.run(words, input=data, capture_output=True, check=False)
        return Answer(done.returncode, done.stderr.decode())

    def words(self, one: Genuine, context: Context) -> list[str]:
        """What is written after the command's name; the document comes from standard input."""
        policy = context.policy(one)
        words = ["verify", "-", "--kind", str(one.kind), "--at", context.at.isoformat()]
        words += ["--anchor", self._file(chain_pem(policy.anchors), "pem")]
        words += ["--product", context.product, "--channel", context.channel]
        for crl in policy.crls:
            words += ["--crl", self._file(crl.public_bytes(Encoding.DER), "crl")]
        if policy.organisation is not None:
            words += ["--issuer", policy.organisation]
        if policy.policy_oid is not None:
            words += ["--policy-oid", policy.policy_oid.dotted_string]
        if context.held:
            words += ["--trusted-version", str(context.held)]
        return words

    def _file(self, content: bytes, suffix: str) -> str:
        path = self.folder / f"{sha256(content).hexdigest()}.{suffix}"
        if not path.exists():
            path.write_bytes(content)
        return str(path)
