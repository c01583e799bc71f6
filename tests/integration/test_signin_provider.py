"""Signing in by OpenID Connect, with a real and honest provider."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.clock import now
from feedsrv.web.signin.protection import COOKIE
from tests.oidc.desk import OPERATOR, SignInDesk, local_part, sign_out, whoami
from tests.oidc.running import RealProvider, Visitor, provider_fixture, query_of, running_fixture

FIXTURES = (running_fixture, provider_fixture)  # where pytest finds them

ANNA = {"preferred_username": "anna", "name": "Anna Ahlgren", "email": "anna@example.com"}
BEN = {"preferred_username": "ben", "name": "Ben Bok", "email": "ben@example.com", "groups": ["leads"]}


class TestComingIn:
    """The way in, when everything is as it should be."""

    def test_a_first_sign_in_adds_the_person_with_the_roles_of_their_groups(
        self, provider: RealProvider
    ) -> None:
        """Nobody prepares anything here: the provider's groups say what a person may do."""
        desk = SignInDesk(provider)
        client = desk.client()

        answer = desk.sign_in(client, onward="/mitigations?stage=draft")

        assert (answer.status_code, answer.location) == (303, "/mitigations?stage=draft")
        found = whoami(client)
        assert found is not None
        assert (found["name"], found["roles"], found["via"]) == ("anna", ["author"], "console")
        person = desk.people.person("anna")
        assert (person.shown, person.email) == ("Anna Ahlgren", "anna@example.com")
        assert person.subject == f"{provider.issuer} anna"

    def test_claims_may_stand_in_the_token_itself(self, provider: RealProvider) -> None:
        """Some providers put everything into the token; then nothing more is asked of them."""
        provider.set(brief=False)
        desk = SignInDesk(provider)

        desk.sign_in(client := desk.client())

        assert whoami(client) is not None
        assert "GET /me" not in provider.seen()

    def test_groups_decide_anew_at_every_sign_in(self, provider: RealProvider) -> None:
        """Who left a group there has its role no longer here."""
        desk = SignInDesk(provider)
        desk.sign_in(desk.client())
        provider.set(accounts={"anna": {**ANNA, "groups": ["leads", "a choir"]}})

        desk.sign_in(client := desk.client())

        found = whoami(client)
        assert found is not None
        assert found["roles"] == ["publisher", "reviewer"]

    def test_a_group_that_comes_as_a_text_is_one_group(self, provider: RealProvider) -> None:
        """Some providers write a list of one so; words within a name are no groups of their own."""
        desk = SignInDesk(provider)
        provider.set(accounts={"anna": {**ANNA, "groups": "authors"}})
        desk.sign_in(author := desk.client())
        provider.set(accounts={"ben": {**BEN, "groups": "friends of the leads"}})
        desk.sign_in(nobody := desk.client(), account="ben")

        found = whoami(author)

        assert found is not None
        assert (found["roles"], whoami(nobody)) == (["author"], None)

    def test_nobody_comes_in_without_a_role(self, provider: RealProvider) -> None:
        """The organisation is large; the desk is for those whose groups say so."""
        provider.set(accounts={"anna": {**ANNA, "groups": ["a choir"]}})
        desk = SignInDesk(provider)

        answer = desk.sign_in(client := desk.client())

        assert answer.status_code == 403
        assert "FEEDSRV_OIDC_ROLES" in answer.text
        assert whoami(client) is None

    def test_the_request_asks_for_a_code_with_pkce_state_and_nonce(self, provider: RealProvider) -> None:
        """What leaves here proves, when it comes back, that this browser and this service asked."""
        desk = SignInDesk(provider)

        left = [desk.client().get("/signin/provider").location for _ in range(2)]

        asked = [query_of(one) for one in left]
        for one in asked:
            assert one["response_type"] == "code"
            assert one["code_challenge_method"] == "S256"
            assert one["redirect_uri"] == "http://localhost/signin/callback"
            assert min(len(one[name]) for name in ("state", "nonce", "code_challenge")) >= 43
        for name in ("state", "nonce", "code_challenge"):
            assert asked[0][name] != asked[1][name]

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
    def test_the_secret_is_shown_as_the_provider_wants_it(self, provider: RealProvider, method: str) -> None:
        """An operator need not know how; a secret with strange letters arrives whole."""
        provider.set(method=method)
        desk = SignInDesk(provider)

        desk.sign_in(client := desk.client())

        assert whoami(client) is not None

    def test_two_windows_may_ask_and_the_first_answer_counts(self, provider: RealProvider) -> None:
        """Each answer belongs to its own question; once somebody is in, older questions are over."""
        desk = SignInDesk(provider)
        client = desk.client()
        first = desk.away(client, onward="/first")
        second = desk.away(client, onward="/second")

        answers = [client.get(local_part(one)) for one in (second, first)]

        assert (answers[0].status_code, answers[0].location) == (303, "/second")
        assert answers[1].status_code == 403
        assert "signin.unknown_flow" in answers[1].text
        assert whoami(client) is not None

    def test_who_is_signed_in_is_sent_on_at_once(self, provider: RealProvider) -> None:
        """Opening the sign-in page again asks nothing."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())

        answer = client.get("/signin?next=/feeds")

        assert (answer.status_code, answer.location) == (303, "/feeds")


class TestKeys:
    """The provider changes its keys whenever it likes."""

    def test_new_keys_are_fetched_behind_the_scenes(self, provider: RealProvider) -> None:
        """A sign-in under an unknown key asks for the keys once more, and works."""
        desk = SignInDesk(provider)
        desk.sign_in(desk.client())
        provider.rotate()
        desk.clock.by = timedelta(seconds=31)

        desk.sign_in(client := desk.client())

        assert whoami(client) is not None
        assert provider.seen().count("GET /jwks") == 2

    def test_forged_tokens_do_not_make_us_ask_at_will(self, provider: RealProvider) -> None:
        """Keys are asked for once in half a minute at most, however many unknown keys are named."""
        desk = SignInDesk(provider)
        desk.sign_in(desk.client())
        provider.set(idToken={"header": {"kid": "nobody's"}})

        for _ in range(3):
            assert desk.sign_in(desk.client()).status_code == 403

        assert provider.seen().count("GET /jwks") <= 2

    def test_what_it_says_of_itself_is_kept_for_an_hour(self, provider: RealProvider) -> None:
        """Not every sign-in asks for everything."""
        desk = SignInDesk(provider)
        for _ in range(3):
            desk.sign_in(desk.client())
        asked = provider.seen().count("GET /.well-known/openid-configuration")

        desk.clock.by = timedelta(hours=1, seconds=5)
        desk.client().get("/signin/provider")

        assert asked == 1
        assert provider.seen().count("GET /.well-known/openid-configuration") == 2

    def test_a_provider_that_is_away_for_a_moment_is_remembered(self, provider: RealProvider) -> None:
        """When its description is to be fetched anew and cannot be, the old one serves on."""
        desk = SignInDesk(provider)
        desk.sign_in(desk.client())
        provider.set(answers={"/.well-known/openid-configuration": {"status": 502}})
        desk.clock.by = timedelta(hours=2)

        answer = desk.client().get("/signin/provider")

        assert answer.location.startswith(f"{provider.issuer}/auth?")


class TestOnceMore:
    """Proving again who one is, before something that matters."""

    def test_an_old_session_at_the_provider_proves_nothing_fresh(self, provider: RealProvider) -> None:
        """Coming in by a session of yesterday is signed in, but not fresh."""
        desk = SignInDesk(provider)

        desk.sign_in(client := desk.client())

        found = whoami(client)
        assert found is not None
        assert found["fresh"] is False

    def test_signing_in_again_is_fresh_with_a_new_secret(self, provider: RealProvider) -> None:
        """The provider is told to ask anew, and says when it did; the cookie of before is worth nothing."""
        desk = SignInDesk(provider)
        visitor, client = Visitor(), desk.client()
        client.get(local_part(desk.away(client, visitor=visitor)))
        before = client.get_cookie(COOKIE)
        assert before is not None

        back = desk.away(client, visitor=visitor, path="/signin/again", onward="/mitigations/M0001")
        answer = client.get(local_part(back))

        assert answer.location == "/mitigations/M0001"
        found = whoami(client)
        assert found is not None
        assert found["fresh"] is True
        client.set_cookie(COOKIE, before.value, domain="localhost")
        assert whoami(client) is None

    def test_the_provider_is_told_to_ask(self, provider: RealProvider) -> None:
        """`prompt=login` and `max_age=0`: a session there is not enough."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())

        left = client.get(client.get("/signin/again?next=/publish").location)

        asked = query_of(left.location)
        assert (asked["prompt"], asked["max_age"]) == ("login", "0")

    def test_another_person_cannot_confirm(self, provider: RealProvider) -> None:
        """Who comes back as somebody else changes nothing; the one who was signed in still is."""
        provider.set(accounts={"anna": {**ANNA, "groups": ["authors"]}, "ben": BEN})
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())

        back = desk.away(client, account="ben", path="/signin/again")
        answer = client.get(local_part(back))

        assert answer.status_code == 403
        assert "access.another_person" in answer.text
        found = whoami(client)
        assert found is not None
        assert (found["name"], found["fresh"]) == ("anna", False)

    @pytest.mark.parametrize(
        "claims", [{"auth_time": None}, {"auth_time": 1_000_000_000}, {"auth_time": "just now"}]
    )
    def test_a_provider_that_did_not_ask_is_found_out(
        self, provider: RealProvider, claims: dict[str, object]
    ) -> None:
        """Without `auth_time`, or with an old one, nobody was asked again, whatever was requested."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())
        provider.set(idToken={"claims": claims})

        back = desk.away(client, path="/signin/again")
        answer = client.get(local_part(back))

        assert answer.status_code == 403
        found = whoami(client)
        assert found is not None
        assert found["fresh"] is False

    def test_a_session_that_says_when_it_began_is_fresh_from_then(self, provider: RealProvider) -> None:
        """Who signed in at the provider three minutes ago need not do it again here."""
        seconds = int(now().timestamp()) - 180
        provider.set(idToken={"claims": {"auth_time": seconds}})
        desk = SignInDesk(provider)

        desk.sign_in(client := desk.client())
        fresh = whoami(client)
        desk.clock.by = timedelta(minutes=8)
        later = whoami(client)

        assert fresh is not None
        assert later is not None
        assert (fresh["fresh"], later["fresh"]) == (True, False)


class TestGoing:
    """Signing out, here and there."""

    def test_signing_out_ends_it_for_a_stolen_cookie_too(self, provider: RealProvider) -> None:
        """A copy of the cookie opens nothing any more."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())
        stolen = client.get_cookie(COOKIE)
        assert stolen is not None
        thief = desk.client()
        thief.set_cookie(COOKIE, stolen.value, domain="localhost")
        assert whoami(thief) is not None

        answer = sign_out(client)

        assert answer.location == "/signin?out=1"
        assert whoami(client) is None
        assert whoami(thief) is None

    def test_the_way_out_of_the_provider_is_shown(self, provider: RealProvider) -> None:
        """Whoever shares a browser is told that the provider still knows them."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())

        page = client.get(sign_out(client).location)

        assert f"{provider.issuer}/session/end?client_id=feedsrv" in page.text

    def test_a_removed_person_is_out_at_once(self, provider: RealProvider) -> None:
        """Their cookie opens nothing, and signing in again neither."""
        desk = SignInDesk(provider)
        desk.sign_in(client := desk.client())
        assert whoami(client) is not None

        desk.people.remove("anna", by=OPERATOR)

        assert whoami(client) is None
        assert desk.sign_in(desk.client()).status_code == 403
