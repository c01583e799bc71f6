from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest
from argon2 import PasswordHasher

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.passwords import Passwords
from feedsrv.publishing.access.refusals import (
    LockedOutError,
    NoLocalAccountsError,
    NoRoleError,
    SignInEndedError,
    TokenByTokenError,
    WeakPasswordError,
    WrongPasswordError,
)
from tests.hashing import Beside, Counting, Waiting, staffed
from tests.people import AT, BROWSER, GOOD, WRONG, Office

AUTHOR = Role.AUTHOR
NEW = "seven bridges of a town"


@pytest.fixture
def office() -> Office:
    """An office with an administrator, anna, and an author, ben."""
    return staffed(Office())


class TestAPassword:
    """Signing in with a password that is kept here."""

    def test_a_sign_in_is_known_by_a_secret_that_is_kept_nowhere(self, office: Office) -> None:
        """Only its digest is; each sign-in has another one."""
        secret, begun = office.desk.sign_in_local(" BEN", GOOD, browser="Firefox\n" + "x" * 500)
        other = office.sign_in("ben")

        assert secret != other
        assert begun.person == "ben"
        assert begun.ends == AT + timedelta(hours=12)
        assert begun.browser.startswith("Firefoxx")
        assert len(begun.browser) <= 120
        with office.store.look() as work:
            assert secret not in repr(work.sign_ins.of("ben"))
        assert "ben sign-in ben" in office.acts()

    @pytest.mark.parametrize(
        "name",
        ["zoe", "", pytest.param("z" * 10_000, id="endless"), "z\ud800", "ben'--", "ben\x00", "\u202eneb"],
    )
    def test_an_unknown_name_is_refused_as_a_wrong_password_is(self, office: Office, name: str) -> None:
        """In the very same words; the log keeps the beginning of the name, which may be a password."""
        with pytest.raises(WrongPasswordError) as unknown:
            office.sign_in(name)
        with pytest.raises(WrongPasswordError) as wrong:
            office.sign_in("ben", WRONG)

        assert str(unknown.value) == str(wrong.value)
        assert len(office.entries()[-2].subject) <= 6

    def test_a_password_typed_as_a_name_is_not_written_down(self, office: Office) -> None:
        """Nor is one that was wrong by a letter."""
        with pytest.raises(WrongPasswordError):
            office.sign_in(GOOD)
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", WRONG)

        written = repr(office.entries())
        assert GOOD not in written
        assert WRONG not in written
        assert office.acts()[-2:] == ["nobody sign-in-refused nin...", "nobody sign-in-refused ben"]

    @pytest.mark.parametrize("name", ["zoe", "ben", "gone", "carla"])
    def test_the_same_work_is_done_for_every_name(self, office: Office, name: str) -> None:
        """Unknown, known, removed or without a password: one hash is worked on, of the same cost."""
        office.add("gone", AUTHOR)
        office.desk.remove("gone", by=office.boss)
        office.desk.add("carla", roles=[AUTHOR], password=None, by=office.boss)
        office.hasher = counting = Counting()

        with pytest.raises(WrongPasswordError):
            office.sign_in(name, WRONG)

        assert counting.worked_on == ["m=8,t=1,p=1"]

    @pytest.mark.parametrize(
        "password",
        ["", "\x00", "\ud800", pytest.param("x" * 1_000_000, id="endless"), GOOD + " ", GOOD.upper()],
    )
    def test_odd_passwords_are_wrong_and_nothing_else(self, office: Office, password: str) -> None:
        """Whatever bytes they are made of."""
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", password)

    def test_the_same_characters_from_another_keyboard_are_the_same_password(self, office: Office) -> None:
        """Composed or not."""
        office.desk.set_password("ben", "nine lives of a gr\u00e9y cat", by=office.boss)

        office.sign_in("ben", "nine lives of a gre\u0301y cat")

    def test_nobody_signs_in_so_where_the_provider_does(self, office: Office) -> None:
        """And whoever was signed in with a password is so no longer."""
        secret = office.sign_in("ben")

        office.local = False

        assert office.desk.recognise(secret) is None
        with pytest.raises(NoLocalAccountsError):
            office.sign_in("ben")
        with pytest.raises(NoLocalAccountsError):
            office.desk.confirm(secret, password=GOOD, browser="")

    def test_whoever_has_no_role_is_not_signed_in(self, office: Office) -> None:
        """They are told why, since the password was right; the refusal is written down."""
        office.add("zoe")

        with pytest.raises(NoRoleError):
            office.sign_in("zoe")

        assert office.entries()[-1].detail["why"] == "access.no_role"
        assert office.desk.sign_ins_of("zoe") == ()

    def test_a_hash_of_yesterdays_cost_is_made_anew(self, office: Office) -> None:
        """At the first sign-in after the cost was raised, without anybody noticing."""
        office.hasher = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)

        office.sign_in("ben")

        kept = office.person("ben").password
        assert kept is not None
        assert "m=16,t=2" in kept
        office.sign_in("ben")

    def test_the_hash_is_argon2id_at_the_cost_that_is_advised(self) -> None:
        """RFC 9106, for machines with little memory to spare: 64 MiB, three passes."""
        assert Passwords().hash(GOOD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


class TestConfirming:
    """Proving once more who is signed in."""

    def test_a_confirmed_sign_in_is_fresh_and_has_a_new_secret(self, office: Office) -> None:
        """The old one opens nothing any more."""
        secret = office.sign_in("ben")
        office.later(minutes=30)

        renewed, begun = office.desk.confirm(secret, password=GOOD, browser=BROWSER)

        assert begun.fresh_at == AT + timedelta(minutes=30)
        assert office.desk.recognise(secret) is None
        found = office.desk.recognise(renewed)
        assert found is not None
        assert found.fresh_at == begun.fresh_at
        assert len(office.desk.sign_ins_of("ben")) == 1

    def test_a_wrong_password_leaves_the_sign_in_as_it_was(self, office: Office) -> None:
        """It counts as at the door."""
        secret = office.sign_in("ben")

        with pytest.raises(WrongPasswordError):
            office.desk.confirm(secret, password=WRONG, browser=BROWSER)

        assert office.desk.recognise(secret) is not None
        assert office.person("ben").failures == 1

    def test_whoever_guesses_at_an_open_browser_is_locked_out_of_it(self, office: Office) -> None:
        """They are told until when: it is no secret from whoever is signed in."""
        secret = office.sign_in("ben")
        for _ in range(4):
            with pytest.raises(WrongPasswordError):
                office.desk.confirm(secret, password=WRONG, browser=BROWSER)

        with pytest.raises(LockedOutError, match=to_text(AT + timedelta(minutes=15))):
            office.desk.confirm(secret, password=WRONG, browser=BROWSER)

        assert office.desk.recognise(secret) is None

    @pytest.mark.parametrize("secret", ["", "x", "\ud800"])
    def test_what_is_no_sign_in_cannot_be_confirmed(self, office: Office, secret: str) -> None:
        """With any password."""
        with pytest.raises(SignInEndedError):
            office.desk.confirm(secret, password=GOOD, browser=BROWSER)

    def test_a_sign_in_that_ends_meanwhile_is_not_brought_back(self, office: Office) -> None:
        """Whoever signs out wins."""
        secret = office.sign_in("ben")
        slow = Waiting(Event())
        desk = Office(store=office.store, hasher=slow).desk
        confirming = Beside(lambda: desk.confirm(secret, password=GOOD, browser=BROWSER))
        assert slow.begun.wait(10)
        office.desk.sign_out(secret)
        slow.go_on.set()

        assert confirming.refusal() is SignInEndedError
        assert office.desk.sign_ins_of("ben") == ()


class TestOnesOwnPassword:
    """Changing it oneself."""

    def test_every_other_sign_in_ends(self, office: Office) -> None:
        """Somebody else may have been in one of them."""
        elsewhere, here = office.sign_in("ben"), office.sign_in("ben")
        by = office.desk.recognise(here)
        assert by is not None

        office.desk.change_own_password(GOOD, NEW, by=by)

        assert office.desk.recognise(elsewhere) is None
        assert office.desk.recognise(here) is not None
        office.sign_in("ben", NEW)
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", GOOD)
        assert "ben own-password ben" in office.acts()

    def test_the_old_one_must_be_known_and_the_new_one_good(self, office: Office) -> None:
        """A wrong old one counts as at the door."""
        by = office.principal("ben")

        with pytest.raises(WrongPasswordError):
            office.desk.change_own_password(WRONG, NEW, by=by)
        with pytest.raises(WeakPasswordError):
            office.desk.change_own_password(GOOD, "short", by=by)
        with pytest.raises(WeakPasswordError):
            office.desk.change_own_password(GOOD, GOOD, by=by)

        assert office.person("ben").failures == 1
        office.sign_in("ben", GOOD)

    def test_a_token_cannot_change_it(self, office: Office) -> None:
        """Whoever stole one would be the person from then on."""
        ben = office.principal("ben")
        secret, _ = office.desk.make_token(name="ci", scope=[AUTHOR], ends=AT + timedelta(days=1), by=ben)
        by = office.desk.recognise_token(secret)
        assert by is not None

        with pytest.raises(TokenByTokenError):
            office.desk.change_own_password(GOOD, NEW, by=by)
