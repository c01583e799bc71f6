from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import (
    AnotherPersonError,
    BadClaimsError,
    NoRoleError,
    RemovedPersonError,
    SameHumanError,
    SignInEndedError,
    TakenNameError,
)
from feedsrv.publishing.people_records import Claims, Principal
from tests.people import AT, BROWSER, ISSUER, Office, claims

AUTHOR = Role.AUTHOR
REVIEWER = Role.REVIEWER


@pytest.fixture
def office() -> Office:
    """An office with one administrator, anna, who has an account here."""
    made = Office()
    made.add("anna", Role.ADMINISTRATOR, email="anna@example.org")
    return made


def enter(office: Office, said: Claims) -> Principal:
    """Sign in by the provider."""
    secret, _ = office.desk.sign_in_provider(said, browser=BROWSER)
    found = office.desk.recognise(secret)
    assert found is not None
    return found


class TestAFirstSignIn:
    """Somebody comes from the provider who was never here."""

    def test_it_adds_them_with_what_the_provider_says(self, office: Office) -> None:
        """Under the name that the provider gives; everybody is told."""
        found = enter(office, claims("carla", AUTHOR, shown="Carla  C."))

        carla = office.person("carla")
        assert found.roles == {AUTHOR}
        assert (carla.shown, carla.email, carla.by) == ("Carla C.", "carla@example.org", ISSUER)
        assert carla.subject == f"{ISSUER} subject-of-carla"
        assert office.acts()[-2:] == ["carla person-add carla", "carla sign-in carla"]
        assert office.told()[-1] == "person.added carla"

    def test_without_a_role_nobody_is_added(self, office: Office) -> None:
        """The refusal is written down, with the account that was refused."""
        with pytest.raises(NoRoleError):
            enter(office, claims("carla"))

        assert [one.name for one in office.desk.everybody()] == ["anna"]
        assert office.acts()[-1] == "nobody sign-in-refused carla"
        assert office.entries()[-1].detail["subject"] == f"{ISSUER} subject-of-carla"

    @pytest.mark.parametrize("name", ["anna", " ANNA "])
    def test_a_taken_name_is_never_shared(self, office: Office, name: str) -> None:
        """Whoever chooses their own name at the provider does not become an administrator here."""
        with pytest.raises(TakenNameError, match="feedsrv user link") as refusal:
            enter(office, claims(name, AUTHOR, subject="thief", email=None))

        assert f"'{ISSUER} thief'" in str(refusal.value)
        assert office.person("anna").subject is None
        assert office.person("anna").roles == {Role.ADMINISTRATOR}

    @pytest.mark.parametrize("email", ["anna@example.org", "Anna+two@EXAMPLE.org"])
    def test_one_human_with_two_accounts_stays_one(self, office: Office, email: str) -> None:
        """Somebody who works here already has that address: they could review their own words."""
        with pytest.raises(SameHumanError, match="feedsrv user link anna"):
            enter(office, claims("a.liddell", REVIEWER, email=email))

        assert [one.name for one in office.desk.everybody()] == ["anna"]

    def test_two_accounts_at_the_provider_are_known_by_their_address_too(self, office: Office) -> None:
        """Also where the first one was removed here."""
        enter(office, claims("carla", AUTHOR))
        office.desk.remove("carla", by=office.boss)

        with pytest.raises(SameHumanError):
            enter(office, claims("carla-admin", REVIEWER, email="carla@example.org"))

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": ""},
            {"name": "x" * 65},
            {"name": "carla\u202e"},
            {"name": "keeper"},
            {"subject": ""},
            {"subject": "x" * 256},
            {"subject": "a\nb"},
            {"subject": "\u00e9"},
            {"issuer": ""},
            {"issuer": "https://id.example.org x"},
            {"provider_session": "x" * 256},
            {"provider_session": "a\x00b"},
        ],
    )
    def test_claims_that_cannot_be_kept_are_refused(self, office: Office, changes: dict[str, object]) -> None:
        """Nobody is added, nobody is signed in."""
        with pytest.raises(BadClaimsError):
            enter(office, replace(claims("carla", AUTHOR), **changes))  # type: ignore[arg-type]

        assert [one.name for one in office.desk.everybody()] == ["anna"]

    @pytest.mark.parametrize("shown", ["", "\u202eoops", "x" * 5000])
    def test_how_somebody_is_called_keeps_nobody_out(self, office: Office, shown: str) -> None:
        """What cannot be shown is left out."""
        enter(office, claims("carla", AUTHOR, shown=shown, email="no address"))

        carla = office.person("carla")
        assert carla.shown in {"carla", "x" * 120}
        assert carla.email is None

    def test_two_at_once_add_one_person(self, office: Office) -> None:
        """Somebody who opens two windows is not two people, and neither is refused."""
        enters = [Thread(target=enter, args=(office, claims("carla", AUTHOR))) for _ in range(6)]

        for one in enters:
            one.start()
        for one in enters:
            one.join()

        assert [one.name for one in office.desk.everybody()] == ["anna", "carla"]
        assert len(office.desk.sign_ins_of("carla")) == 6
        assert office.told().count("person.added carla") == 1


class TestALaterSignIn:
    """Somebody comes again."""

    def test_name_and_roles_follow_the_provider_and_who_they_are_does_not(self, office: Office) -> None:
        """Renamed at the provider, they are the same person in the log and in four eyes."""
        enter(office, claims("carla", AUTHOR))
        said = claims("renamed", REVIEWER, subject="subject-of-carla", email="new@example.org", shown="Neu")

        found = enter(office, said)

        assert found.name == "carla"
        assert found.roles == {REVIEWER}
        carla = office.person("carla")
        assert (carla.shown, carla.email) == ("Neu", "new@example.org")
        assert "carla person-roles carla" in office.acts()
        assert office.told()[-1] == "person.roles carla"

    @pytest.mark.parametrize("groups", [(), (AUTHOR,)])
    def test_a_role_that_the_provider_took_away_is_gone_from_tokens_too(
        self, office: Office, groups: Iterable[Role]
    ) -> None:
        """Even where the sign-in that says so is refused."""
        carla = enter(office, claims("carla", AUTHOR, REVIEWER))
        secret, _ = office.desk.make_token(
            name="ci", scope=[AUTHOR, REVIEWER], ends=AT + timedelta(days=1), by=carla
        )

        if groups:
            enter(office, claims("carla", *groups))
            token = office.desk.recognise_token(secret)
            assert token is not None
            assert token.roles == {AUTHOR}
        else:
            with pytest.raises(NoRoleError):
                enter(office, claims("carla"))
            with pytest.raises(NoRoleError):
                office.desk.recognise_token(secret)

    def test_an_address_that_became_somebody_elses_is_refused(self, office: Office) -> None:
        """Two accounts that turn out to be one human's; roles that were taken stay taken."""
        enter(office, claims("carla", AUTHOR, REVIEWER))

        with pytest.raises(SameHumanError):
            enter(office, claims("carla", AUTHOR, email="anna@example.org"))

        assert office.person("carla").roles == {AUTHOR}
        assert office.person("carla").email == "carla@example.org"

    def test_whoever_was_removed_is_told_so(self, office: Office) -> None:
        """The provider vouches for them; they are not wanted here."""
        enter(office, claims("carla", AUTHOR))
        office.desk.remove("carla", by=office.boss)

        with pytest.raises(RemovedPersonError):
            enter(office, claims("carla", AUTHOR))

        assert office.desk.sign_ins_of("carla") == ()

    @pytest.mark.parametrize("minutes", [-90, 0, 90])
    def test_a_session_at_the_provider_proves_nothing_fresh(self, office: Office, minutes: int) -> None:
        """Fresh is what the person did; and never later than now, whatever the provider's clock says."""
        proven = AT + timedelta(minutes=minutes)

        found = enter(office, claims("carla", AUTHOR, authenticated_at=proven))

        assert found.fresh_at == min(AT, proven)


class TestConfirmingByTheProvider:
    """Proving once more who is signed in."""

    def test_the_same_person_gets_a_new_secret(self, office: Office) -> None:
        """And the old one ends."""
        secret, _ = office.desk.sign_in_provider(claims("carla", AUTHOR), browser=BROWSER)
        office.later(minutes=30)
        said = claims("carla", AUTHOR, authenticated_at=office.at)

        renewed, begun = office.desk.confirm_provider(secret, said, browser=BROWSER)

        assert begun.fresh_at == office.at
        assert office.desk.recognise(secret) is None
        assert office.desk.recognise(renewed) is not None

    def test_somebody_else_changes_nothing(self, office: Office) -> None:
        """Neither for them nor for whoever is signed in; it is written down."""
        secret, _ = office.desk.sign_in_provider(claims("carla", AUTHOR), browser=BROWSER)
        people = office.desk.everybody()

        with pytest.raises(AnotherPersonError):
            office.desk.confirm_provider(secret, claims("dora", REVIEWER), browser=BROWSER)

        assert office.desk.recognise(secret) is not None
        assert office.desk.everybody() == people
        assert office.entries()[-1].detail["why"] == "access.another_person"

    def test_an_ended_sign_in_is_not_confirmed(self, office: Office) -> None:
        """They sign in anew."""
        secret, _ = office.desk.sign_in_provider(claims("carla", AUTHOR), browser=BROWSER)
        office.desk.sign_out(secret)

        with pytest.raises(SignInEndedError):
            office.desk.confirm_provider(secret, claims("carla", AUTHOR), browser=BROWSER)

    def test_whoever_lost_every_role_is_out(self, office: Office) -> None:
        """The old sign-in ends with what it found."""
        secret, _ = office.desk.sign_in_provider(claims("carla", AUTHOR), browser=BROWSER)

        with pytest.raises(NoRoleError):
            office.desk.confirm_provider(secret, claims("carla"), browser=BROWSER)

        assert office.desk.recognise(secret) is None
