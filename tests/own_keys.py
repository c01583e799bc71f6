"""Keys of one's own in files, as an operator lays them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from feedsrv.settings import Settings
from feedsrv.trust.profile import Kind
from tests.pki import Pki, chain_pem, pem_of


@dataclass
class OwnPki:
    """Key, chain and anchors below `folder`; `pki` says by whom."""

    folder: Path
    pki: Pki = field(default_factory=Pki)

    def write(self, bad: str | None = None) -> None:
        """Keys, chains and anchors; with `bad`, the feed signer's chain is wrong in that."""
        for kind in Kind:
            signer = self.pki.signer(kind, bad if kind is Kind.FEED else None)
            self.key(kind).write_bytes(pem_of(signer.private_key))
            self.key(kind).chmod(0o600)
            self.chain(kind).write_bytes(chain_pem(signer.chain))
        self.anchors.write_bytes(self.pki.anchors_pem())

    def key(self, kind: Kind) -> Path:
        """The file of a key."""
        return self.folder / f"{kind}.key.pem"

    def chain(self, kind: Kind) -> Path:
        """The file of its certificates."""
        return self.folder / f"{kind}.pem"

    @property
    def anchors(self) -> Path:
        """The file of the root."""
        return self.folder / "anchors.pem"

    def uri(self, kind: Kind) -> str:
        """As it is set."""
        return f"file:{quote(str(self.key(kind)))}?chain={quote(str(self.chain(kind)))}"

    def variables(self) -> dict[str, str]:
        """What an operator sets, without the prefix of the variables."""
        return {
            "mitigation_signer": self.uri(Kind.MITIGATION),
            "feed_signer": self.uri(Kind.FEED),
            "anchors": str(self.anchors),
            "organisation": self.pki.organisation,
        }

    def environment(self) -> dict[str, str]:
        """The same as variables of a process."""
        return {f"FEEDSRV_{name.upper()}": value for name, value in self.variables().items()}

    def settings(self, data: Path, **changes: str | Path | None) -> Settings:
        """The same as settings, with a data folder."""
        return Settings.model_validate({"data": data, **self.variables(), **changes})
