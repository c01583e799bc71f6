"""A provider that is away, slow, or talks nonsense, and one by which nobody could sign in at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from tests.oidc.desk import SignInDesk, local_part, whoami
from tests.oidc.running import RealProvider, Visitor, provider_fixture, running_fixture, running_provider

FIXTURES = (running_fixture, provider_fixture)  # where pytest finds them
DISCOVERY: Final = "/.well-known/openid-configuration"


class TestAway:
    """A provider that does not answer, or not in time, or something else."""

    @pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token", "/me"])
    @pytest.mark.parametrize(
        "order",
        [
            {"status": 503},
            {"status": 502, "body": "<html>Bad gateway</html>", "headers": {"content-type": "text/html"}},
            {"status": 200, "body": "<html>Welcome to the hotel's network</html>"},
            {"status": 200, "body": "[]"},
            {"status": 200, "body": "null"},
            {"status": 200, "body": '{"a": '},
            {"status": 200, "body": ""},
            {"status": 404, "body": "{}"},
            {"status": 302, "headers": {"location": "https://evil.example/"}},
            {"status": 200, "size": 3_000_000},
            {"status": 200, "body": "[" * 100_000},
        ],
        ids=["503", "502", "hotel", "list", "null", "half", "empty", "404", "elsewhere", "huge", "deep"],
    )
    def test_nonsense_is_told_as_such(
        self, provider: RealProvider, path: str, order: dict[str, object]
    ) -> None:
        """Whichever of its addresses talks nonsense: 503, a page that says which, and nobody is in."""
        provider.set(answers={path: order})
        desk = SignInDesk(provider)

        client = desk.client()
        left = client.get("/signin/provider")
        answer = left if path == DISCOVERY else client.get(local_part(Visitor().go(left.location)))

        assert answer.status_code == 503
        assert "signin.provider_" in answer.text
        assert "evil.example" not in answer.text or "sends on to" in answer.text
        assert whoami(client) is None

    @pytest.mark.parametrize(
        "order", [{"delay": 30_000}, {"drip": 300}], ids=["no answer", "a byte now and then"]
    )
    def test_a_slow_provider_is_given_up(
        self, provider: RealProvider, order: dict[str, object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After five seconds, and here after one, the page says so; no thread waits for ever."""
        monkeypatch.setattr("feedsrv.web.signin.back_channel.SECONDS", 1.0)
        provider.set(answers={DISCOVERY: order})
        desk = SignInDesk(provider)

        answer = desk.client().get("/signin/provider")

        assert answer.status_code == 503
        assert "no answer in 1 seconds" in answer.text

    def test_nobody_waits_once_more_for_what_could_not_be_had(self, provider: RealProvider) -> None:
        """Many who try at once are told so together, and the provider is asked once; then tried again."""
        provider.set(answers={DISCOVERY: {"status": 503}})
        desk = SignInDesk(provider)

        statuses = [desk.client().get("/signin/provider").status_code for _ in range(5)]
        asked = provider.seen().count(f"GET {DISCOVERY}")
        provider.set(answers={})
        desk.clock.by = timedelta(seconds=6)

        assert (statuses, asked) == ([503] * 5, 1)
        assert desk.sign_in(desk.client()).status_code == 303

    def test_one_that_is_not_there_is_told_as_such(self) -> None:
        """Nobody listens: a page says that it cannot be reached."""
        with running_provider() as gone:
            desk = SignInDesk(gone)

        answer = desk.client().get("/signin/provider")

        assert answer.status_code == 503
        assert "cannot be reached (no connection)" in answer.text

    @pytest.mark.parametrize("hours", [-3, 3])
    def test_clocks_that_disagree_are_named(self, provider: RealProvider, hours: int) -> None:
        """An operator reads by how many seconds, and is not sent looking for keys."""
        desk = SignInDesk(provider)
        desk.clock.by = timedelta(hours=hours)

        answer = desk.sign_in(desk.client())

        assert answer.status_code == 403
        assert "signin.clocks_apart" in answer.text
        assert f"{'ahead of' if hours < 0 else 'behind'} ours" in answer.text


class TestUnfit:
    """A provider whose description nobody could sign in by."""

    @pytest.mark.parametrize(
        "words",
        [
            {"issuer": "https://evil.example"},
            {"issuer": None},
            {"authorization_endpoint": "http://evil.example/auth"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"token_endpoint": "http://evil.example/token"},
            {"token_endpoint": None},
            {"jwks_uri": "file:///etc/passwd"},
            {"userinfo_endpoint": "ftp://127.0.0.1/me"},
            {"id_token_signing_alg_values_supported": ["none", "HS256"]},
            {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
            {"authorization_endpoint": "https://[evil/"},
        ],
        ids=lambda words: str(next(iter(words.items())))[:60],
    )
    def test_nobody_is_sent_there(self, provider: RealProvider, words: dict[str, object]) -> None:
        """The browser stays here, and the secret too; the log says what to change."""
        provider.set(discovery=words)
        desk = SignInDesk(provider)

        answer = desk.client().get("/signin/provider")

        assert answer.status_code in (500, 503)
        assert "Location" not in answer.headers

    def test_a_provider_that_says_nothing_of_pkce_is_asked_by_it_all_the_same(
        self, provider: RealProvider
    ) -> None:
        """Some know it and do not say so; to the others it is a parameter more."""
        provider.set(discovery={"code_challenge_methods_supported": None})
        desk = SignInDesk(provider)

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code == 303
        assert whoami(client) is not None
