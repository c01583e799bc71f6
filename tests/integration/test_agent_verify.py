"""`feedsrv-agent verify`: what strangers' scripts rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.clock import now, to_text
from feedsrv.trust.profile import EKU, Kind
from tests.pki import Pki
from tests.simulator import FEED, Simulator
from tests.unit.agent.making import mitigation

COMMAND = Path(sys.executable).parent / "feedsrv-agent"


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Certificates that are valid now: the command has no other clock."""
    return Pki()


@pytest.fixture
def files(tmp_path: Path, pki: Pki) -> Path:
    """A feed, a mitigation and the root, as files."""
    publisher = Simulator(pki, pki.at)
    publisher.publish(mitigation(issued=pki.at))
    (tmp_path / "feed.xml").write_bytes(publisher.files[FEED])
    (tmp_path / "mitigation.xml").write_bytes(publisher.files["/v1/mitigations/M0001/1.xml"])
    (tmp_path / "anchor.pem").write_bytes(pki.anchors_pem())
    return tmp_path


def verify(*words: str | Path, code: int, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the installed command, as a stranger's script does."""
    done = subprocess.run(
        [str(COMMAND), "verify", *map(str, words)], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(("name", "kind"), [("feed.xml", "feed"), ("mitigation.xml", "mitigation")])
def test_a_genuine_document_is_trusted(files: Path, name: str, kind: str) -> None:
    """Exit code 0, whether its kind is named or not; JSON says by whom."""
    anchor = ("--anchor", files / "anchor.pem")

    found = json.loads(verify(files / name, *anchor, "--json", code=0).stdout)
    verify(files / name, *anchor, "--kind", kind, "--issuer", "Example Software", code=0)

    assert (found["trusted"], found["kind"]) == (True, kind)
    assert found["signer"].startswith(f"CN={kind} signer")


def test_a_document_may_come_from_standard_input(files: Path) -> None:
    """`-` reads it."""
    verify("-", "--anchor", files / "anchor.pem", code=0, stdin=(files / "feed.xml").read_bytes())


def refusals(files: Path, pki: Pki) -> dict[str, tuple[tuple[str | Path, ...], str]]:
    """Words to add, and the code that is printed."""
    serial = pki.signer(Kind.FEED).chain[0].serial_number
    crl: x509.CertificateRevocationList = pki.crl(Kind.FEED, revoked=(serial,))
    (files / "revoked.crl").write_bytes(crl.public_bytes(Encoding.DER))
    late = to_text(now() + timedelta(days=8))
    return {
        "other kind": (("--kind", "mitigation"), "trust.wrong_kind"),
        "other usage": (("--kind", "feed", "--eku", EKU[Kind.MITIGATION].dotted_string), "trust.eku_missing"),
        "other issuer": (("--issuer", "Somebody Else"), "trust.issuer_organisation"),
        "revoked": (("--crl", files / "revoked.crl"), "trust.signer_revoked"),
        "expired": (("--at", late), "feed.expired"),
        "replayed": (("--trusted-version", "2"), "feed.stale"),
        "replayed and expired": (("--trusted-version", "2", "--at", late), "feed.stale"),
    }


@pytest.mark.parametrize(
    "why",
    ["other kind", "other usage", "other issuer", "revoked", "expired", "replayed", "replayed and expired"],
)
def test_a_refusal_ends_with_1_and_its_code(files: Path, pki: Pki, why: str) -> None:
    """On standard error for people, and as JSON for programs."""
    words, code = refusals(files, pki)[why]

    done = verify(files / "feed.xml", "--anchor", files / "anchor.pem", *words, "--json", code=1)

    assert done.stderr.startswith(f"error [{code}]: ".encode())
    assert json.loads(done.stdout)["code"] == code


def test_a_lower_revision_of_a_mitigation_is_refused(files: Path) -> None:
    """The same option holds for both kinds."""
    words = ("--anchor", files / "anchor.pem", "--trusted-version", "2")

    assert b"mitigation.older_revision" in verify(files / "mitigation.xml", *words, code=1).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("missing.xml", "--anchor", "anchor.pem"),
        ("feed.xml", "--anchor", "missing.pem"),
        ("feed.xml", "--anchor", "feed.xml"),
        ("feed.xml", "--anchor", "anchor.pem", "--crl", "feed.xml"),
        ("feed.xml", "--anchor", "anchor.pem", "--at", "yesterday"),
        ("feed.xml", "--anchor", "anchor.pem", "--eku", "x"),
        ("feed.xml", "--anchor", "anchor.pem", "--kind", "poem"),
        ("feed.xml",),
        (".", "--anchor", "anchor.pem"),
    ],
)
def test_wrong_usage_ends_with_2(
    files: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a script tells a typing error from a forged document."""
    monkeypatch.chdir(files)

    assert verify(*words, code=2).stderr


def test_a_tampered_document_is_refused(files: Path) -> None:
    """One character is enough."""
    tampered = (files / "feed.xml").read_bytes().replace(b'percent="100"', b'percent="10"', 1)

    done = verify("-", "--anchor", files / "anchor.pem", code=1, stdin=tampered)

    assert b"trust.signature_invalid" in done.stderr


def test_a_document_of_the_older_service_is_told_its_profile(files: Path) -> None:
    """Nobody looks for the right `--kind` of a document that has none."""
    anchor = ("--anchor", files / "anchor.pem")

    older = verify("-", *anchor, stdin=b"<EOCS/>", code=1).stderr.decode()
    foreign = verify("-", *anchor, stdin=b"<html/>", code=1).stderr.decode()

    assert "error [trust.wrong_kind]: " in older
    assert "--profile eocs" in older
    assert "--profile eocs" not in foreign
