from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Event

import pytest

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import (
    WrongPasswordError,
)
from feedsrv.publishing.ports import Store
from tests.hashing import Beside, Together, Waiting, guess_wrong, staffed
from tests.people import AT, WRONG, Office

AUTHOR = Role.AUTHOR
NEW = "seven bridges of a town"


@pytest.fixture
def office() -> Office:
    """An office with an administrator, anna, and an author, ben."""
    return staffed(Office())


class TestALock:
    """Guessing ends."""

    def test_the_fifth_wrong_password_locks_for_a_quarter_of_an_hour(self, office: Office) -> None:
        """The right one is refused until then, in the words of a wrong one."""
        guess_wrong(office, 5)

        assert office.person("ben").locked_until == AT + timedelta(minutes=15)
        assert office.told()[-1] == "person.locked ben"
        office.later(minutes=14)
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben")
        office.later(minutes=1)
        office.sign_in("ben")

    def test_four_wrong_ones_lock_nothing_and_a_right_one_forgets_them(self, office: Office) -> None:
        """People mistype."""
        guess_wrong(office, 4)
        office.sign_in("ben")
        guess_wrong(office, 4)

        office.sign_in("ben")

        assert office.person("ben").failures == 0

    def test_each_further_wrong_one_doubles_the_lock_up_to_a_day(self, office: Office) -> None:
        """So guessing gets slower and slower; the count never runs over."""
        spans = []
        guess_wrong(office, 4)
        for _ in range(40):
            guess_wrong(office, 1)
            until = office.person("ben").locked_until
            assert until is not None
            spans.append((until - office.at) / timedelta(minutes=15))
            office.at = until

        assert spans[:7] == [1, 2, 4, 8, 16, 32, 64]
        assert set(spans[7:]) == {96}

    def test_tries_during_a_lock_neither_count_nor_tell(self, office: Office) -> None:
        """Whoever owns the name is not kept out for longer by whoever guesses."""
        guess_wrong(office, 5)
        locked = office.person("ben")

        guess_wrong(office, 10)

        assert office.person("ben") == locked

    def test_an_administrator_ends_a_lock(self, office: Office) -> None:
        """And the count begins anew."""
        guess_wrong(office, 7)

        office.desk.unlock("ben", by=office.boss)

        office.sign_in("ben")
        assert "anna person-unlock ben" in office.acts()

    def test_of_many_guesses_at_once_every_one_counts(self, store: Store) -> None:
        """Also where all of them were begun before the first was judged."""
        office = staffed(Office(store=store))
        gate = Barrier(4)  # as many as are worked on at once
        slow = Together(gate)
        guesses = [Beside(lambda: Office(store=store, hasher=slow).sign_in("ben", WRONG)) for _ in range(8)]

        assert {one.refusal() for one in guesses} == {WrongPasswordError}
        ben = office.person("ben")
        assert ben.failures == 5
        assert ben.locked_until == AT + timedelta(minutes=15)
        assert sum(act == "nobody sign-in-refused ben" for act in office.acts()) == 8

    def test_the_right_guess_among_many_is_refused_once_the_lock_is_there(self, office: Office) -> None:
        """It was right when it was worked on, and comes too late."""
        slow = Waiting(Event())
        guess = Beside(lambda: Office(store=office.store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        guess_wrong(office, 5)
        slow.go_on.set()

        assert guess.refusal() is WrongPasswordError

    def test_the_store_is_free_while_a_password_is_worked_on(self, store: Store) -> None:
        """A sign-in takes a tenth of a second: nobody else may wait for that."""
        office = staffed(Office(store=store))
        slow = Waiting(Event())
        signing_in = Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)

        office.add("carla", AUTHOR)

        assert office.person("ben").signed_in_at is None
        slow.go_on.set()
        assert signing_in.refusal() is None
        assert office.person("ben").signed_in_at == AT

    def test_somebody_removed_while_their_password_is_worked_on_is_not_let_in(self, store: Store) -> None:
        """It was right, and they are gone."""
        office = staffed(Office(store=store))
        slow = Waiting(Event())
        signing_in = Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        office.desk.remove("ben", by=office.boss)
        slow.go_on.set()

        assert signing_in.refusal() is WrongPasswordError
        with store.look() as work:
            assert work.sign_ins.of("ben") == ()

    def test_a_password_that_is_changed_meanwhile_is_the_wrong_one(self, store: Store) -> None:
        """Nobody gets in by the old one once there is a new one."""
        office = staffed(Office(store=store))
        slow = Waiting(Event())
        signing_in = Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        office.desk.set_password("ben", NEW, by=office.boss)
        slow.go_on.set()

        assert signing_in.refusal() is WrongPasswordError
        assert office.person("ben").failures == 0
