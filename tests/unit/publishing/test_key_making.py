"""New keys, their requests, and certificates by CAs of ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from feedsrv.errors import FeedsrvError
from feedsrv.publishing.key_register.refusals import (
    BadFingerprintError,
    NoAuthorityError,
    NoRequestError,
    PlaceTakenError,
    RevokedKeyError,
    UnknownKeyError,
    WrongRoleError,
)
from feedsrv.publishing.trust_records import KeyStage
from feedsrv.signing.backends import open_key
from feedsrv.signing.pemfile import FileUnwritableError
from feedsrv.signing.places import SignerUriError
from feedsrv.signing.requesting import RequestNameError, make_request
from feedsrv.trust.looking import lint_certificate
from feedsrv.trust.profile import KeyKind, Role, spki_id
from tests.own_keys import DOCUMENT_ROLES, KeyHouse, leaf_of
from tests.pki import ORGANISATION


@pytest.fixture
def house(tmp_path: Path) -> KeyHouse:
    """An empty register."""
    return KeyHouse(tmp_path)


def test_a_request_makes_a_key_in_its_place_and_asks_for_what_its_role_needs(house: KeyHouse) -> None:
    """The record names the key that lies there, and holds the request for it."""
    record = house.requested(Role.FEED_SIGNER)

    opened = open_key(house.place("feed-signer")).private_key
    assert record.key == spki_id(opened.public_key())
    assert (record.stage, record.certificate, record.chain) == (KeyStage.REQUESTED, None, ())
    assert record.request is not None
    asked = x509.load_der_x509_csr(record.request)
    assert spki_id(asked.public_key()) == record.key
    assert house.acts() == ["anna key.make", "anna key.request"]


def test_a_request_for_tls_carries_every_name(house: KeyHouse) -> None:
    """A server is called by several."""
    record = house.requested(Role.TLS_SERVER, names=("ems.example.com", "ems2.example.com"))

    assert record.request is not None
    names = x509.load_der_x509_csr(record.request).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["ems.example.com", "ems2.example.com"]


@pytest.mark.parametrize("kind", [KeyKind.P_256, KeyKind.P_384])
def test_a_key_is_of_the_kind_that_was_asked_for(house: KeyHouse, kind: KeyKind) -> None:
    """And not of the usual one."""
    house.requested(Role.FEED_SIGNER, kind=kind)

    key = open_key(house.place("feed-signer")).private_key.public_key()

    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.key_size == int(kind.value[-3:])


def test_the_next_root_has_a_name_of_its_own(house: KeyHouse) -> None:
    """Two of the same name are hard to tell apart, and agents may have to."""
    house.issued(Role.ROOT)

    following = leaf_of(house.issued(Role.ROOT, "next root", common_name="Root of 2036"))

    assert "Root of 2036" in following.subject.rfc4514_string()
    assert following.issuer == following.subject


def test_a_whole_chain_is_made_here_and_fits_its_profile(house: KeyHouse) -> None:
    """Root, issuing CAs, signers: none of them deviates from the table, and each leads to the root."""
    records = {role: house.issued(role) for role in DOCUMENT_ROLES}

    root = leaf_of(records[Role.ROOT])
    for role, record in records.items():
        chain = [x509.load_der_x509_certificate(der) for der in record.chain]
        assert lint_certificate(chain[0], [role], at=house.at, issuers=chain[1:]) == ()
        assert chain[-1] == root
        assert record.stage is KeyStage.READY
    assert len(records[Role.FEED_SIGNER].chain) == 3


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ({"organisation": " "}, RequestNameError),
        ({"names": ("ems.example.com",)}, RequestNameError),
        ({"common_name": "line\nbreak"}, RequestNameError),
    ],
)
def test_words_that_cannot_stand_in_a_request_leave_no_key_behind(
    house: KeyHouse, words: dict[str, Any], refusal: type[FeedsrvError]
) -> None:
    """They are looked at before a key is made."""
    with pytest.raises(refusal):
        house.requested(Role.FEED_SIGNER, **words)

    assert list(house.folder.iterdir()) == []
    assert house.desk.list() == ()


def test_a_place_that_is_written_wrongly_or_cannot_be_written_changes_nothing(house: KeyHouse) -> None:
    """Neither is a key made nor a request kept; that it was tried is written down."""
    with pytest.raises(SignerUriError):
        house.desk.request(Role.FEED_SIGNER, "feed.pem", organisation="Example", by="anna")
    with pytest.raises(FileUnwritableError):
        house.requested(Role.FEED_SIGNER, "no folder/feed")

    assert house.desk.list() == ()
    assert house.acts() == ["anna key.make", "anna key.request.refused"]


def test_a_key_of_somebody_else_is_never_taken_or_overwritten(house: KeyHouse) -> None:
    """Not at the first try, and not at the second, which could look like one that was cut short."""
    key = house.folder / "feed-signer.key.pem"
    key.write_bytes(b"somebody's")

    for _ in range(2):
        with pytest.raises(PlaceTakenError, match="--existing"):
            house.requested(Role.FEED_SIGNER)

    assert key.read_bytes() == b"somebody's"
    assert house.desk.list() == ()


def test_a_place_of_the_register_holds_one_key(house: KeyHouse) -> None:
    """Asking twice is a slip, or wants another certificate for the same key."""
    first = house.requested(Role.FEED_SIGNER)

    with pytest.raises(PlaceTakenError, match="--existing"):
        house.requested(Role.FEED_SIGNER)

    assert [one.fingerprint for one in house.desk.list()] == [first.id]


def test_a_key_of_the_register_is_not_taken_for_one_that_was_cut_short(house: KeyHouse) -> None:
    """A place can be written in several ways; its key was finished, and is asked for again on purpose."""
    first = house.requested(Role.FEED_SIGNER)
    written_otherwise = house.place("feed-signer") + "?"

    with pytest.raises(PlaceTakenError, match="--existing"):
        house.desk.request(
            Role.FEED_SIGNER, written_otherwise, organisation=ORGANISATION, kind=KeyKind.P_256, by="anna"
        )

    assert [one.fingerprint for one in house.desk.list()] == [first.id]


def test_a_key_can_be_certified_again(house: KeyHouse) -> None:
    """Renewal with the same key: the old certificate stays beside the new request."""
    house.furnish()
    old = next(one for one in house.desk.list() if one.role is Role.FEED_SIGNER)
    house.at += timedelta(days=60)

    renewed = house.issued(Role.FEED_SIGNER, existing=True)

    assert house.desk.keyring().find(old.fingerprint).key == renewed.key
    assert renewed.id != old.fingerprint
    assert [one.stage for one in house.desk.list() if one.role is Role.FEED_SIGNER] == [
        KeyStage.IN_USE,
        KeyStage.READY,
    ]


def test_no_key_has_two_roles(house: KeyHouse) -> None:
    """One stolen key must not stand for both kinds of document."""
    house.requested(Role.FEED_SIGNER)

    with pytest.raises(WrongRoleError, match="feed-signer"):
        house.requested(Role.MITIGATION_SIGNER, "feed-signer", existing=True)


def test_whoever_requests_a_signer_without_a_ca_is_told(house: KeyHouse) -> None:
    """And the request stays, to be answered elsewhere."""
    asked = house.requested(Role.FEED_SIGNER)

    with pytest.raises(NoAuthorityError, match="answered elsewhere"):
        house.desk.issue(asked.id, by="anna")

    assert house.stage(asked) is KeyStage.REQUESTED
    assert house.acts()[-1] == "anna key.issue.refused"


def test_of_two_cas_the_one_is_named(house: KeyHouse) -> None:
    """While a CA is exchanged there are two; an ended or revoked one does not count."""
    house.furnish()
    second = house.issued(Role.FEED_CA, "second", common_name="Second feed CA")
    asked = house.requested(Role.FEED_SIGNER, "new")
    with pytest.raises(NoAuthorityError, match="--issuer"):
        house.desk.issue(asked.id, by="anna")

    issued = house.desk.issue(asked.id, by="anna", issuer=second.id[:12])

    assert issued.chain[1] == second.chain[0]


def test_a_revoked_ca_issues_nothing(house: KeyHouse) -> None:
    """Even when it is named."""
    records = house.furnish()
    house.desk.revoke(records[Role.FEED_CA].id, reason="ca_compromise", by="ben")
    asked = house.requested(Role.FEED_SIGNER, "new")

    with pytest.raises(RevokedKeyError):
        house.desk.issue(asked.id, by="anna", issuer=records[Role.FEED_CA].id)
    with pytest.raises(NoAuthorityError):
        house.desk.issue(asked.id, by="anna")


def test_a_ca_issues_only_for_its_own_role(house: KeyHouse) -> None:
    """A feed CA certifies no mitigation signer, and nobody but itself certifies a root."""
    records = house.furnish()
    mitigation = house.requested(Role.MITIGATION_SIGNER, "new")
    root = house.requested(Role.ROOT, "next root")

    with pytest.raises(WrongRoleError):
        house.desk.issue(mitigation.id, by="anna", issuer=records[Role.FEED_CA].id)
    with pytest.raises(WrongRoleError, match="--self"):
        house.desk.issue(root.id, by="anna")
    with pytest.raises(WrongRoleError, match="--self"):
        house.desk.issue(mitigation.id, by="anna", itself=True)


def test_a_request_of_somebody_else_is_certified_by_the_profile(house: KeyHouse) -> None:
    """The answer is certificate and issuers; their key is none of ours."""
    house.furnish()
    theirs = ec.generate_private_key(ec.SECP256R1())
    request = make_request(theirs, Role.FEED_SIGNER, organisation="Example Software")
    before = house.desk.list()

    chain = house.desk.certify(request, Role.FEED_SIGNER, source="their.csr", by="anna")

    assert chain[0].public_key() == theirs.public_key()
    assert lint_certificate(chain[0], [Role.FEED_SIGNER], at=house.at, issuers=chain[1:]) == ()
    assert house.desk.list() == before
    assert house.acts()[-1] == "anna key.issue"


def test_what_was_issued_is_no_longer_requested(house: KeyHouse) -> None:
    """A request is answered once."""
    house.issued(Role.ROOT)
    record = house.issued(Role.FEED_CA)

    with pytest.raises(NoRequestError):
        house.desk.issue(record.id, by="anna")


@pytest.mark.parametrize(
    ("written", "refusal"),
    [("4869120", BadFingerprintError), ("feed-signer", BadFingerprintError), ("48691200", UnknownKeyError)],
)
def test_a_key_is_named_by_eight_digits_or_more(
    house: KeyHouse, written: str, refusal: type[FeedsrvError]
) -> None:
    """Seven could be anybody's."""
    house.issued(Role.ROOT)

    with pytest.raises(refusal, match="feedsrv key list"):
        house.desk.use(written, by="anna")


def test_a_fingerprint_is_read_as_other_programs_write_it(house: KeyHouse) -> None:
    """In capital letters, with colons."""
    record = house.issued(Role.ROOT)
    assert record.certificate is not None
    digits = record.certificate.upper()
    written = ":".join(digits[place : place + 2] for place in range(0, 64, 2))

    assert house.desk.use(written, by="anna").record.id == record.id


def cut(step: str) -> None:
    """Power fails after the key was made."""
    if step == "key made":
        raise KeyboardInterrupt


def test_what_was_cut_short_after_the_key_was_made_is_finished_by_asking_again(house: KeyHouse) -> None:
    """The key that was made is the key of the request; nothing lies around that nobody knows."""
    house.after = cut
    with pytest.raises(KeyboardInterrupt):
        house.requested(Role.FEED_SIGNER)
    made = (house.folder / "feed-signer.key.pem").read_bytes()

    done = house.desk.request(
        Role.FEED_SIGNER, house.place("feed-signer"), organisation=ORGANISATION, kind=KeyKind.P_256, by="ben"
    )

    assert done.is_finished
    assert (house.folder / "feed-signer.key.pem").read_bytes() == made
    assert done.record.key == spki_id(open_key(house.place("feed-signer")).private_key.public_key())
    assert house.desk.keyring().find(done.record.id).stage is KeyStage.REQUESTED


def test_what_was_cut_short_is_not_taken_up_by_another_request(house: KeyHouse) -> None:
    """Whoever wants that key for something else says so."""
    house.after = cut
    with pytest.raises(KeyboardInterrupt):
        house.requested(Role.FEED_SIGNER)

    with pytest.raises(PlaceTakenError, match="--existing"):
        house.requested(Role.MITIGATION_SIGNER, "feed-signer")

    assert house.desk.list() == ()
    assert house.requested(Role.MITIGATION_SIGNER, "feed-signer", existing=True).stage is KeyStage.REQUESTED
