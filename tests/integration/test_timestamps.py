from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from asn1crypto import tsp
from cryptography import x509

from feedsrv.signing.timestamping import (
    TimestampAuthority,
    TimestampAwayError,
    TimestampDeclinedError,
    TimestampNonceError,
    TimestampPolicyError,
    TimestampUrlError,
)
from feedsrv.trust.timestamps import (
    MOST_BYTES,
    TimestampMalformedError,
    TimestampOtherDataError,
    signature_value,
    verify_token,
)
from tests.pki import Pki, sample_mitigation
from tests.time_stamping import (
    OTHER_POLICY,
    POLICY,
    Answer,
    Served,
    StampingAuthority,
    answer_of,
    nonce_in,
    query_for,
    refusal,
)

DATA: Final = b"the value of a signature"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> StampingAuthority:
    """A time-stamping authority that works."""
    return StampingAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def served(tsa: StampingAuthority) -> Iterator[Served]:
    """The same, asked over HTTP."""
    with tsa.serving() as running:
        yield running


class TestStamping:
    """A token over our data, verified before anybody gets it."""

    def test_a_real_authority_stamps_a_signature(self, tsa: StampingAuthority, served: Served) -> None:
        """The token says when, and by whom; openssl agrees; and it is verified again offline."""
        document = Pki().sign_mitigation(sample_mitigation(Pki().at))
        value = signature_value(document)
        before = datetime.now(UTC).replace(microsecond=0)

        token = TimestampAuthority(served.url, tsa.anchors).stamp(value)

        assert before - timedelta(seconds=1) <= token.at <= datetime.now(UTC)
        assert token.authority == "CN=Example Time time-stamping authority,O=Example Time"
        assert "Verification: OK" in tsa.verify(token.der, value)
        assert verify_token(token.der, value, tsa.anchors, source="kept") == token

    def test_every_question_has_a_number_of_its_own(self, tsa: StampingAuthority, served: Served) -> None:
        """So that no old answer can be played back."""
        authority = TimestampAuthority(served.url, tsa.anchors)

        first, second = authority.stamp(DATA), authority.stamp(DATA)

        assert first.der != second.der
        assert len({nonce_in(one) for one in served.queries}) == 2

    def test_a_policy_is_asked_for_and_checked(self, tsa: StampingAuthority, served: Served) -> None:
        """An authority may have several, of different worth."""
        token = TimestampAuthority(served.url, tsa.anchors, policy=OTHER_POLICY).stamp(DATA)

        read: Any = tsp.TimeStampResp.load(answer_of(token.der))
        info = read["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
        assert info["policy"].dotted == OTHER_POLICY.dotted_string

        def deaf(query: bytes) -> Answer:
            asked: Any = tsp.TimeStampReq.load(query)
            return Answer(tsa.reply(query_for(DATA, nonce=asked["nonce"].native)))

        with tsa.serving(deaf) as other, pytest.raises(TimestampPolicyError, match=POLICY.dotted_string):
            TimestampAuthority(other.url, tsa.anchors, policy=OTHER_POLICY).stamp(DATA)

    def test_an_overloaded_authority_is_asked_again(self, tsa: StampingAuthority) -> None:
        """It answers at the third time; nobody notices."""
        answers = iter([503, 502])

        def busy(query: bytes) -> Answer:
            status = next(answers, None)
            return Answer(b"busy", status=status, kind="text/plain") if status else Answer(tsa.reply(query))

        with tsa.serving(busy) as running:
            TimestampAuthority(running.url, tsa.anchors, timeout=2).stamp(DATA)

        assert len(running.queries) == 3

    @pytest.mark.parametrize(
        "url",
        [
            *("", "tsa.example", "http://", "file:///etc/passwd", "http://[tsa", "http://tsa.example:port/"),
            "ftp://user:word@tsa.example/",
        ],
    )
    def test_an_address_that_is_none_is_refused_at_once(self, tsa: StampingAuthority, url: str) -> None:
        """Before anything is published, and without its password."""
        with pytest.raises(TimestampUrlError, match="write http://host/path") as refused:
            TimestampAuthority(url, tsa.anchors)

        assert "word" not in str(refused.value)

    def test_without_a_root_there_is_nothing_to_believe(self) -> None:
        """Any authority in the world would do."""
        with pytest.raises(TimestampUrlError, match="no root is given"):
            TimestampAuthority("http://tsa.example/", ())

    def test_a_password_in_the_address_stays_out_of_messages(self, tsa: StampingAuthority) -> None:
        """They end up in logs."""
        authority = TimestampAuthority("http://user:hunter2@127.0.0.1:9/tsr", tsa.anchors, timeout=0.2)

        with pytest.raises(TimestampAwayError) as refused:
            authority.stamp(DATA)

        assert "hunter2" not in str(refused.value)


class TestAnAuthorityInTrouble:
    """Each trouble is told apart; none of them hangs or is taken for a time-stamp."""

    def test_nobody_listens(self, tsa: StampingAuthority) -> None:
        """Trying again may help."""
        with tsa.serving() as running:
            url = running.url

        with pytest.raises(TimestampAwayError, match=r"cannot be asked .*Connection refused.*; try again"):
            TimestampAuthority(url, tsa.anchors, timeout=0.5).stamp(DATA)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(b"", hangs=True), r"cannot be asked .*timed out.*; try again"),
            (Answer(b"", trickles=True), r"was not done within 0\.6 seconds; try again"),
        ],
    )
    def test_one_that_hangs_or_trickles_is_left(
        self, tsa: StampingAuthority, answer: Answer, said: str
    ) -> None:
        """A byte now and then does not hold a publisher for ever."""
        with tsa.serving(lambda _: answer) as running, pytest.raises(TimestampAwayError, match=said):
            TimestampAuthority(running.url, tsa.anchors, timeout=0.2).stamp(DATA)

    def test_one_that_stays_overloaded(self, tsa: StampingAuthority) -> None:
        """It is asked three times, and never made to wait for as long as it says."""
        answer = Answer(b"", status=503, headers=(("Retry-After", "3600"),))

        with (
            tsa.serving(lambda _: answer) as running,
            pytest.raises(TimestampAwayError, match="answered 503"),
        ):
            TimestampAuthority(running.url, tsa.anchors, timeout=2).stamp(DATA)

        assert len(running.queries) == 3

    def test_one_that_does_not_know_the_policy_says_so(self, tsa: StampingAuthority, served: Served) -> None:
        """As openssl says it."""
        unknown = x509.ObjectIdentifier("1.2.3.4")

        with pytest.raises(TimestampDeclinedError, match=r"'rejection' \(unaccepted_policy"):
            TimestampAuthority(served.url, tsa.anchors, policy=unknown).stamp(DATA)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(b"no", status=404, kind="text/plain"), "answered 404; check the address"),
            (
                Answer(b"", status=302, headers=(("Location", "http://elsewhere.example/"),)),
                "answered 302 to 'http://elsewhere.example/'",
            ),
            (Answer(refusal("no such policy", "unaccepted_policy")), "unaccepted_policy, no such policy"),
            (Answer(refusal("a\nb\x1b[2J", "system_failure")), "system_failure, a.b..2J"),
        ],
    )
    def test_one_that_declines_says_why(self, tsa: StampingAuthority, answer: Answer, said: str) -> None:
        """In its own words, as far as they are printable."""
        with tsa.serving(lambda _: answer) as running, pytest.raises(TimestampDeclinedError, match=said):
            TimestampAuthority(running.url, tsa.anchors).stamp(DATA)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>Please log in</html>", kind="text/html"),
            Answer(b"<html>Please log in</html>"),
            Answer(b""),
            Answer(b"\x30\x05\x30\x03\x02\x01\x00"),
            Answer(bytes(MOST_BYTES + 1)),
        ],
        ids=["a page", "a page that claims to be a reply", "nothing", "no token", "a huge answer"],
    )
    def test_what_is_no_time_stamp(self, tsa: StampingAuthority, answer: Answer) -> None:
        """Told apart from a refusal by the authority itself."""
        with tsa.serving(lambda _: answer) as running, pytest.raises(TimestampMalformedError):
            TimestampAuthority(running.url, tsa.anchors).stamp(DATA)

    def test_an_answer_without_end_is_cut(self, tsa: StampingAuthority) -> None:
        """Where the token would end, however much is announced."""
        huge = Answer(bytes(50 * MOST_BYTES))

        with (
            tsa.serving(lambda _: huge) as running,
            pytest.raises(TimestampMalformedError, match="larger than"),
        ):
            TimestampAuthority(running.url, tsa.anchors).stamp(DATA)

    def test_the_answer_to_another_question(self, tsa: StampingAuthority) -> None:
        """An old token over the same data, played back; or one over other data."""
        old = Answer(tsa.reply(query_for(DATA)))

        with tsa.serving(lambda _: old) as running, pytest.raises(TimestampNonceError, match="Ask again"):
            TimestampAuthority(running.url, tsa.anchors).stamp(DATA)

        def other_data(query: bytes) -> Answer:
            return Answer(tsa.reply(query_for(b"other", nonce=nonce_in(query))))

        with tsa.serving(other_data) as running, pytest.raises(TimestampOtherDataError):
            TimestampAuthority(running.url, tsa.anchors).stamp(DATA)

    def test_no_thread_is_left_behind(self, tsa: StampingAuthority) -> None:
        """Once the server that hung has gone."""
        with (
            tsa.serving(lambda _: Answer(b"", hangs=True)) as running,
            pytest.raises(TimestampAwayError),
        ):
            TimestampAuthority(running.url, tsa.anchors, timeout=0.2).stamp(DATA)

        for thread in [one for one in threading.enumerate() if one.name == "timestamp"]:
            thread.join(timeout=10)
            assert not thread.is_alive()
