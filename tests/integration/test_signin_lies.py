"""A provider that lies, and answers that somebody tampered with: nobody gets in.

Each lie is told by a real provider on its way out, so that everything else about it is true.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from feedsrv.publishing.audit import verify_chain
from tests.oidc.desk import SignInDesk, local_part, whoami
from tests.oidc.running import (
    RealProvider,
    provider_fixture,
    query_of,
    running_fixture,
)

FIXTURES = (running_fixture, provider_fixture)  # where pytest finds them


# What is wrong with the token, and the code that says so.
BAD_TOKENS: Final[dict[str, tuple[dict[str, object], str]]] = {
    "not signed at all": ({"sign": "none"}, "signin.bad_token"),
    "signed with our own secret": ({"sign": "HS256"}, "signin.bad_token"),
    "signed with the public key as a secret": ({"sign": "HS256-public"}, "signin.bad_token"),
    "signed by a stranger under the provider's name for its key": ({"sign": "stranger"}, "signin.bad_token"),
    "signed by a key that nobody lists": ({"header": {"kid": "nobody's"}}, "signin.bad_token"),
    "signed by an algorithm that nobody knows": (
        {"sign": "none", "header": {"alg": "XX1"}},
        "signin.bad_token",
    ),
    "no token": ({"sign": "garbage"}, "signin.bad_token"),
    "made for another service": ({"claims": {"aud": "wiki"}}, "signin.bad_token"),
    "made for two services, and asked for by the other": (
        {"claims": {"aud": ["feedsrv", "wiki"], "azp": "wiki"}},
        "signin.bad_token",
    ),
    "made for nobody": ({"claims": {"aud": None}}, "signin.bad_token"),
    "made for an empty list": ({"claims": {"aud": []}}, "signin.bad_token"),
    "with the nonce of another sign-in": ({"claims": {"nonce": "another"}}, "signin.bad_token"),
    "without a nonce": ({"claims": {"nonce": None}}, "signin.bad_token"),
    "for another access token": ({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "signin.bad_token"),
    "of another issuer": ({"claims": {"iss": "https://evil.example"}}, "signin.other_issuer"),
    "of an issuer that differs by a slash": ({"claims": {"iss": "http://127.0.0.1/"}}, "signin.other_issuer"),
    "without an issuer": ({"claims": {"iss": None}}, "signin.other_issuer"),
    "expired": ({"claims": {"exp": 1_000_000_000}}, "signin.bad_token"),
    "without an end": ({"claims": {"exp": None}}, "signin.bad_token"),
    "with an end that is a word": ({"claims": {"exp": "never"}}, "signin.bad_token"),
    "with an end beyond every calendar": ({"claims": {"exp": 1e300}}, "signin.bad_token"),
    "made long ago": ({"claims": {"iat": 1_000_000_000}}, "signin.clocks_apart"),
    "made in the far future": ({"claims": {"iat": 4_000_000_000}}, "signin.clocks_apart"),
    "not valid yet": ({"claims": {"nbf": 4_000_000_000}}, "signin.bad_token"),
    "about nobody": ({"claims": {"sub": None}}, "signin.bad_token"),
    "about a number": ({"claims": {"sub": 7}}, "signin.bad_token"),
    "about an empty name": ({"claims": {"sub": ""}}, "signin.bad_token"),
    "about somebody with a very long name": ({"claims": {"sub": "x" * 300}}, "signin.bad_token"),
    "with groups that are a number": ({"claims": {"groups": 7}}, "signin.bad_token"),
    "with groups that are lists": ({"claims": {"groups": [["leads"]]}}, "signin.bad_token"),
}


class TestTokens:
    """ID tokens that prove nothing."""

    @pytest.mark.parametrize("flaw", BAD_TOKENS)
    def test_it_opens_nothing(self, provider: RealProvider, flaw: str) -> None:
        """A token is refused for what is wrong with it, and nobody is signed in or added."""
        order, code = BAD_TOKENS[flaw]
        provider.set(idToken=order)
        desk = SignInDesk(provider)

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code == 403
        assert code in answer.text
        assert whoami(client) is None
        assert desk.people.everybody() == ()

    def test_one_without_a_token_opens_nothing(self, provider: RealProvider) -> None:
        """An access token alone says nothing about who signed in."""
        provider.set(tokenAnswer={"id_token": None})
        desk = SignInDesk(provider)

        assert desk.sign_in(desk.client()).status_code == 403

    def test_a_list_of_algorithms_cannot_be_talked_down(self, provider: RealProvider) -> None:
        """A provider that offers `none` and HS256 is believed in neither."""
        offered = ["none", "HS256", "RS256"]
        provider.set(discovery={"id_token_signing_alg_values_supported": offered}, idToken={"sign": "HS256"})
        desk = SignInDesk(provider)

        answer = desk.sign_in(desk.client())

        assert answer.status_code == 403
        assert "only RS256 is accepted" in answer.text

    def test_a_secret_among_the_public_keys_is_no_key(self, provider: RealProvider) -> None:
        """A symmetric key that a key set gives away could be used by everybody."""
        words = '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k"}]}'
        provider.set(answers={"/jwks": {"body": words}})
        desk = SignInDesk(provider)

        assert desk.sign_in(desk.client()).status_code == 503


class TestUserinfo:
    """What the provider says beside the token."""

    def test_it_must_be_about_the_same_person(self, provider: RealProvider) -> None:
        """Another access token slipped in would bring somebody else's groups."""
        provider.set(userinfo={"sub": "ben", "groups": ["leads"]})
        desk = SignInDesk(provider)

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code == 403
        assert "signin.other_person" in answer.text
        assert whoami(client) is None

    def test_the_token_outweighs_it(self, provider: RealProvider) -> None:
        """What is signed is believed over what is not."""
        provider.set(idToken={"claims": {"groups": ["authors"]}}, userinfo={"groups": ["leads"]})
        desk = SignInDesk(provider)

        desk.sign_in(client := desk.client())

        found = whoami(client)
        assert found is not None
        assert found["roles"] == ["author"]

    def test_an_address_that_nobody_checked_is_not_kept(self, provider: RealProvider) -> None:
        """Anybody may type anybody's address into a profile."""
        provider.set(userinfo={"email_verified": False})
        desk = SignInDesk(provider)

        desk.sign_in(desk.client())

        assert desk.people.person("anna").email is None

    @pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u202eb", "x" * 500, "", 7, None, ["a"]])
    def test_a_hostile_name_is_refused_or_shown_as_text(self, provider: RealProvider, name: object) -> None:
        """Whatever stands in a profile, no page comes alive by it."""
        provider.set(userinfo={"preferred_username": name, "email": None, "name": name})
        desk = SignInDesk(provider)

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code in (303, 403)
        assert "<script>alert" not in answer.text + client.get("/account").text


class TestAnswers:
    """What the browser brings back."""

    def test_a_code_works_once(self, provider: RealProvider) -> None:
        """The same answer again, in the same browser, belongs to no sign-in under way."""
        desk = SignInDesk(provider)
        client = desk.client()
        back = local_part(desk.away(client))
        assert client.get(back).status_code == 303

        again = client.get(back)

        assert again.status_code == 403
        assert "signin.unknown_flow" in again.text

    def test_a_replayed_code_is_refused_by_the_provider_too(self, provider: RealProvider) -> None:
        """Even with the browser put back to how it was before, the code was used."""
        desk = SignInDesk(provider)
        client = desk.client()
        back = local_part(desk.away(client))
        before = client.get_cookie("__Host-feedsrv")
        assert before is not None
        assert client.get(back).status_code == 303
        replaying = desk.client()
        replaying.set_cookie("__Host-feedsrv", before.value, domain="localhost")

        again = replaying.get(back)

        assert again.status_code == 403
        assert "signin.code_refused" in again.text
        assert whoami(replaying) is None

    def test_nobody_is_signed_in_by_anothers_answer(self, provider: RealProvider) -> None:
        """Login CSRF: an attacker's answer in a victim's browser belongs to no question of theirs."""
        desk = SignInDesk(provider)
        attacker, victim = desk.client(), desk.client()
        bait = local_part(desk.away(attacker))
        victim.get("/signin/provider")

        answer = victim.get(bait)

        assert answer.status_code == 403
        assert whoami(victim) is None

    def test_a_code_of_another_browser_is_refused(self, provider: RealProvider) -> None:
        """With the state put right, PKCE still ties a code to the browser that asked for it."""
        desk = SignInDesk(provider)
        attacker, victim = desk.client(), desk.client()
        stolen = query_of(desk.away(victim))["code"]
        own = query_of(desk.away(attacker))

        answer = attacker.get("/signin/callback", query_string={**own, "code": stolen})

        assert answer.status_code == 403
        assert whoami(attacker) is None

    @pytest.mark.parametrize("iss", ["https://evil.example", "", "http://127.0.0.1"])
    def test_a_mixed_up_issuer_is_refused_before_the_code_is_shown_to_anybody(
        self, provider: RealProvider, iss: str
    ) -> None:
        """Mix-up: the answer of another provider is not exchanged at this one."""
        desk = SignInDesk(provider)
        client = desk.client()
        back = query_of(desk.away(client))

        answer = client.get("/signin/callback", query_string={**back, "iss": iss})

        assert answer.status_code == 403
        assert "signin.other_issuer" in answer.text
        assert "POST /token" not in provider.seen()

    def test_a_provider_that_names_itself_must_do_so_each_time(self, provider: RealProvider) -> None:
        """Where every answer says who it is from, one that does not is not from there."""
        provider.set(silentIss=True)
        desk = SignInDesk(provider)

        assert "signin.other_issuer" in desk.sign_in(desk.client()).text

    def test_one_that_never_names_itself_need_not(self, provider: RealProvider) -> None:
        """Older providers do not know the parameter."""
        provider.set(silentIss=True, discovery={"authorization_response_iss_parameter_supported": None})
        desk = SignInDesk(provider)

        assert desk.sign_in(desk.client()).status_code == 303

    def test_an_answer_after_ten_minutes_is_too_late(self, provider: RealProvider) -> None:
        """What was begun in the morning is not finished in the afternoon."""
        desk = SignInDesk(provider)
        client = desk.client()
        back = local_part(desk.away(client))
        desk.clock.by = timedelta(minutes=10)

        assert "signin.unknown_flow" in client.get(back).text

    def test_who_breaks_off_is_told_so_in_text(self, provider: RealProvider) -> None:
        """The provider's words are shown as words."""
        desk = SignInDesk(provider)
        client = desk.client()

        answer = client.get(local_part(desk.away(client, account="")))

        assert answer.status_code == 403
        assert "access_denied" in answer.text
        assert "<b>interaction</b>" not in answer.text

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"code": "x"},
            {"state": "x"},
            {"code": "x", "state": "x"},
            {"error": "login_required", "state": "x"},
            {"code": "x" * 100_000, "state": "x" * 100},
            {"code": "\r\nSet-Cookie: a=b", "state": "\r\nX: y"},
        ],
        ids=["nothing", "code", "state", "both", "error", "huge", "header splitting"],
    )
    def test_answers_to_nothing_are_refused(self, provider: RealProvider, query: dict[str, str]) -> None:
        """Whoever asked nothing is told to begin, and the provider is not troubled."""
        desk = SignInDesk(provider)

        answer = desk.client().get("/signin/callback", query_string=query)

        assert answer.status_code == 403
        assert provider.seen() == []

    def test_several_codes_are_not_picked_from(self, provider: RealProvider) -> None:
        """The first counts; a second one is nobody's."""
        desk = SignInDesk(provider)
        client = desk.client()
        back = local_part(desk.away(client))

        assert client.get(f"{back}&code=another&state=another").status_code == 303


class TestTheLog:
    """What an operator finds there."""

    def test_a_refusal_is_logged_with_its_cause(
        self, provider: RealProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line with the code, and neither the token nor our secret."""
        provider.set(idToken={"claims": {"aud": "wiki"}})
        desk = SignInDesk(provider)
        back = desk.away(client := desk.client())

        client.get(local_part(back))

        (line,) = [one for one in caplog.records if one.getMessage() == "signin.failed"]
        assert vars(line)["code"] == "signin.bad_token"
        assert "its aud is not ours" in vars(line)["reason"]
        assert query_of(back)["code"] not in caplog.text


class TestOurSide:
    """What an operator got wrong here."""

    def test_a_wrong_secret_is_our_operators_affair(self, provider: RealProvider) -> None:
        """People read that the fault lies here; the log says which setting."""
        desk = SignInDesk(provider, secret="wrong")  # noqa: S106 -- it is meant to be

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code == 500
        assert "wrong" not in answer.text
        assert whoami(client) is None

    def test_refusals_are_audited_without_secrets(self, provider: RealProvider) -> None:
        """Who tried, and why it came to nothing; no code, no token."""
        provider.set(accounts={"anna": {"preferred_username": "anna", "groups": []}})
        desk = SignInDesk(provider)
        client = desk.client()
        back = desk.away(client)

        client.get(local_part(back))

        with desk.store.look() as work:
            entries = work.audit.entries()
        assert [one.verb for one in entries] == ["sign-in-refused"]
        assert query_of(back)["code"] not in str(entries)
        assert verify_chain(entries).entries == 1
