from __future__ import annotations

from collections.abc import Callable

import pytest

from feedsrv.errors import BadInputError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import (
    BadEmailError,
    BadShownNameError,
    ByProviderError,
    LastAdministratorError,
    NoLocalAccountsError,
    RemovedPersonError,
    ReservedNameError,
    SameHumanError,
    TakenNameError,
    WeakPasswordError,
    WrongPasswordError,
)
from feedsrv.publishing.people_records import COMMAND_LINE, Principal
from feedsrv.publishing.permits import MissingRoleError, UnknownPersonError
from feedsrv.publishing.refusals import BadNameError
from tests.people import AT, GOOD, ISSUER, ROOT, Office, claims

ADMINISTRATOR = Role.ADMINISTRATOR
AUTHOR = Role.AUTHOR
REVIEWER = Role.REVIEWER


@pytest.fixture
def office() -> Office:
    """An office with one administrator, anna."""
    made = Office()
    made.add("anna", ADMINISTRATOR)
    return made


class TestAdding:
    """Who may be added, by whom, and under which name."""

    def test_the_first_administrator_is_added_at_the_command_line(self) -> None:
        """Nobody could be asked for a role before there is anybody."""
        office = Office()

        added = office.desk.add("anna", roles=[ADMINISTRATOR], password=GOOD, by=ROOT)

        assert office.person("Anna ") == added
        assert office.acts() == ["root person-add anna"]
        assert office.entries()[0].detail == {
            "roles": "administrator",
            "via": "command line (account root)",
        }
        assert office.told() == ["person.added anna"]

    def test_from_then_on_the_role_is_asked_for_by_every_door(self, office: Office) -> None:
        """Also at the command line."""
        ben = office.add("ben", AUTHOR)
        at_shell = Principal("ben", frozenset({AUTHOR}), COMMAND_LINE)

        for by in (ben, at_shell):
            with pytest.raises(MissingRoleError):
                office.desk.add("carla", roles=[], password=None, by=by)

        assert [one.name for one in office.desk.everybody()] == ["anna", "ben"]

    def test_a_role_that_was_taken_away_meanwhile_no_longer_counts(self, office: Office) -> None:
        """What a request began with is looked at anew when it acts."""
        ben = office.add("ben", ADMINISTRATOR)
        office.desk.change_roles("ben", [AUTHOR], by=office.boss)

        with pytest.raises(MissingRoleError):
            office.desk.add("carla", roles=[], password=None, by=ben)

    def test_whoever_was_removed_meanwhile_can_do_nothing_any_more(self, office: Office) -> None:
        """In the middle of a request, too."""
        ben = office.add("ben", ADMINISTRATOR)
        office.desk.remove("ben", by=office.boss)

        with pytest.raises(UnknownPersonError):
            office.desk.add("carla", roles=[], password=None, by=ben)

    @pytest.mark.parametrize("name", ["Anna", "ANNA ", "\uff41nna"])
    def test_no_name_is_given_twice_however_it_is_typed(self, office: Office, name: str) -> None:
        """Not even after its person was removed."""
        ben = office.add("ben", ADMINISTRATOR)
        office.desk.remove("anna", by=ben)

        with pytest.raises(TakenNameError):
            office.desk.add(name, roles=[], password=None, by=ben)

    @pytest.mark.parametrize(
        ("name", "refusal"),
        [
            ("", BadNameError),
            ("x" * 65, BadNameError),
            ("an\u202ena", BadNameError),
            ("anna\nroot", BadNameError),
            ("\u0430nna", BadNameError),
            ("anna/ben", BadNameError),
            ("..", BadNameError),
            ("new", BadNameError),
            ("Keeper", ReservedNameError),
            ("feedsrv", ReservedNameError),
            ("nobody", ReservedNameError),
        ],
    )
    def test_names_that_deceive_are_refused(
        self, office: Office, name: str, refusal: type[BadInputError]
    ) -> None:
        """Invisible, mixed from scripts that look alike, or those of programs of ours."""
        with pytest.raises(refusal):
            office.desk.add(name, roles=[], password=None, by=office.boss)

    @pytest.mark.parametrize(
        "password",
        [
            "",
            "elevenchars",
            "x" * 257,
            "benbenbenben",
            "Ben Ben Ben Ben",
            "bennett-12345",
            "password1234",
            "Qwertyuiop 123",
            "aabbaabbaabbaabb",
        ],
    )
    def test_weak_passwords_are_refused(self, office: Office, password: str) -> None:
        """Short, endless, made of the name or of what everybody tries; nobody is added."""
        with pytest.raises(WeakPasswordError) as refusal:
            office.desk.add("bennett", roles=[], password=password, by=office.boss)

        assert not password or password not in str(refusal.value)
        assert len(office.desk.everybody()) == 1

    @pytest.mark.parametrize(
        "email", ["anna", "a@b@c", "anna @example.org", "a\u202e@x.org", "<a@b.c>", "a" * 250 + "@x.org"]
    )
    def test_what_is_no_address_is_refused(self, office: Office, email: str) -> None:
        """It would hide that one person has two accounts."""
        with pytest.raises(BadEmailError):
            office.desk.add("ben", roles=[], password=None, by=office.boss, email=email)

    @pytest.mark.parametrize("shown", ["x" * 121, "B\u202een", "B\x00en"])
    def test_what_cannot_be_shown_is_refused(self, office: Office, shown: str) -> None:
        """Too long, or with characters that nobody sees."""
        with pytest.raises(BadShownNameError):
            office.desk.add("ben", roles=[], password=None, by=office.boss, shown=shown)

    @pytest.mark.parametrize("email", ["anna@example.org", "ANNA@Example.ORG.", "anna+second@example.org"])
    def test_one_human_gets_no_second_account(self, office: Office, email: str) -> None:
        """They could review what they wrote themselves; removed people count, too."""
        office.add("first", AUTHOR, email="anna@example.org")
        office.desk.remove("first", by=office.boss)

        with pytest.raises(SameHumanError, match="first"):
            office.desk.add("second", roles=[REVIEWER], password=None, by=office.boss, email=email)

    def test_no_password_is_taken_where_none_is_asked_for(self, office: Office) -> None:
        """It would look as if it could be used."""
        office.local = False

        with pytest.raises(NoLocalAccountsError):
            office.desk.add("ben", roles=[], password=GOOD, by=office.boss)

    def test_a_password_is_kept_as_its_hash_and_shown_nowhere(self, office: Office) -> None:
        """Neither in a record's words, nor in the audit log, nor in a notice."""
        anna = office.person("anna")

        assert anna.password is not None
        assert anna.password.startswith("$argon2id$")
        assert GOOD not in repr(office.entries())
        assert anna.password not in repr(anna)


class TestChanging:
    """Roles, passwords and addresses."""

    def test_roles_hold_from_the_next_request_on(self, office: Office) -> None:
        """Whoever is signed in need not sign in anew, and cannot keep what was taken."""
        office.add("ben", AUTHOR)
        secret = office.sign_in("ben")

        office.desk.change_roles("Ben", [REVIEWER], by=office.boss)

        found = office.desk.recognise(secret)
        assert found is not None
        assert found.roles == {REVIEWER}
        assert office.acts()[-1] == "anna person-roles ben"
        assert office.entries()[-1].detail["before"] == "author"
        assert office.told()[-1] == "person.roles ben"

    def test_the_same_roles_again_change_nothing(self, office: Office) -> None:
        """Nothing is written down, and nobody is told."""
        before = office.acts()

        office.desk.change_roles("anna", [ADMINISTRATOR], by=office.boss)

        assert office.acts() == before

    @pytest.mark.parametrize(
        "act",
        [
            lambda office: office.desk.change_roles("anna", [AUTHOR], by=office.boss),
            lambda office: office.desk.remove("anna", by=office.boss),
        ],
    )
    def test_the_last_administrator_stays_one(self, office: Office, act: Callable[[Office], object]) -> None:
        """One who was removed does not count."""
        office.add("ben", ADMINISTRATOR)
        office.desk.remove("ben", by=office.boss)

        with pytest.raises(LastAdministratorError):
            act(office)

        assert office.person("anna").roles == {ADMINISTRATOR}
        assert office.person("anna").removed_at is None

    def test_the_providers_groups_are_not_overruled(self, office: Office) -> None:
        """They would say otherwise at the next sign-in."""
        office.desk.sign_in_provider(claims("carla", AUTHOR), browser="")

        with pytest.raises(ByProviderError):
            office.desk.change_roles("carla", [ADMINISTRATOR], by=office.boss)
        with pytest.raises(ByProviderError):
            office.desk.change_email("carla", "else@example.org", by=office.boss)

    def test_an_administrators_new_password_ends_sign_ins_and_a_lock(self, office: Office) -> None:
        """Everybody is told: an administrator who knows a password could sign in as somebody else."""
        office.add("ben", AUTHOR)
        secret = office.sign_in("ben")

        office.desk.set_password("ben", "seven bridges of a town", by=office.boss)

        assert office.desk.recognise(secret) is None
        assert office.told()[-1] == "person.password ben"
        office.sign_in("ben", "seven bridges of a town")
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", GOOD)

    def test_an_address_can_be_written_down_later(self, office: Office) -> None:
        """And is refused where it is somebody else's."""
        office.add("ben", AUTHOR)
        office.desk.change_email("ben", "ben@example.org", by=office.boss)

        with pytest.raises(SameHumanError):
            office.desk.change_email("anna", "ben+x@example.org", by=office.boss)

        assert office.person("ben").email == "ben@example.org"
        assert office.desk.change_email("ben", None, by=office.boss).email is None

    @pytest.mark.parametrize(
        "act",
        [
            lambda desk, by: desk.change_roles("zoe", [], by=by),
            lambda desk, by: desk.change_email("zoe", None, by=by),
            lambda desk, by: desk.set_password("zoe", GOOD, by=by),
            lambda desk, by: desk.remove("zoe", by=by),
            lambda desk, by: desk.restore("zoe", by=by),
            lambda desk, by: desk.unlock("zoe", by=by),
            lambda desk, by: desk.link("zoe", f"{ISSUER} x", by=by),
            lambda desk, by: desk.end_all("zoe", by=by),
        ],
    )
    def test_whoever_is_not_there_is_named(
        self, office: Office, act: Callable[[object, Principal], object]
    ) -> None:
        """Whatever is to be done with them."""
        with pytest.raises(UnknownPersonError, match="zoe"):
            act(office.desk, office.boss)

    @pytest.mark.parametrize(
        "name",
        ["", "z\ud800", pytest.param("z" * 10_000, id="endless"), "zoe'; DROP TABLE people --", "\x00"],
    )
    def test_odd_names_are_nobodys(self, office: Office, name: str) -> None:
        """Whatever comes by an address or a form."""
        with pytest.raises(UnknownPersonError):
            office.desk.person(name)
        with pytest.raises(UnknownPersonError):
            office.desk.sign_ins_of(name)


class TestRemoving:
    """Somebody leaves."""

    def test_whoever_is_removed_is_out_at_once(self, office: Office) -> None:
        """Their sign-ins end, their tokens are dead, and their password opens nothing."""
        office.add("ben", AUTHOR)
        secret = office.sign_in("ben")
        ben = office.desk.recognise(secret)
        assert ben is not None
        token, _ = office.desk.make_token(name="ci", scope=[AUTHOR], ends=AT.replace(year=2027), by=ben)

        office.desk.remove("ben", by=office.boss)

        assert office.desk.recognise(secret) is None
        assert office.desk.recognise_token(token) is None
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben")
        assert office.told()[-1] == "person.removed ben"

    def test_whoever_comes_back_has_their_roles_and_none_of_their_keys(self, office: Office) -> None:
        """Sign-ins stay ended, tokens revoked."""
        office.add("ben", AUTHOR)
        secret = office.sign_in("ben")
        ben = office.desk.recognise(secret)
        assert ben is not None
        token, _ = office.desk.make_token(name="ci", scope=[], ends=AT.replace(year=2027), by=ben)
        office.desk.remove("ben", by=office.boss)

        restored = office.desk.restore("ben", by=office.boss)

        assert restored.roles == {AUTHOR}
        assert office.desk.recognise(secret) is None
        assert office.desk.recognise_token(token) is None
        assert office.desk.recognise(office.sign_in("ben")) is not None

    def test_a_second_removal_changes_nothing(self, office: Office) -> None:
        """The moment of the first stays."""
        office.add("ben", AUTHOR)
        first = office.desk.remove("ben", by=office.boss)
        office.later(hours=1)
        before = office.acts()

        again = office.desk.remove("ben", by=office.boss)

        assert again == first
        assert office.acts() == before

    def test_nothing_is_given_to_whoever_was_removed(self, office: Office) -> None:
        """They would have it when they come back, and nobody would remember."""
        office.add("ben", AUTHOR)
        office.desk.remove("ben", by=office.boss)

        with pytest.raises(RemovedPersonError):
            office.desk.change_roles("ben", [ADMINISTRATOR], by=office.boss)
        with pytest.raises(RemovedPersonError):
            office.desk.set_password("ben", GOOD, by=office.boss)
        with pytest.raises(RemovedPersonError):
            office.desk.link("ben", f"{ISSUER} x", by=office.boss)
