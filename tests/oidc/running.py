"""A real OpenID Connect provider on this machine, and people who go there with a browser.

The provider is the certified npm package `oidc-provider`, installed from the lock file beside this one.
Where node or npm are missing, or the registry is out of reach, the test is skipped and says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

CLIENT_ID: Final = "feedsrv"
CLIENT_SECRET: Final = "s3cr+t/with=%20strange:letters"  # noqa: S105 -- the provider's script has the same
_FOLDER: Final = Path(__file__).parent
_MISSING: Final = "missing on this machine: node and npm (oidc-provider)"
_HOPS: Final = 12


@dataclass(frozen=True)
class RealProvider:
    """A provider that runs, and obeys."""

    issuer: str

    @property
    def discovery_url(self) -> str:
        """Where it describes itself."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def set(self, **orders: object) -> None:
        """Give it orders; `provider.mjs` says which there are."""
        self._post("set", orders)

    def rotate(self) -> None:
        """Give it new keys; the old ones are gone."""
        self._post("rotate", {})

    def mint(self, claims: dict[str, object], header: dict[str, object] | None = None) -> str:
        """A token with these claims, signed by its own key."""
        return str(self._post("mint", {"claims": claims, "header": header or {}})["token"])

    def seen(self) -> list[str]:
        """What it was asked since the last reset, such as `GET /jwks`."""
        return [str(one) for one in requests.get(f"{self.issuer}/-/seen", timeout=10).json()]

    def reset(self) -> None:
        """Let it be honest again."""
        self._post("reset", {})

    def _post(self, order: str, words: object) -> Any:  # noqa: ANN401 -- JSON
        answer = requests.post(f"{self.issuer}/-/{order}", json=words, timeout=10)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_provider(port: int = 0) -> Iterator[RealProvider]:
    """A provider on a port of its own, until the block ends."""
    _install()
    node = shutil.which("node")
    assert node is not None
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [node, str(_FOLDER / "provider.mjs"), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("listening "):
                process.wait(10)
                complaints.seek(0)
                raise AssertionError(f"the provider did not come up: {complaints.read().decode()}")
            yield RealProvider(f"http://127.0.0.1:{line.split()[1]}")
        finally:
            process.terminate()
            process.wait(10)
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                stream.close()


@pytest.fixture(name="running", scope="session")
def running_fixture() -> Iterator[RealProvider]:
    """One provider for all tests of a file."""
    with running_provider() as provider:
        yield provider


@pytest.fixture(name="provider")
def provider_fixture(running: RealProvider) -> Iterator[RealProvider]:
    """The provider, honest at the beginning of each test."""
    running.reset()
    yield running
    running.reset()


def _install() -> None:
    """Install what the lock file names, once, however many processes test at a time."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(_MISSING)
    digest = hashlib.sha256((_FOLDER / "package-lock.json").read_bytes()).hexdigest()[:16]
    stamp = _FOLDER / "node_modules" / f".installed-{digest}"
    mine = hashlib.sha256(str(_FOLDER).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"feedsrv-tests-oidc-{mine}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists():
            return
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
        if subprocess.run(command, cwd=_FOLDER, capture_output=True, check=False, timeout=300).returncode:
            pytest.skip(_MISSING)
        stamp.touch()


@dataclass
class Visitor:
    """Somebody at a browser, as far as the provider sees it: its cookies stay there."""

    session: requests.Session = field(default_factory=requests.Session)

    def go(self, url: str, *, account: str = "anna", ours: str = "http://localhost/") -> str:
        """Follow an address to the provider, sign in where it asks, and say where it sends back to.

        `act="stop"` on its page is pressed where no account is named.
        """
        for _ in range(_HOPS):
            if url.startswith(ours):
                return url
            answer = self.session.get(url, allow_redirects=False, timeout=10)
            if answer.status_code == requests.codes.ok and "<form" in answer.text:
                press = {"account": account, "act": "go"} if account else {"act": "stop"}
                answer = self.session.post(url, data=press, allow_redirects=False, timeout=10)
            assert "Location" in answer.headers, f"{url}: {answer.status_code} {answer.text[:300]}"
            url = urljoin(url, answer.headers["Location"])
        raise AssertionError(f"sent around in circles, at last to {url}")

    def sign_out(self, issuer: str) -> None:
        """Sign out at the provider, which tells whoever wants to know."""
        page = self.session.get(f"{issuer}/session/end", timeout=10)
        fields = _Fields()
        fields.feed(page.text)
        answer = self.session.post(
            f"{issuer}/session/end/confirm", data={**fields.found, "logout": "yes"}, timeout=10
        )
        answer.raise_for_status()


class _Fields(HTMLParser):
    """The hidden fields of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a field."""
        named = dict(attrs)
        if tag == "input" and named.get("name"):
            self.found[str(named["name"])] = named.get("value") or ""


def query_of(url: str) -> dict[str, str]:
    """What an address says after its question mark."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
