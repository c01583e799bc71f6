"""A publication whose key hangs in the middle: it ends in time and clean, and the next one publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from feedsrv.model.feed import feed_path
from feedsrv.publishing.cycle import Signers
from feedsrv.signing.backends import create_key, open_signer
from feedsrv.signing.elsewhere import stand_in
from feedsrv.signing.signer import KeyAwayError, OpenedSigner, SigningError
from feedsrv.stores.sql import SqlStore
from feedsrv.trust.opening import open_feed
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import KeyKind, Kind
from tests.modules import FaultyToken, certify, faulty_token
from tests.pki import Pki, chain_pem
from tests.publisher import CATALOGUE, PRODUCT, House, heartbeat, open_house, shared_pki, written


@dataclass(frozen=True)
class ModuleHouse:
    """A publisher whose two keys live behind the faulty module."""

    house: House
    faulty: FaultyToken
    signers: Signers
    policy: TrustPolicy

    def publish(self) -> list[str]:
        """Publish now; what was done, in sentences."""
        cycle = self.house.cycle(signers=self.signers, policy=self.policy)
        return list(cycle.run(by="paula", at=self.house.now()).sentences)

    def listed(self) -> set[str]:
        """What the current feed lists, for an agent that pins these keys' root."""
        document = self.house.shelf.get(f"v1/{feed_path(PRODUCT, 'production')}")
        assert document is not None
        return {one.id for one in open_feed(document, self.policy, at=self.house.now()).feed.entries}

    def shelf(self) -> dict[str, bytes]:
        """Every file that agents could fetch."""
        folder = self.faulty.token.folder.parent / "shelf"
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def module_house(tmp_path: Path) -> Iterator[ModuleHouse]:
    """The heartbeat is published, by the module's keys, and one mitigation is approved."""
    with faulty_token(tmp_path / "hsm") as faulty:
        pki, uris = Pki(), {}
        for kind in Kind:
            place = faulty.token.place(kind.value, timeout=6)
            made = create_key(place, KeyKind.RSA_3072, exportable=False)
            chain = tmp_path / f"{kind}.pem"
            chain.write_bytes(chain_pem(certify(pki, kind, made.private_key.public_key())))
            uris[kind] = f"{place}&chain={chain}"
        signers = Signers(open_signer(uris[Kind.MITIGATION]), open_signer(uris[Kind.FEED]))
        opened = ModuleHouse(open_house(tmp_path, shared_pki()), faulty, signers, pki.policy())
        opened.house.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
        opened.house.workflow.import_mitigation(heartbeat(), source="h.xml", by="anna")
        opened.house.approve("PING1")
        opened.publish()
        opened.house.workflow.import_mitigation(written(), source="m.xml", by="anna")
        opened.house.approve("M0001")
        yield opened
        assert isinstance(opened.house.store, SqlStore)
        opened.house.workflow.verify_audit()
        opened.house.store.close()


@pytest.mark.parametrize("order", ["hang-sign", "crash-sign", "lose-device"])
def test_a_publication_whose_key_is_away_ends_clean_and_the_next_one_publishes(
    module_house: ModuleHouse, order: str
) -> None:
    """Agents see the old feed meanwhile, nothing of the new one lies about, and nobody need repair."""
    before = module_house.shelf()
    module_house.faulty.order(order)

    with pytest.raises(KeyAwayError, match="key mitigation") as refused:
        module_house.publish()

    assert "try again" in str(refused.value)
    assert module_house.shelf() == before
    with module_house.house.store.look() as work:
        assert work.intents.open() is None
    module_house.faulty.withdraw(order)
    module_house.publish()
    assert module_house.listed() == {"PING1", "M0001"}


def test_a_key_that_hangs_after_the_mitigations_were_signed(module_house: ModuleHouse) -> None:
    """The feed's key is the last to be asked; what was signed before it is thrown away with the rest."""
    before = module_house.shelf()
    signer = module_house.signers.mitigation
    key = signer.private_key
    assert isinstance(key, rsa.RSAPrivateKey)

    def sign_and_break(data: bytes) -> bytes:
        signature = key.sign(data, PKCS1v15(), SHA256())
        module_house.faulty.order("hang-sign")
        return signature

    last = OpenedSigner(
        signer.name, signer.chain, stand_in(key.public_key(), sign_and_break, name=signer.name)
    )

    with pytest.raises(KeyAwayError, match="key feed"):
        replace(module_house, signers=Signers(last, module_house.signers.feed)).publish()

    assert module_house.shelf() == before
    module_house.faulty.withdraw("hang-sign")
    module_house.publish()
    assert module_house.listed() == {"PING1", "M0001"}


def test_a_key_that_garbles_publishes_nothing(module_house: ModuleHouse) -> None:
    """A signature that does not verify is no signature, and trying again is no remedy."""
    before = module_house.shelf()
    module_house.faulty.order("garble-sign")

    with pytest.raises(SigningError) as refused:
        module_house.publish()

    assert refused.value.code == "signing.unsound"
    assert module_house.shelf() == before
