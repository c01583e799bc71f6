from __future__ import annotations

import hmac
import json
import threading
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Role
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from feedsrv.wiring import posting
from feedsrv.wiring.sending import RETRIES
from tests.people import AT, Office
from tests.posting import HERE, OLD_KEY, Post
from tests.receiver import NAME, Receiver, certificate_for


class TestSending:
    """A notice reaches a program."""

    def test_it_is_signed_so_that_the_receiver_can_check_it(self, post: Post, receiver: Receiver) -> None:
        """As Standard Webhooks has it, by every key that is still believed; JSON, and nothing secret."""
        post.add(receiver.url())
        notice = post.tell()

        post.send()

        [got] = receiver.received
        assert got.path == "/hook?team=1"
        assert got.headers["content-type"] == "application/json"
        assert json.loads(got.body) == {
            "type": "mitigation.published",
            "timestamp": to_text(AT),
            "data": {
                "number": notice.number,
                "weight": "plain",
                "subject": "M0001 revision 1",
                "by": "anna",
                "sentence": "Änna published it.",
            },
        }
        secret = post.desk.secret_of(1, by=post.office.boss)
        shared = b64decode(secret.removeprefix("whsec_"))
        said = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
        expected = b64encode(hmac.new(shared, said, sha256).digest()).decode()
        older = b64encode(hmac.new(OLD_KEY, said, sha256).digest()).decode()
        assert got.headers["webhook-signature"] == f"v1,{expected} v1,{older}"
        assert int(got.headers["webhook-timestamp"]) == int(AT.timestamp())
        made = post.delivery(notice)
        assert made is not None
        assert (made.attempts, made.next_at, made.done_at) == (1, None, AT)
        assert made.outcome.startswith("answered 204")

    def test_each_is_sent_what_it_asked_for_once_and_in_order(self, post: Post, receiver: Receiver) -> None:
        """However often it is looked whether something is due."""
        post.add(receiver.url(), "mitigation.published", "key.revoked")
        post.tell("mitigation.published")
        post.tell("mitigation.approved")
        post.tell("key.revoked")

        for _ in range(3):
            post.send()

        assert [json.loads(one.body)["type"] for one in receiver.received] == [
            "mitigation.published",
            "key.revoked",
        ]

    def test_two_processes_at_once_send_each_notice_once(self, receiver: Receiver, tmp_path: Path) -> None:
        """The keeper, and another one that was started by mistake."""
        url = f"sqlite:///{tmp_path}/feedsrv.db"
        upgrade(url)
        stores = [SqlStore(open_database(url)) for _ in range(2)]
        post = Post(Office(store=stores[0]))
        other = Post(Office(store=stores[1]))
        post.office.add("anna", Role.ADMINISTRATOR)
        post.add(receiver.url())
        told = [post.tell().number for _ in range(12)]

        together = [threading.Thread(target=one.send) for one in (post, other)]
        for one in together:
            one.start()
        for one in together:
            one.join()
        for store in stores:
            store.close()

        sent = [json.loads(one.body)["data"]["number"] for one in receiver.received]
        assert sorted(sent) == told

    def test_one_that_is_tried_is_sent_that_at_once(self, post: Post, receiver: Receiver) -> None:
        """And others are not."""
        post.add(receiver.url())
        post.add(receiver.url())
        notice = post.desk.try_webhook(2, by=post.office.boss)

        assert post.sending.send_one(2, notice.number)
        assert not post.sending.send_one(2, notice.number)
        post.send()

        assert [json.loads(one.body)["type"] for one in receiver.received] == ["webhook.test"]

    def test_tls_is_for_the_name_though_the_address_is_what_was_judged(
        self, post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The certificate must be for the name, by an authority that is trusted."""
        context, file = certificate_for(tmp_path)
        with Receiver().serving(tls=context) as receiver:
            post.add(receiver.url(NAME, scheme="https"))
            post.add(receiver.url("else.example.org", scheme="https"))
            stranger = post.tell()
            posting._context.cache_clear()
            post.send()
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
            posting._context.cache_clear()
            post.office.later(hours=1)
            post.send()
            posting._context.cache_clear()

            right, wrong = post.delivery(stranger, 1), post.delivery(stranger, 2)
            assert right is not None
            assert wrong is not None
            assert (right.attempts, right.outcome[:12]) == (2, "answered 204")
            assert wrong.outcome.startswith("TLS: ")
            assert "else.example.org" in wrong.outcome
            assert [one.headers["host"] for one in receiver.received] == [f"{NAME}:{receiver.port}"]


class TestWhereItGoes:
    """To the address that was judged, and nowhere else."""

    def test_a_name_is_resolved_once_and_what_was_judged_is_connected_to(
        self, post: Post, receiver: Receiver
    ) -> None:
        """The name does not exist: only the judged address can have been used."""
        post.add(receiver.url("rebinding.invalid"))
        post.tell()
        post.asked.clear()

        post.send()

        assert post.asked == ["rebinding.invalid"]
        assert [one.headers["host"] for one in receiver.received] == [f"rebinding.invalid:{receiver.port}"]

    def test_a_name_that_leads_inside_later_is_refused_then(self, post: Post, receiver: Receiver) -> None:
        """It was judged when it was added; it is judged again at each sending."""
        post.networks = HERE
        post.add(receiver.url("rebinding.invalid"))
        notice = post.tell()
        post.networks = ()

        post.send()

        assert receiver.received == []
        made = post.delivery(notice)
        assert made is not None
        assert made.outcome.startswith("[webhook.forbidden_address]")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, post: Post, receiver: Receiver, status: int) -> None:
        """They lead where nobody judged."""
        with Receiver().serving() as inside:
            receiver.status, receiver.location = status, inside.url()
            post.add(receiver.url())
            notice = post.tell()

            post.send()

            assert len(receiver.received) == 1
            assert inside.received == []
        made = post.delivery(notice)
        assert made is not None
        assert made.outcome == f"answered {status}: redirects are not followed"
        assert made.next_at == AT + RETRIES[0]

    def test_proxies_of_the_environment_are_not_asked(
        self, post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They would resolve the name once more, and connect to whatever that gives."""
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        post.add(receiver.url())
        post.tell()

        post.send()

        assert len(receiver.received) == 1
