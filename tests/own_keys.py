"""Keys of one's own in files, as an operator lays them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cryptography import x509

from feedsrv.publishing.audit import verify_chain
from feedsrv.publishing.key_register.keyring import HeldKey
from feedsrv.publishing.key_register.register import KeyDesk
from feedsrv.publishing.ports import Store
from feedsrv.publishing.trust_records import KeyRecord, KeyStage
from feedsrv.settings import Settings
from feedsrv.stores.memory import MemoryStore
from feedsrv.trust.profile import KeyKind, Kind, Role
from tests.pki import ORGANISATION, Pki, chain_pem, pem_of

AT: Final = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DOCUMENT_ROLES: Final = (
    Role.ROOT,
    Role.MITIGATION_CA,
    Role.FEED_CA,
    Role.MITIGATION_SIGNER,
    Role.FEED_SIGNER,
)
"""In the order in which they are made."""


def nothing(step: str) -> None:
    """What happens after a step, as a rule."""


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


@dataclass
class KeyHouse:
    """A register of keys in memory, whose keys lie in files below `folder`, at a time that the test moves."""

    folder: Path
    store: Store = field(default_factory=MemoryStore)
    at: datetime = AT
    outside: tuple[HeldKey, ...] = ()
    after: Callable[[str], None] = nothing

    @property
    def desk(self) -> KeyDesk:
        """The verbs."""
        return KeyDesk(self.store, now=lambda: self.at, outside=self.outside, after=self.after)

    def place(self, name: str) -> str:
        """As a key's place is named on a command line."""
        return f"file:{quote(str(self.folder / name))}.key.pem"

    def requested(self, role: Role, name: str | None = None, **words: Any) -> KeyRecord:  # noqa: ANN401 -- passed on as they are
        """A key of that role, with its request; of the quickest kind."""
        place = self.place(name or role.slug)
        said = {"organisation": ORGANISATION, "kind": KeyKind.P_256, "by": "anna", **words}
        return self.desk.request(role, place, **said).record

    def issued(self, role: Role, name: str | None = None, **words: Any) -> KeyRecord:  # noqa: ANN401 -- as above
        """The same, certified by the CA of this house that is meant for it."""
        asked = self.requested(role, name, **words)
        return self.desk.issue(asked.id, by="anna", itself=role is Role.ROOT)

    def used(self, role: Role, name: str | None = None, **words: Any) -> KeyRecord:  # noqa: ANN401 -- as above
        """The same, in use."""
        return self.desk.use(self.issued(role, name, **words).id, by="anna").record

    def furnish(self) -> dict[Role, KeyRecord]:
        """Root, issuing CAs and signers, all in use."""
        return {role: self.used(role) for role in DOCUMENT_ROLES}

    def stage(self, record: KeyRecord) -> KeyStage:
        """How far that key has come by now."""
        return next(one.stage for one in self.desk.keyring().keys if one.id == record.id)

    def acts(self) -> list[str]:
        """What the audit log says was done, in an unbroken chain."""
        with self.store.look() as work:
            entries = work.audit.entries()
        verify_chain(entries)
        return [f"{one.actor} {one.verb}" for one in entries]


def leaf_of(record: KeyRecord) -> x509.Certificate:
    """The certificate of a record."""
    return x509.load_der_x509_certificate(record.chain[0])
