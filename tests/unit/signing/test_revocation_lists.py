from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.signing.issuing import (
    REASONS,
    Authority,
    RevocationEntryError,
    RevocationListForeignError,
    issue,
    issue_crl,
    renew_crl,
    revoked_by,
)
from feedsrv.trust.profile import Role
from feedsrv.trust.revocation import crl_issued_by
from tests.authorities import (
    NOW,
    make_ca,
    make_root,
    openssl,
    pem,
)
from tests.pki import key


class TestRevocationLists:
    """A list says all that was ever revoked, and grows."""

    def test_openssl_refuses_what_it_revokes_and_nothing_else(self, tmp_path: Path) -> None:
        """By the serial number, whatever the reason."""
        root = make_root()
        ca = make_ca(Role.FEED_CA, root)
        good, bad = (
            issue(Role.FEED_SIGNER, key(one, "p256").public_key(), ca, organisation=one, now=NOW)
            for one in ("good", "bad")
        )
        lists = [
            issue_crl(root, now=NOW),
            issue_crl(ca, revoked=[(bad.serial_number, NOW, "key_compromise")], now=NOW),
        ]
        (tmp_path / "trust.pem").write_bytes(
            pem(root.certificate) + b"".join(one.public_bytes(Encoding.PEM) for one in lists)
        )
        (tmp_path / "ca.pem").write_bytes(pem(ca.certificate))
        for name, one in (("good", good), ("bad", bad)):
            (tmp_path / f"{name}.pem").write_bytes(pem(one))

        said = {
            name: openssl(
                *("verify", "-crl_check_all", "-attime", str(int(NOW.timestamp()))),
                *("-CAfile", "trust.pem", "-untrusted", "ca.pem", f"{name}.pem"),
                cwd=tmp_path,
            )
            for name in ("good", "bad")
        }

        assert said["good"] == "good.pem: OK\n"
        assert "certificate revoked" in said["bad"]

    @pytest.mark.parametrize("reason", REASONS)
    def test_every_reason_is_told(self, reason: str) -> None:
        """And `unspecified` by leaving it out, as RFC 5280 wants it."""
        crl = issue_crl(make_root(), revoked=[(5, NOW, reason)], now=NOW)

        entry = crl.get_revoked_certificate_by_serial_number(5)
        assert entry is not None
        told = [one.value.reason.name for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
        assert told == ([] if reason == "unspecified" else [reason])
        assert revoked_by(crl) == ((5, NOW, reason),)

    @pytest.mark.parametrize("reason", ["certificate_hold", "remove_from_crl", "because"])
    def test_there_is_no_way_back_and_no_other_reason(self, reason: str) -> None:
        """The message names those that there are."""
        with pytest.raises(RevocationEntryError, match="key_compromise"):
            issue_crl(make_root(), revoked=[(5, NOW, reason)], now=NOW)

    @pytest.mark.parametrize("serial", [0, -1, 2**160])
    def test_a_serial_number_that_no_certificate_has(self, serial: int) -> None:
        """It was mistyped."""
        with pytest.raises(RevocationEntryError, match="no certificate has"):
            issue_crl(make_root(), revoked=[(serial, NOW, "superseded")], now=NOW)

    def test_of_two_revocations_the_earlier_counts(self) -> None:
        """In whatever order they are given."""
        early, late = (5, NOW - timedelta(days=2), "superseded"), (5, NOW, "key_compromise")

        for entries in ([early, late], [late, early]):
            assert revoked_by(issue_crl(make_root(), revoked=entries, now=NOW)) == (early,)

    @pytest.mark.parametrize(
        ("role", "days"), [(Role.ROOT, 397), (Role.FEED_CA, 30), (Role.MITIGATION_CA, 30)]
    )
    def test_it_holds_from_an_hour_ago_for_as_long_as_its_issuers_key_is_away(
        self, role: Role, days: int
    ) -> None:
        """Receivers' clocks differ; a root's key lies in a safe and is not brought every month."""
        root = make_root()
        issuer = root if role is Role.ROOT else make_ca(role, root)

        crl = issue_crl(issuer, now=NOW)

        assert crl.last_update_utc == NOW - timedelta(hours=1)
        assert crl.next_update_utc == NOW + timedelta(days=days)
        assert crl_issued_by(crl, issuer.certificate)

    def test_renewal_forgets_nothing(self) -> None:
        """What the list before revokes stays revoked, with date and reason, and the new joins it."""
        root = make_root()
        first = issue_crl(root, revoked=[(5, NOW, "key_compromise"), (6, NOW, "unspecified")], now=NOW)
        later = NOW + timedelta(days=20)

        second = renew_crl(root, first, revoked=[(7, later, "superseded")], now=later)

        assert revoked_by(second) == (*revoked_by(first), (7, later, "superseded"))
        assert _number(second) > _number(first)

    def test_the_number_grows_even_where_the_clock_does_not(self) -> None:
        """Two lists in one second, or a clock that was set back, must not look like one list."""
        root = make_root()
        first = issue_crl(root, now=NOW)

        again = renew_crl(root, first, now=NOW)
        back = renew_crl(root, again, revoked=[(5, NOW, "superseded")], now=NOW - timedelta(minutes=20))

        assert _number(first) < _number(again) < _number(back)
        # Receivers go by the list that begins last, which must be the one that says most.
        assert first.last_update_utc <= again.last_update_utc <= back.last_update_utc

    def test_after_a_clock_that_was_ahead_it_begins_now_where_somebody_says_so(self) -> None:
        """Else every list would begin when that clock said, for as long as the CA lives."""
        root = make_root()
        ahead = issue_crl(root, revoked=[(5, NOW, "superseded")], now=NOW + timedelta(days=300))

        carried = renew_crl(root, ahead, now=NOW)
        begun = renew_crl(root, ahead, now=NOW, from_now=True)

        assert carried.last_update_utc == ahead.last_update_utc
        assert begun.last_update_utc <= NOW < begun.next_update_utc  # type: ignore[operator] # ours say so
        assert _number(begun) > _number(ahead)
        assert revoked_by(begun) == revoked_by(ahead)

    @pytest.mark.parametrize("number", [-1, 2**159])
    def test_a_number_that_does_not_fit_is_refused(self, number: int) -> None:
        """RFC 5280 gives it twenty octets."""
        with pytest.raises(RevocationEntryError, match="number"):
            issue_crl(make_root(), number=number, now=NOW)

    def test_a_strangers_list_is_not_carried_on(self) -> None:
        """Whoever can put a file there could revoke everything, or let a revocation be forgotten."""
        root, stranger = make_root(), make_root("stranger")
        forged = Authority(root.certificate, stranger.private_key)
        lists = [issue_crl(stranger, now=NOW), _unchecked(forged)]

        for one in lists:
            with pytest.raises(RevocationListForeignError, match="signed by somebody else"):
                renew_crl(root, one, now=NOW)

    def test_a_hold_in_a_foreign_list_becomes_final(self) -> None:
        """A list that was made elsewhere may hold one; renewing it keeps it revoked."""
        root = make_root()
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(9)
            .revocation_date(NOW)
            .add_extension(x509.CRLReason(x509.ReasonFlags.certificate_hold), critical=False)
            .build()
        )
        foreign = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(root.certificate.subject)
            .last_update(NOW)
            .next_update(NOW + timedelta(days=1))
            .add_revoked_certificate(entry)
            .sign(root.private_key, hashes.SHA256())
        )

        assert revoked_by(renew_crl(root, foreign, now=NOW)) == ((9, NOW, "unspecified"),)


def _unchecked(authority: Authority) -> x509.CertificateRevocationList:
    """A CRL in that CA's name, by whatever key."""
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + timedelta(days=1))
        .sign(authority.private_key, hashes.SHA256())
    )


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
