from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from feedsrv.errors import UnavailableError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import NoRoleError, UnknownSignInError
from feedsrv.publishing.permits import MissingRoleError
from feedsrv.publishing.ports import Work
from feedsrv.stores.memory import MemoryStore
from tests.hashing import staffed
from tests.people import AT, Office, claims

AUTHOR = Role.AUTHOR


@pytest.fixture
def office() -> Office:
    """An office with an administrator, anna, and an author, ben."""
    return staffed(Office())


class TestRecognising:
    """Whose sign-in a secret is."""

    def test_a_sign_in_ends_after_its_span(self, office: Office) -> None:
        """However busy it was."""
        office.span, office.idle = timedelta(hours=3), timedelta(hours=1)
        secret = office.sign_in("ben")

        seen = []
        for _ in range(4):
            seen.append(office.desk.recognise(secret) is not None)
            office.later(minutes=50)

        assert seen == [True, True, True, True]
        assert office.desk.recognise(secret) is None

    def test_an_unused_one_ends_sooner(self, office: Office) -> None:
        """Somebody went home and left the browser open."""
        secret = office.sign_in("ben")
        office.later(minutes=59)
        assert office.desk.recognise(secret) is not None

        office.later(minutes=60)

        assert office.desk.recognise(secret) is None
        assert office.desk.sign_ins_of("ben") == ()

    def test_its_use_is_kept_to_the_minute(self, office: Office) -> None:
        """Not at every request: each would wait for the store."""
        secret = office.sign_in("ben")
        office.later(seconds=59)
        office.desk.recognise(secret)
        assert office.desk.sign_ins_of("ben")[0].seen_at == AT

        office.later(seconds=1)
        office.desk.recognise(secret)

        assert office.desk.sign_ins_of("ben")[0].seen_at == AT + timedelta(minutes=1)

    def test_a_clock_that_was_set_back_brings_no_old_sign_in_to_life(self, office: Office) -> None:
        """A few seconds between two machines do no harm."""
        secret = office.sign_in("ben")
        office.later(seconds=-20)
        assert office.desk.recognise(secret) is not None

        office.later(days=-30)

        assert office.desk.recognise(secret) is None

    @pytest.mark.parametrize(
        "secret", ["", "x", "\ud800", pytest.param("x" * 1_000_000, id="endless"), "\x00", "' OR 1=1 --"]
    )
    def test_what_is_no_secret_is_nobodys(self, office: Office, secret: str) -> None:
        """Whatever a cookie holds."""
        assert office.desk.recognise(secret) is None

    def test_the_digest_that_is_kept_is_no_secret(self, office: Office) -> None:
        """Whoever reads the database is not signed in by that."""
        secret = office.sign_in("ben")
        digest = office.desk.sign_ins_of("ben")[0].digest

        assert digest != secret
        assert office.desk.recognise(digest) is None

    def test_whoever_has_no_role_any_more_may_not_even_read(self, office: Office) -> None:
        """They are told so, and stay signed in for when they have one again."""
        secret = office.sign_in("ben")
        office.desk.change_roles("ben", [], by=office.boss)

        with pytest.raises(NoRoleError):
            office.desk.recognise(secret)

    def test_a_store_that_is_held_for_long_turns_nobody_away(self) -> None:
        """Only that the sign-in was used is not written down then."""
        office = staffed(Office(store=_Held()))
        secret = office.sign_in("ben")
        office.later(minutes=5)
        assert isinstance(office.store, _Held)
        office.store.is_held = True

        assert office.desk.recognise(secret) is not None

    def test_one_that_ends_in_the_same_moment_is_not_brought_back(self) -> None:
        """Between looking and writing down that it was used, somebody signed out."""
        office = staffed(Office(store=_Held()))
        secret = office.sign_in("ben")
        office.later(minutes=5)
        assert isinstance(office.store, _Held)
        other = Office(store=office.store.beneath)
        other.at = office.at
        office.store.before = lambda: other.desk.sign_out(secret)

        assert office.desk.recognise(secret) is None
        assert other.desk.sign_ins_of("ben") == ()


class TestEnding:
    """The many hands that end a sign-in."""

    def test_signing_out_ends_that_sign_in_alone(self, office: Office) -> None:
        """A second time changes nothing, nor does a secret that is none."""
        first, second = office.sign_in("ben"), office.sign_in("ben")

        office.desk.sign_out(first)
        office.desk.sign_out(first)
        office.desk.sign_out("x")

        assert office.desk.recognise(first) is None
        assert office.desk.recognise(second) is not None
        assert office.acts().count("ben sign-out ben") == 1

    def test_people_end_their_own_and_administrators_everybodys(self, office: Office) -> None:
        """Somebody else learns not even whether there is one."""
        office.add("carla", AUTHOR)
        carla, ben = office.principal("carla"), office.principal("ben")
        mine, other = office.desk.sign_ins_of("ben")[0].digest, "0" * 64

        for digest in (mine, other):
            with pytest.raises(MissingRoleError):
                office.desk.end_sign_in(digest, by=carla)
        office.desk.end_sign_in(mine, by=ben)
        with pytest.raises(UnknownSignInError):
            office.desk.end_sign_in(mine, by=ben)
        office.desk.end_sign_in(office.desk.sign_ins_of("carla")[0].digest, by=office.boss)

        assert office.acts()[-2:] == ["ben sign-in-end ben", "anna sign-in-end carla"]
        assert office.desk.sign_ins_of("carla") == ()

    def test_all_of_somebodys_end_together(self, office: Office) -> None:
        """One's own, or anybody's by an administrator."""
        office.add("carla", AUTHOR)
        carla = office.principal("carla")
        for _ in range(3):
            office.sign_in("ben")

        with pytest.raises(MissingRoleError):
            office.desk.end_all("ben", by=carla)

        assert office.desk.end_all("BEN", by=office.boss) == 3
        assert office.desk.end_all("ben", by=office.boss) == 0
        assert office.desk.end_all("carla", by=carla) == 1

    def test_the_provider_ends_what_it_began(self, office: Office) -> None:
        """By its name for the session, or everything of one account; and nobody else's."""
        first, _ = office.desk.sign_in_provider(claims("carla", AUTHOR, provider_session="s1"), browser="")
        second, _ = office.desk.sign_in_provider(claims("carla", AUTHOR, provider_session="s2"), browser="")
        third, _ = office.desk.sign_in_provider(claims("dora", AUTHOR, provider_session="s3"), browser="")

        assert office.desk.end_provider_session("s1") == 1
        assert office.desk.end_provider_session("s1") == 0
        assert office.desk.end_provider_session("s9") == 0
        assert office.desk.recognise(first) is None
        assert office.desk.recognise(second) is not None
        assert office.desk.end_provider_subject(claims("carla").person) == 1
        assert office.desk.end_provider_subject("https://id.example.org nobody") == 0

        assert office.desk.recognise(second) is None
        assert office.desk.recognise(third) is not None
        assert office.acts().count("carla sign-out carla") == 2

    def test_ended_sign_ins_are_forgotten_after_a_month(self, office: Office) -> None:
        """With the next sign-in of anybody."""
        office.sign_in("ben")
        office.later(days=31)

        office.sign_in("anna")

        with office.store.look() as work:
            assert work.sign_ins.of("ben") == ()


class _Held:
    """A store that another process can hold, or be faster at."""

    def __init__(self) -> None:
        self.beneath = MemoryStore()
        self.is_held = False
        self.before: Callable[[], object] = dict

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """Refused while it is held."""
        if self.is_held:
            raise UnavailableError("the database is held by another process")
        self.before()
        with self.beneath.begin() as work:
            yield work

    @contextmanager
    def look(self) -> Iterator[Work]:
        """As ever."""
        with self.beneath.look() as work:
            yield work
