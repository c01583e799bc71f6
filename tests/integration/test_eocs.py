"""The legacy profile: documents in the shape of the Office Configuration Service, and a genuine one."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.agent.cli import agent
from feedsrv.clock import now, to_text
from feedsrv.trust.eocs import EOCS_EKU, EocsDocument, verify_eocs
from feedsrv.trust.opening import open_mitigation
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import CODE_SIGNING
from feedsrv.trust.refusals import UntrustedError, WrongKindError
from tests.eocs import Chain, chain, sign, stamp

SPECIMEN: Final = Path(__file__).parents[2].parent / "shared" / "specimens" / "eems-2021-09-PING1.xml"
IN_2021: Final = datetime(2021, 10, 1, tzinfo=UTC)
_needs_specimen = pytest.mark.skipif(
    not SPECIMEN.is_file(), reason=f"no genuine document lies beside the checkout ({SPECIMEN.name})"
)


@pytest.fixture(scope="module")
def at() -> datetime:
    """Now: time-stamps are made by a program with a clock of its own."""
    return now()


@pytest.fixture(scope="module")
def good(at: datetime) -> Chain:
    """A chain of certificates as that service has them."""
    return chain(at)


@pytest.fixture(scope="module")
def document(good: Chain, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A document that is in order."""
    return sign(tmp_path_factory.mktemp("eocs"), good)


def judge(document: bytes, good: Chain, at: datetime) -> EocsDocument:
    """Judge by the root of our own chain."""
    return verify_eocs(document, (good.root,), at=at)


def test_a_document_in_order_is_trusted_and_says_when_it_was_stamped(
    document: bytes, good: Chain, at: datetime
) -> None:
    """Signer, issuing CA and root are named, and the time-stamp is told."""
    opened = judge(document, good, at + timedelta(days=1))

    assert (opened.version, opened.mitigations) == ("1.0.4", ("PING1",))
    assert (opened.chain, opened.anchor) == ((good.leaf, good.issuer), good.root)
    assert abs(opened.stamped.at - at) < timedelta(minutes=10)


def test_the_strict_profile_does_not_know_such_documents(document: bytes, good: Chain, at: datetime) -> None:
    """What the legacy profile trusts, `open_mitigation` refuses."""
    with pytest.raises(WrongKindError):
        open_mitigation(document, TrustPolicy((good.root,)), at=at)


def test_a_time_stamp_excuses_no_certificate_that_has_ended(
    document: bytes, good: Chain, at: datetime
) -> None:
    """As of two years later the signer has expired, whenever it signed."""
    with pytest.raises(UntrustedError) as refusal:
        judge(document, good, at + timedelta(days=730))

    assert refusal.value.code == "trust.certificate_expired"
    assert "signer CN=eocs leaf" in str(refusal.value)


_Change = Callable[[bytes], bytes]
_BARE_KEY = re.compile(rb"<Modulus>.")
_REPLACED: Final[dict[str, tuple[_Change, str]]] = {
    "its words": (lambda one: one.replace(b'"PING1"', b'"PING2"'), "trust.signature_invalid"),
    "the bare key": (lambda one: _BARE_KEY.sub(b"<Modulus>A", one), "eocs.key_value"),
    "the stamp": (
        lambda one: re.sub(rb"(<CounterSignature[^>]*>.{800}).", rb"\1_", one),
        "eocs.form",
    ),
    "no stamp": (lambda one: re.sub(rb"<Object.*</Object>", b"", one, flags=re.DOTALL), "eocs.form"),
    "another transform": (
        lambda one: one.replace(b"xmldsig#enveloped-signature", b"xmldsig#enveloped-signaturf"),
        "trust.signature_algorithm",
    ),
    "a second signature": (
        lambda one: one.replace(
            b"</EOCS>", b'<x><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></x></EOCS>'
        ),
        "eocs.form",
    ),
    "a document type": (
        lambda one: one.replace(b"<EOCS", b"<!DOCTYPE EOCS><EOCS", 1),
        "trust.document_malformed",
    ),
    "another root": (lambda one: one.replace(b"EOCS", b"EOCT"), "trust.wrong_kind"),
}


@pytest.mark.parametrize(("change", "code"), _REPLACED.values(), ids=_REPLACED)
def test_whatever_is_changed_is_refused_with_its_own_code(
    document: bytes, good: Chain, at: datetime, change: _Change, code: str
) -> None:
    """Each change alone."""
    changed = change(document)

    with pytest.raises(UntrustedError) as refusal:
        judge(changed, good, at)

    assert changed != document
    assert refusal.value.code == code


def test_the_stamp_of_another_document_is_refused(
    document: bytes, good: Chain, at: datetime, tmp_path: Path
) -> None:
    """A genuine token over another signature proves nothing about this one."""
    other = stamp(tmp_path, good.stamper, b"another signature")

    with pytest.raises(UntrustedError) as refusal:
        judge(_with_token(document, other), good, at)

    assert refusal.value.code == "eocs.countersignature"
    assert "over another signature" in str(refusal.value)


@pytest.mark.parametrize(
    "usages", [(), (CODE_SIGNING,), (EOCS_EKU,)], ids=["none", "code signing", "its own"]
)
def test_a_signer_without_both_usages_is_refused(
    at: datetime, tmp_path: Path, usages: tuple[x509.ObjectIdentifier, ...]
) -> None:
    """Code signing alone is anybody's."""
    other = chain(at, usages)

    with pytest.raises(UntrustedError) as refusal:
        judge(sign(tmp_path, other), other, at)

    assert refusal.value.code == "trust.eku_missing"


def test_another_root_is_not_believed(document: bytes, good: Chain, at: datetime) -> None:
    """The root in the document vouches for nothing."""
    with pytest.raises(UntrustedError) as refusal:
        verify_eocs(document, (good.stamper,), at=at)

    assert refusal.value.code == "trust.anchor_unknown"


def test_no_flipped_bit_changes_what_is_said(document: bytes, good: Chain, at: datetime) -> None:
    """A flip is refused, or lies where it changes nothing that anybody reads, such as `UTF-8` for `utf-8`."""
    wanted = judge(document, good, at)

    for place in range(0, len(document), 23):
        flipped = bytearray(document)
        flipped[place] ^= 32
        try:
            found = judge(bytes(flipped), good, at)
        except UntrustedError:
            continue
        assert found == wanted, place


def _with_token(document: bytes, token: bytes) -> bytes:
    return re.sub(rb"(<CounterSignature[^>]*>)[^<]*", lambda one: one[1] + b64encode(token), document)


def verify(file: Path, anchor: Path, *words: str) -> Result:
    """`feedsrv-agent verify --profile eocs`."""
    return CliRunner().invoke(
        agent, ["verify", str(file), "--anchor", str(anchor), "--profile", "eocs", *words]
    )


def test_the_command_tells_who_signed_and_when_it_was_stamped(
    document: bytes, good: Chain, at: datetime, tmp_path: Path
) -> None:
    """Exit code 0, and the same as JSON."""
    (tmp_path / "document.xml").write_bytes(document)
    (tmp_path / "root.pem").write_bytes(good.root.public_bytes(Encoding.PEM))

    done = verify(tmp_path / "document.xml", tmp_path / "root.pem", "--json", "--at", to_text(at))

    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["kind"], found["ids"], found["signer"]) == ("eocs", "PING1", "CN=eocs leaf")
    assert found["stamped_by"].startswith("CN=eocs stamper")


def test_options_that_such_documents_cannot_answer_are_refused(
    document: bytes, good: Chain, tmp_path: Path
) -> None:
    """An option that is silently passed over would be believed to have been checked."""
    (tmp_path / "document.xml").write_bytes(document)
    (tmp_path / "root.pem").write_bytes(good.root.public_bytes(Encoding.PEM))

    done = verify(tmp_path / "document.xml", tmp_path / "root.pem", "--channel", "production")

    assert done.exit_code == 2
    assert "--channel" in done.stderr


@_needs_specimen
@pytest.mark.parametrize(
    ("when", "code"),
    [
        ("2021-10-01", None),
        ("2026-11-22", "trust.certificate_expired"),
        ("2021-01-01", "trust.certificate_not_yet_valid"),
    ],
)
def test_the_genuine_document_is_judged_as_of_its_day(tmp_path: Path, when: str, code: str | None) -> None:
    """Trusted as of October 2021 by its own root; before and after, a certificate is out of its time."""
    anchor = _root_of(SPECIMEN, tmp_path)

    done = verify(SPECIMEN, anchor, "--at", when)

    assert done.exit_code == (0 if code is None else 1), done.output
    assert f"[{code}]" in done.stderr or code is None


@_needs_specimen
def test_the_genuine_document_with_one_byte_changed_is_refused(tmp_path: Path) -> None:
    """A byte of its words, of its signature, of its bare key, of a certificate, of its stamp."""
    anchor = x509.load_pem_x509_certificate(_root_of(SPECIMEN, tmp_path).read_bytes())
    genuine = SPECIMEN.read_bytes()
    verify_eocs(genuine, (anchor,), at=IN_2021)

    for mark in (b"Heartbeat", b"<SignatureValue>", b"<Modulus>", b"<X509Certificate>", b"<DigestValue>"):
        changed = bytearray(genuine)
        changed[genuine.index(mark) + len(mark) + 4] ^= 1
        with pytest.raises(UntrustedError):
            verify_eocs(bytes(changed), (anchor,), at=IN_2021)


def _root_of(file: Path, folder: Path) -> Path:
    """The root that stands in the document itself, as a file to pin."""
    texts = re.findall(rb"<X509Certificate>(.*?)</X509Certificate>", file.read_bytes(), re.DOTALL)
    root = x509.load_der_x509_certificate(b64decode(texts[2]))
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    return folder / "root.pem"
