"""The key commands of a service, as an administrator calls them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from click.testing import Result

from feedsrv.trust.profile import Role
from tests.commands import Service
from tests.pki import ORGANISATION


@dataclass(frozen=True)
class Keys:
    """The keys of a service, whose files lie in `folder`."""

    service: Service
    folder: Path

    def call(self, *words: str) -> Result:
        """`feedsrv key ...`."""
        return self.service.call("key", *words, *(() if words[0] in {"list", "lint"} else ("--as", "anna")))

    def done(self, *words: str) -> str:
        """The same, without a refusal; what was printed."""
        result = self.call(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def list(self) -> list[dict[str, object]]:
        """Every key, for programs."""
        listed: list[dict[str, object]] = json.loads(self.done("list", "--json"))
        return listed

    def named(self, role: Role, stage: str) -> str:
        """The newest key of that role at that stage."""
        return [
            str(one["fingerprint"])
            for one in self.list()
            if (one["role"], one["stage"]) == (role.slug, stage)
        ][-1]

    def request(self, role: Role, name: str | None = None, *others: str) -> str:
        """Ask for a certificate; the key's name."""
        place = f"file:{quote(str(self.folder / (name or role.slug)))}.key.pem"
        words = ("--organisation", ORGANISATION, "--kind", "p-256")
        self.done("request", "--role", role.slug, "--place", place, *words, *others)
        return self.named(role, "requested")

    def issued(self, role: Role, name: str | None = None) -> str:
        """Ask for a certificate, and issue it; its fingerprint."""
        asked = self.request(role, name)
        self.done("issue", asked, *(("--self",) if role is Role.ROOT else ()))
        return self.named(role, "ready")

    def used(self, role: Role, name: str | None = None) -> str:
        """Ask, issue and use; the fingerprint."""
        fingerprint = self.issued(role, name)
        self.done("use", fingerprint[:12])
        return fingerprint
