from __future__ import annotations

import re
from datetime import timedelta

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import (
    BadTokenError,
    NoRoleError,
    TokenByTokenError,
    TooLongLifeError,
    UnknownTokenError,
)
from feedsrv.publishing.access.secret_words import is_token, new_token
from feedsrv.publishing.access.tokens import LONGEST_LIFE, MOST
from feedsrv.publishing.people_records import Principal, Token
from feedsrv.publishing.permits import MissingRoleError, UnknownPersonError
from tests.hashing import staffed
from tests.people import AT, ROOT, Office

AUTHOR = Role.AUTHOR
REVIEWER = Role.REVIEWER
DAY = timedelta(days=1)


@pytest.fixture
def office() -> Office:
    """An office with an administrator, anna, and an author, ben."""
    return staffed(Office())


def make(
    office: Office, by: Principal, *scope: Role, span: timedelta = DAY, name: str = "ci"
) -> tuple[str, Token]:
    """A token."""
    return office.desk.make_token(name=name, scope=scope, ends=office.at + span, by=by)


class TestMaking:
    """A token is made by a person, for a while, within what they may."""

    def test_its_secret_is_shown_once_and_kept_nowhere(self, office: Office) -> None:
        """The log has its number, name and scope."""
        secret, token = make(office, office.principal("ben"), AUTHOR)

        assert re.fullmatch(r"fst_[A-Za-z0-9_-]{49}", secret)
        with office.store.look() as work:
            assert secret not in repr(work.tokens.all())
        assert secret not in repr(office.entries())
        assert office.acts()[-1] == "ben token-make token 1"
        assert office.entries()[-1].detail["scope"] == "author"
        assert office.told()[-1] == "token.made token 1"
        assert (token.owner, token.ends) == ("ben", AT + DAY)

    def test_it_acts_as_its_owner_within_its_scope(self, office: Office) -> None:
        """In the owner's name, so that four eyes hold for tokens, too; and by a way that the log tells."""
        office.desk.change_roles("ben", [AUTHOR, REVIEWER], by=office.boss)
        secret, _ = make(office, office.principal("ben"), REVIEWER)

        found = office.desk.recognise_token(secret)

        assert found == Principal("ben", frozenset({REVIEWER}), "token 1 (ci)")

    def test_without_a_scope_it_reads(self, office: Office) -> None:
        """It is known, and has no role."""
        secret, _ = make(office, office.principal("ben"))

        found = office.desk.recognise_token(secret)

        assert found is not None
        assert found.roles == frozenset()

    def test_a_scope_beyond_ones_own_roles_is_refused(self, office: Office) -> None:
        """Also one that was taken away while the form lay open."""
        ben = office.principal("ben")
        with pytest.raises(MissingRoleError):
            make(office, ben, REVIEWER)
        office.desk.change_roles("ben", [REVIEWER], by=office.boss)

        with pytest.raises(MissingRoleError):
            make(office, ben, AUTHOR)

        assert office.desk.tokens(office.boss) == ()

    @pytest.mark.parametrize("role", [None, *Role])
    def test_the_more_it_may_the_shorter_it_lives(self, office: Office, role: Role | None) -> None:
        """To the second, by one table."""
        office.add("carla", *Role)
        carla = office.principal("carla")
        scope = (role,) if role else ()

        _, token = make(office, carla, *scope, span=LONGEST_LIFE[role])
        with pytest.raises(TooLongLifeError, match=str(LONGEST_LIFE[role].days)):
            make(office, carla, *scope, span=LONGEST_LIFE[role] + timedelta(seconds=1))

        assert token.ends - token.made_at == LONGEST_LIFE[role]
        expected = 366 if role in {None, AUTHOR} else 30
        assert LONGEST_LIFE[role].days == expected

    def test_of_several_roles_the_most_dangerous_decides(self, office: Office) -> None:
        """A reviewer's token of a year is not made by adding another role."""
        office.desk.change_roles("ben", [AUTHOR, REVIEWER], by=office.boss)

        with pytest.raises(TooLongLifeError):
            make(office, office.principal("ben"), AUTHOR, REVIEWER, span=timedelta(days=31))

    @pytest.mark.parametrize("span", [timedelta(0), -DAY])
    def test_one_that_is_over_is_refused(self, office: Office, span: timedelta) -> None:
        """It would never work."""
        with pytest.raises(BadTokenError):
            make(office, office.principal("ben"), span=span)

    @pytest.mark.parametrize("name", ["", " ", "x" * 65, "c\u202ei", "c\x00i"])
    def test_it_must_say_what_it_is_for(self, office: Office, name: str) -> None:
        """In a line that can be shown: it stands in the audit log."""
        with pytest.raises(BadTokenError):
            make(office, office.principal("ben"), name=name)

    def test_a_token_makes_no_token(self, office: Office) -> None:
        """It would outlive its own revocation."""
        secret, _ = make(office, office.principal("ben"), AUTHOR)
        by = office.desk.recognise_token(secret)
        assert by is not None

        with pytest.raises(TokenByTokenError):
            make(office, by)

    def test_it_needs_an_owner_who_is_registered(self) -> None:
        """Whoever is at the command line before anybody is has no name to act in."""
        office = Office()

        with pytest.raises(UnknownPersonError):
            make(office, ROOT)

    def test_nobody_has_endlessly_many(self, office: Office) -> None:
        """Ended ones do not count."""
        ben = office.principal("ben")
        for _ in range(MOST):
            make(office, ben)
        with pytest.raises(BadTokenError):
            make(office, ben)

        office.desk.revoke_token(1, by=ben)

        make(office, ben)


class TestUsing:
    """A token is dead the moment that anything about it ends."""

    def test_it_dies_with_its_end_its_owner_and_its_revocation(self, office: Office) -> None:
        """Each at once."""
        ben = office.principal("ben")
        office.add("carla", AUTHOR)
        ended, _ = make(office, ben)
        revoked, token = make(office, ben, span=2 * DAY)
        orphan, _ = make(office, office.principal("carla"), span=2 * DAY)

        office.later(days=1)
        office.desk.revoke_token(token.number, by=ben)
        office.desk.remove("carla", by=office.boss)

        assert [office.desk.recognise_token(one) for one in (ended, revoked, orphan)] == [None] * 3

    def test_a_dead_one_that_is_still_used_is_told_to_operators(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With its number and owner, and without its secret; what was never made is not."""
        ben = office.principal("ben")
        secret, token = make(office, ben)
        office.desk.revoke_token(token.number, by=ben)
        before = office.acts()

        office.desk.recognise_token(secret)
        office.desk.recognise_token(new_token())

        [told] = [one for one in caplog.records if one.message == "token.refused"]
        assert vars(told)["token"] == 1
        assert secret not in repr(vars(told))
        assert office.acts() == before

    def test_a_role_that_its_owner_lost_it_has_lost(self, office: Office) -> None:
        """And gets back with it."""
        secret, _ = make(office, office.principal("ben"), AUTHOR)
        office.desk.change_roles("ben", [REVIEWER], by=office.boss)
        lost = office.desk.recognise_token(secret)
        office.desk.change_roles("ben", [AUTHOR], by=office.boss)
        back = office.desk.recognise_token(secret)

        assert lost is not None
        assert lost.roles == frozenset()
        assert back is not None
        assert back.roles == {AUTHOR}

    def test_an_owner_without_a_role_may_not_even_read_by_it(self, office: Office) -> None:
        """As at the console."""
        secret, _ = make(office, office.principal("ben"))
        office.desk.change_roles("ben", [], by=office.boss)

        with pytest.raises(NoRoleError):
            office.desk.recognise_token(secret)

    def test_a_mistyped_one_is_known_without_asking_the_store(self, office: Office) -> None:
        """By its checksum, which also tells those who look for leaked secrets that it is one."""
        secret, _ = make(office, office.principal("ben"))
        changed = secret[:10] + ("A" if secret[10] != "A" else "B") + secret[11:]

        assert is_token(secret)
        assert not is_token(changed)
        assert office.desk.recognise_token(changed) is None

    @pytest.mark.parametrize(
        "secret",
        [
            "",
            "fst_",
            "fst_" + "A" * 49,
            pytest.param("x" * 1_000_000, id="endless"),
            "\ud800",
            pytest.param(new_token(), id="well formed"),
        ],
    )
    def test_what_was_never_made_is_nobodys(self, office: Office, secret: str) -> None:
        """Well formed or not."""
        assert office.desk.recognise_token(secret) is None

    def test_its_use_is_kept_to_the_hour(self, office: Office) -> None:
        """So that people find those that nobody needs."""
        ben = office.principal("ben")
        secret, _ = make(office, ben)
        office.desk.recognise_token(secret)
        first = office.desk.tokens(ben)[0].used_at
        office.later(minutes=20)
        office.desk.recognise_token(secret)
        same = office.desk.tokens(ben)[0].used_at
        office.later(minutes=20)
        office.desk.recognise_token(secret)

        assert first == same == AT.replace(minute=0)
        assert office.desk.tokens(ben)[0].used_at == AT.replace(hour=13, minute=0)


class TestListingAndRevoking:
    """One's own, and everybody's for administrators."""

    def test_people_see_their_own_and_administrators_all(self, office: Office) -> None:
        """Dead ones too: they stand in the log."""
        office.add("carla", AUTHOR)
        ben, carla = office.principal("ben"), office.principal("carla")
        make(office, ben)
        make(office, carla)
        office.desk.revoke_token(1, by=ben)

        assert [one.number for one in office.desk.tokens(ben)] == [1]
        assert [one.number for one in office.desk.tokens(carla)] == [2]
        assert [one.number for one in office.desk.tokens(office.boss)] == [1, 2]

    def test_a_token_ends_itself_and_nothing_else_of_its_owner(self, office: Office) -> None:
        """One that leaked must not keep its owner from working, nor their other programs."""
        ben = office.principal("ben")
        secret, token = make(office, ben)
        _, other = make(office, ben)
        leaked = office.desk.recognise_token(secret)
        assert leaked is not None

        with pytest.raises(TokenByTokenError):
            office.desk.revoke_token(other.number, by=leaked)
        with pytest.raises(TokenByTokenError):
            office.desk.end_all("ben", by=leaked)
        with pytest.raises(TokenByTokenError):
            office.desk.end_sign_in(office.desk.sign_ins_of("ben")[0].digest, by=leaked)
        office.desk.revoke_token(token.number, by=leaked)

        assert office.desk.recognise_token(secret) is None
        assert len(office.desk.sign_ins_of("ben")) == 1
        assert [one.revoked_at for one in office.desk.tokens(ben)] == [AT, None]

    def test_people_revoke_their_own_and_administrators_all(self, office: Office) -> None:
        """Others learn not even whether there is one."""
        office.add("carla", AUTHOR)
        ben, carla = office.principal("ben"), office.principal("carla")
        make(office, ben)
        make(office, ben)

        for number in (1, 9, 0, -1, 10**30):
            with pytest.raises(MissingRoleError):
                office.desk.revoke_token(number, by=carla)
        office.desk.revoke_token(1, by=ben)
        revoked = office.desk.revoke_token(2, by=office.boss)
        again = office.desk.revoke_token(2, by=ben)

        assert again == revoked
        assert (revoked.revoked_at, revoked.revoked_by) == (AT, "anna")
        assert office.told()[-2:] == ["token.revoked token 1", "token.revoked token 2"]
        with pytest.raises(UnknownTokenError):
            office.desk.revoke_token(9, by=office.boss)
