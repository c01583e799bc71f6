from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from argon2 import PasswordHasher

from feedsrv.clock import to_text
from feedsrv.errors import NotAllowedError
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
from feedsrv.publishing.people_records import Principal
from feedsrv.publishing.ports import Store
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.memory import MemoryStore
from feedsrv.stores.sql import SqlStore
from tests.people import AT, BROWSER, GOOD, QUICK, WRONG, Office

AUTHOR = Role.AUTHOR
NEW = "seven bridges of a town"


@pytest.fixture
def office() -> Office:
    """An office with an administrator, anna, and an author, ben."""
    return _staffed(Office())


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """One of each kind of store, for races."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite:///{tmp_path}/feedsrv.db"
    upgrade(url)
    kept = SqlStore(open_database(url))
    yield kept
    kept.close()


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

    @pytest.mark.parametrize("name", ["zoe", "", "z" * 10_000, "z\ud800", "ben'--", "ben\x00", "\u202eneb"])
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
        office.desk.remove("gone", by=_anna(office))
        office.desk.add("carla", roles=[AUTHOR], password=None, by=_anna(office))
        office.hasher = counting = _Counting()

        with pytest.raises(WrongPasswordError):
            office.sign_in(name, WRONG)

        assert counting.worked_on == ["m=8,t=1,p=1"]

    @pytest.mark.parametrize("password", ["", "\x00", "\ud800", "x" * 1_000_000, GOOD + " ", GOOD.upper()])
    def test_odd_passwords_are_wrong_and_nothing_else(self, office: Office, password: str) -> None:
        """Whatever bytes they are made of."""
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", password)

    def test_the_same_characters_from_another_keyboard_are_the_same_password(self, office: Office) -> None:
        """Composed or not."""
        office.desk.set_password("ben", "nine lives of a gr\u00e9y cat", by=_anna(office))

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


class TestALock:
    """Guessing ends."""

    def test_the_fifth_wrong_password_locks_for_a_quarter_of_an_hour(self, office: Office) -> None:
        """The right one is refused until then, in the words of a wrong one."""
        _guess(office, 5)

        assert office.person("ben").locked_until == AT + timedelta(minutes=15)
        assert office.told()[-1] == "person.locked ben"
        office.later(minutes=14)
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben")
        office.later(minutes=1)
        office.sign_in("ben")

    def test_four_wrong_ones_lock_nothing_and_a_right_one_forgets_them(self, office: Office) -> None:
        """People mistype."""
        _guess(office, 4)
        office.sign_in("ben")
        _guess(office, 4)

        office.sign_in("ben")

        assert office.person("ben").failures == 0

    def test_each_further_wrong_one_doubles_the_lock_up_to_a_day(self, office: Office) -> None:
        """So guessing gets slower and slower; the count never runs over."""
        spans = []
        _guess(office, 4)
        for _ in range(40):
            _guess(office, 1)
            until = office.person("ben").locked_until
            assert until is not None
            spans.append((until - office.at) / timedelta(minutes=15))
            office.at = until

        assert spans[:7] == [1, 2, 4, 8, 16, 32, 64]
        assert set(spans[7:]) == {96}

    def test_tries_during_a_lock_neither_count_nor_tell(self, office: Office) -> None:
        """Whoever owns the name is not kept out for longer by whoever guesses."""
        _guess(office, 5)
        locked = office.person("ben")

        _guess(office, 10)

        assert office.person("ben") == locked

    def test_an_administrator_ends_a_lock(self, office: Office) -> None:
        """And the count begins anew."""
        _guess(office, 7)

        office.desk.unlock("ben", by=_anna(office))

        office.sign_in("ben")
        assert "anna person-unlock ben" in office.acts()

    def test_of_many_guesses_at_once_every_one_counts(self, store: Store) -> None:
        """Also where all of them were begun before the first was judged."""
        office = _staffed(Office(store=store))
        gate = Barrier(4)  # as many as are worked on at once
        slow = _Together(gate)
        guesses = [_Beside(lambda: Office(store=store, hasher=slow).sign_in("ben", WRONG)) for _ in range(8)]

        assert {one.refusal() for one in guesses} == {WrongPasswordError}
        ben = office.person("ben")
        assert ben.failures == 5
        assert ben.locked_until == AT + timedelta(minutes=15)
        assert sum(act == "nobody sign-in-refused ben" for act in office.acts()) == 8

    def test_the_right_guess_among_many_is_refused_once_the_lock_is_there(self, office: Office) -> None:
        """It was right when it was worked on, and comes too late."""
        slow = _Waiting(Event())
        guess = _Beside(lambda: Office(store=office.store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        _guess(office, 5)
        slow.go_on.set()

        assert guess.refusal() is WrongPasswordError

    def test_the_store_is_free_while_a_password_is_worked_on(self, store: Store) -> None:
        """A sign-in takes a tenth of a second: nobody else may wait for that."""
        office = _staffed(Office(store=store))
        slow = _Waiting(Event())
        signing_in = _Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)

        office.add("carla", AUTHOR)

        assert office.person("ben").signed_in_at is None
        slow.go_on.set()
        assert signing_in.refusal() is None
        assert office.person("ben").signed_in_at == AT

    def test_somebody_removed_while_their_password_is_worked_on_is_not_let_in(self, store: Store) -> None:
        """It was right, and they are gone."""
        office = _staffed(Office(store=store))
        slow = _Waiting(Event())
        signing_in = _Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        office.desk.remove("ben", by=_anna(office))
        slow.go_on.set()

        assert signing_in.refusal() is WrongPasswordError
        with store.look() as work:
            assert work.sign_ins.of("ben") == ()

    def test_a_password_that_is_changed_meanwhile_is_the_wrong_one(self, store: Store) -> None:
        """Nobody gets in by the old one once there is a new one."""
        office = _staffed(Office(store=store))
        slow = _Waiting(Event())
        signing_in = _Beside(lambda: Office(store=store, hasher=slow).sign_in("ben"))
        assert slow.begun.wait(10)
        office.desk.set_password("ben", NEW, by=_anna(office))
        slow.go_on.set()

        assert signing_in.refusal() is WrongPasswordError
        assert office.person("ben").failures == 0


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
        slow = _Waiting(Event())
        desk = Office(store=office.store, hasher=slow).desk
        confirming = _Beside(lambda: desk.confirm(secret, password=GOOD, browser=BROWSER))
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


class _Counting(PasswordHasher):
    """Writes down the cost of each hash that it works on."""

    def __init__(self) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self.worked_on: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self.worked_on.append(str(hash).split("$")[3])
        return super().verify(hash, password)


class _Waiting(PasswordHasher):
    """Begins, and goes on only when it is told to."""

    def __init__(self, go_on: Event) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self.begun = Event()
        self.go_on = go_on

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self.begun.set()
        assert self.go_on.wait(20)
        return super().verify(hash, password)


class _Together(PasswordHasher):
    """Has worked on every guess before any of them is judged."""

    def __init__(self, gate: Barrier) -> None:
        super().__init__(QUICK.time_cost, QUICK.memory_cost, QUICK.parallelism)
        self._gate = gate

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        try:
            return super().verify(hash, password)
        finally:
            self._gate.wait(20)


class _Beside:
    """Something that is done in another thread, and may be refused."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._refusal: type[NotAllowedError] | None = None
        self._act = act
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._act()
        except NotAllowedError as refusal:
            self._refusal = type(refusal)

    def refusal(self) -> type[NotAllowedError] | None:
        """What it came to, once it is done."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self._refusal


def _anna(office: Office) -> Principal:
    found = office.administrator()
    assert found is not None
    return found


def _staffed(office: Office) -> Office:
    office.add("anna", Role.ADMINISTRATOR)
    office.add("ben", AUTHOR)
    return office


def _guess(office: Office, times: int) -> None:
    for _ in range(times):
        with pytest.raises(WrongPasswordError):
            office.sign_in("ben", WRONG)
