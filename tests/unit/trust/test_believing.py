"""Judging a signer without a document, and finding the first moment at which receivers refuse it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsrv.trust.believing import Horizon, check_signer, horizon
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.profile import Kind, fingerprint
from feedsrv.trust.refusals import UntrustedError
from feedsrv.trust.waivers import Waiver
from tests.pki import ORGANISATION, POLICY_OID, Pki
from tests.recipes import BAD
from tests.unit.trust.cases import Bench

_SECOND = timedelta(seconds=1)


def _code(chain: tuple[x509.Certificate, ...], policy: TrustPolicy, at: datetime) -> str | None:
    try:
        check_signer(chain, policy, Kind.FEED, at=at)
    except UntrustedError as refusal:
        return refusal.code
    return None


class TestCheckingASigner:
    """What receivers will say of its documents, said before one is signed."""

    def test_a_good_signer_gives_the_path_that_receivers_take(self, bench: Bench) -> None:
        """Whatever the order of the certificates, the anchor among them or not."""
        leaf, ca, root = bench.chain()

        for chain in ((leaf, ca), (ca, leaf), (root, leaf, ca)):
            path = check_signer(chain, bench.pki.policy(), Kind.FEED, at=bench.at)
            assert [one.certificate for one in path.parties] == [leaf, ca, root]

    @pytest.mark.parametrize("bad", BAD)
    def test_a_bad_signer_is_refused_as_its_documents_are(self, bench: Bench, bad: str) -> None:
        """By the same code, for each certificate that is bad by name."""
        policy = bench.pki.policy(Kind.FEED, bad, organisation=ORGANISATION, policy_oid=POLICY_OID)
        with pytest.raises(UntrustedError) as document:
            bench.under(bad)

        assert _code(bench.chain(bad)[:2], policy, bench.at) == document.value.code

    @pytest.mark.parametrize("count", [0, 7])
    def test_no_certificate_and_too_many_are_refused_as_in_documents(self, bench: Bench, count: int) -> None:
        """A document with them would not be read."""
        assert _code(bench.chain()[:1] * count, bench.pki.policy(), bench.at) == "trust.certificate_count"


class TestHorizon:
    """The first moment from which a signer is refused, and why."""

    def test_it_is_the_second_after_the_first_certificate_ends(self, bench: Bench) -> None:
        """In its last second a certificate still holds."""
        leaf, ca, _ = bench.chain()

        found = horizon((leaf, ca), bench.pki.policy(), Kind.FEED, at=bench.at)

        assert found.refused_from == leaf.not_valid_after_utc + _SECOND
        assert found.refusal is not None
        assert found.refusal.code == "trust.certificate_expired"
        assert str(found.refusal).count("feed signer")

    @pytest.mark.parametrize("shortest", ["ca", "root"])
    def test_a_chain_may_end_from_above(self, bench: Bench, shortest: str) -> None:
        """The issuing CA's end strands as many as the leaf's; so does the pinned root's."""
        found = bench.pki.certificates(Kind.FEED, None, **{shortest: {"ends": timedelta(days=20)}})
        policy = TrustPolicy((found["root"],))

        ends = horizon((found["leaf"], found["ca"]), policy, Kind.FEED, at=bench.at)

        assert ends.refused_from == found[shortest].not_valid_after_utc + _SECOND
        assert {"ca": "issuing CA for feeds", "root": "trust anchor"}[shortest] in str(ends.refusal)

    def test_a_crl_that_nobody_renews_ends_it_first(self, bench: Bench) -> None:
        """Receivers who have it refuse when it is stale."""
        crl = bench.pki.crl(ends=timedelta(days=7))

        found = horizon(bench.chain()[:2], bench.pki.policy(crls=(crl,)), Kind.FEED, at=bench.at)

        assert found.refused_from == bench.at + timedelta(days=7) + _SECOND
        assert found.refusal is not None
        assert found.refusal.code == "trust.crl_stale"

    def test_a_renewed_issuing_ca_carries_on_where_the_old_one_ends(self, bench: Bench) -> None:
        """Then it is the leaf that ends."""
        leaf, ca, _ = bench.chain()
        old = bench.pki.certificates(Kind.FEED, None, ca={"ends": timedelta(days=9)})["ca"]

        found = horizon((leaf, old, ca), bench.pki.policy(), Kind.FEED, at=bench.at)

        assert found.refused_from == leaf.not_valid_after_utc + _SECOND

    def test_a_gap_between_two_issuing_cas_is_found(self, bench: Bench) -> None:
        """The next one begins a day after the old one ends; afterwards all would be well again."""
        changes = [{"ends": timedelta(days=9)}, {"begins": timedelta(days=10)}]
        old, following = (bench.pki.certificates(Kind.FEED, None, ca=one)["ca"] for one in changes)

        found = horizon((bench.chain()[0], old, following), bench.pki.policy(), Kind.FEED, at=bench.at)

        assert found.refused_from == bench.at + timedelta(days=9) + _SECOND

    def test_what_is_refused_now_is_refused_from_now_on(self, bench: Bench) -> None:
        """Even where no path exists that could be judged later."""
        stranger = Pki(at=bench.at, organisation="Somebody Else").policy()

        found = horizon(bench.chain()[:2], stranger, Kind.FEED, at=bench.at)

        assert found.refused_from == bench.at
        assert found.refusal is not None
        assert found.refusal.code == "trust.anchor_unknown"

    def test_an_exception_ends_it_when_it_ends(self, bench: Bench) -> None:
        """It was never meant to last."""
        leaf, ca, _ = bench.chain("eku-code-signing-only")
        until = bench.at + timedelta(days=3)
        waiver = Waiver("trust.eku_missing", fingerprint(ca), Kind.FEED, until, "asked for by A. Admin")

        found = horizon((leaf, ca), bench.pki.policy(waivers=(waiver,)), Kind.FEED, at=bench.at)

        assert found.refused_from == until
        assert found.refusal is not None
        assert found.refusal.code == "trust.eku_missing"

    def test_nothing_ends_it_where_nothing_is_known(self) -> None:
        """Both fields say so."""
        assert Horizon(None, None).refused_from is None

    @settings(max_examples=150, deadline=None)
    @given(
        ends=st.tuples(*[st.integers(-2, 60)] * 3),
        begins=st.tuples(*[st.integers(-60, 4)] * 3),
        crl=st.none() | st.tuples(st.integers(-60, 4), st.integers(5, 60)),
    )
    def test_it_is_accepted_until_then_and_refused_then(
        self, ends: tuple[int, ...], begins: tuple[int, ...], crl: tuple[int, int] | None
    ) -> None:
        """Tried at every half day up to it, and in the second before."""
        pki = Pki(at=datetime.fromisoformat("2026-05-14T12:00:00Z"))
        recipe = {
            name: {"begins": timedelta(days=begin), "ends": timedelta(days=max(end, begin + 1))}
            for name, begin, end in zip(("leaf", "ca", "root"), begins, ends, strict=True)
        }
        found = pki.certificates(Kind.FEED, None, **recipe)
        policy = TrustPolicy((found["root"],))
        if crl is not None:
            first, last = (timedelta(days=one) for one in crl)
            policy = replace(policy, crls=(pki.crl(begins=first, ends=last),))
        chain = (found["leaf"], found["ca"])

        answer = horizon(chain, policy, Kind.FEED, at=pki.at)

        assert answer.refused_from is not None
        assert answer.refusal is not None
        assert _code(chain, policy, answer.refused_from) == answer.refusal.code
        if answer.refused_from > pki.at:
            assert _code(chain, policy, answer.refused_from - _SECOND) is None
        moment = pki.at
        while moment < answer.refused_from:
            assert _code(chain, policy, moment) is None
            moment += timedelta(hours=12)
