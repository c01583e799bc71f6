"""A service whose keys live elsewhere: mitigations are signed in a token, feeds in AWS KMS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from feedsrv.clock import now
from feedsrv.signing.backends import create_key
from feedsrv.trust.opening import open_feed, open_mitigation
from feedsrv.trust.profile import KeyKind, Kind
from tests.commands import MITIGATIONS, Service
from tests.modules import PIN, SECRET_ACCESS_KEY, FaultyToken, Kms, certify, faulty_token
from tests.own_keys import OwnPki
from tests.pki import Pki, chain_pem
from tests.strict_kms import RefusedError, StrictKms, strict_kms


@dataclass(frozen=True)
class Elsewhere:
    """A service, and the two places of its keys."""

    service: Service
    own: OwnPki
    faulty: FaultyToken
    kms: Kms
    strict: StrictKms


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """One mitigation is approved, and nothing published."""
    folder = tmp_path / "own"
    folder.mkdir()
    own = OwnPki(folder, Pki())
    own.write()
    with ExitStack() as stack:
        faulty = stack.enter_context(faulty_token(tmp_path / "hsm"))
        kms, strict = stack.enter_context(strict_kms())
        places = {
            Kind.MITIGATION: faulty.token.place("mitigations", timeout=8),
            Kind.FEED: kms.place("alias/feeds", timeout=8),
        }
        for kind, place in places.items():
            key = create_key(place, KeyKind.RSA_3072, exportable=False)
            chain = certify(own.pki, kind, key.private_key.public_key())
            own.chain(kind).write_bytes(chain_pem(chain))
            own.key(kind).unlink()
        signers = {
            f"FEEDSRV_{kind.upper()}_SIGNER": f"{place}&chain={own.chain(kind)}"
            for kind, place in places.items()
        }
        service = Service(tmp_path / "data", own.environment() | signers)
        service.done("db", "upgrade")
        service.done("catalogue", "import", str(MITIGATIONS / "products.xml"), "--as", "alice")
        service.done("mitigation", "import", str(MITIGATIONS / "M0001.xml"), "--submit", "--as", "alice")
        service.approve("M0001")
        yield Elsewhere(service, own, faulty, kms, strict)


def test_a_service_publishes_by_keys_that_it_never_sees(elsewhere: Elsewhere) -> None:
    """From settings alone to a feed and a mitigation that an agent of these keys believes."""
    elsewhere.service.done("feed", "publish", "--as", "bob")

    shelf, policy = elsewhere.service.data / "shelf/v1", elsewhere.own.pki.policy()
    feed = open_feed((shelf / "feeds/exchange-2019/production.xml").read_bytes(), policy, at=now()).feed
    entry = next(one for one in feed.entries if one.id == "M0001")
    document = (shelf / "mitigations/M0001/1.xml").read_bytes()
    assert open_mitigation(document, policy, at=now(), entry=entry).mitigation.id == "M0001"


def test_settings_show_where_keys_live_and_no_secret(elsewhere: Elsewhere) -> None:
    """They go into tickets."""
    shown = elsewhere.service.done("settings")

    assert "alias/feeds" in shown
    assert PIN not in shown
    assert SECRET_ACCESS_KEY not in shown


def _take_tokens_away(it: Elsewhere) -> None:
    tokens = it.faulty.token.folder / "tokens"
    tokens.rename(tokens.with_name("in a drawer"))
    tokens.mkdir()


TROUBLE: Final[dict[str, tuple[Callable[[Elsewhere], object], str, str]]] = {
    "token missing": (_take_tokens_away, "signing.token_missing", "plug it in"),
    "wrong PIN": (lambda it: it.faulty.token.write_pin("1111"), "signing.pin_wrong", "key mitigations"),
    "locked": (
        lambda it: (it.faulty.orders / "wrong-pins").write_text("xxx"),
        "signing.pin_locked",
        "security officer",
    ),
    "module hangs at the start": (
        lambda it: it.faulty.order("hang-login"),
        "signing.away",
        "8 seconds",
    ),
    "module hangs in the middle": (
        lambda it: it.faulty.order("hang-sign"),
        "signing.away",
        "8 seconds",
    ),
    "KMS key disabled": (
        lambda it: setattr(it.strict.keys["alias/feeds"], "state", "Disabled"),
        "signing.key_disabled",
        "alias/feeds",
    ),
    "KMS denied at the start": (
        lambda it: it.strict.trouble.update(GetPublicKey=RefusedError("AccessDeniedException", "not you")),
        "signing.denied",
        "kms:GetPublicKey",
    ),
    "KMS denied in the middle": (
        lambda it: it.strict.trouble.update(Sign=RefusedError("AccessDeniedException", "not you")),
        "signing.denied",
        "kms:Sign",
    ),
    "KMS throttled in the middle": (
        lambda it: it.strict.trouble.update(Sign=RefusedError("ThrottlingException", "slowly")),
        "signing.away",
        "alias/feeds",
    ),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_what_is_wrong_with_a_place_is_told_and_changes_nothing(elsewhere: Elsewhere, name: str) -> None:
    """By a code, the key, and what to do; the shelf stays as it was, and the audit log whole."""
    spoil, code, named = TROUBLE[name]
    before = elsewhere.service.everything()
    spoil(elsewhere)

    result = elsewhere.service.call("feed", "publish", "--as", "bob")

    assert result.exit_code == 1
    assert f"error [{code}]" in result.stderr
    assert named in result.stderr
    assert PIN not in result.output
    assert "1111" not in result.output
    after = elsewhere.service.everything()
    assert {path for path in after if path.startswith("v1/feeds")} == set()
    assert {path for path in before if path != "the audit log"} == {
        path for path in after if path != "the audit log"
    }
