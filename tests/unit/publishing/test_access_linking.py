from __future__ import annotations

import pytest

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.refusals import (
    BadSubjectError,
    LinkedAlreadyError,
)
from feedsrv.publishing.people_records import COMMAND_LINE, Principal
from feedsrv.publishing.permits import UnknownPersonError
from tests.people import GOOD, ISSUER, Office, claims

ADMINISTRATOR = Role.ADMINISTRATOR
AUTHOR = Role.AUTHOR
REVIEWER = Role.REVIEWER


@pytest.fixture
def office() -> Office:
    """An office with one administrator, anna."""
    made = Office()
    made.add("anna", ADMINISTRATOR)
    return made


class TestLinking:
    """One human, an account here and one at the provider."""

    def test_a_linked_account_signs_in_as_the_same_person(self, office: Office) -> None:
        """So their hands stay theirs, and four eyes see one human."""
        office.add("ben", AUTHOR)
        office.desk.link("ben", claims("benedict").person, by=office.boss)

        _, begun = office.desk.sign_in_provider(claims("benedict", REVIEWER), browser="")

        assert begun.person == "ben"
        assert office.person("ben").roles == {REVIEWER}
        assert [one.name for one in office.desk.everybody()] == ["anna", "ben"]

    @pytest.mark.parametrize(
        "subject",
        [
            "",
            "subject",
            "ftp://x y",
            "https://x",
            "https://x y z",
            "https://x \u00e9",
            f"{ISSUER} {'x' * 256}",
        ],
    )
    def test_what_is_no_account_is_refused(self, office: Office, subject: str) -> None:
        """It would never sign in, and nobody would know why."""
        with pytest.raises(BadSubjectError):
            office.desk.link("anna", subject, by=office.boss)

    def test_two_people_are_not_made_one_afterwards(self, office: Office) -> None:
        """Both may have acted: what they did stays two people's."""
        office.desk.sign_in_provider(claims("carla", AUTHOR), browser="")

        with pytest.raises(LinkedAlreadyError):
            office.desk.link("anna", claims("carla").person, by=office.boss)

        assert office.person("anna").subject is None

    def test_a_person_has_one_account_at_the_provider(self, office: Office) -> None:
        """The same one again changes nothing."""
        subject = f"{ISSUER} one"
        first = office.desk.link("anna", subject, by=office.boss)

        assert office.desk.link("anna", subject, by=office.boss) == first
        with pytest.raises(LinkedAlreadyError):
            office.desk.link("anna", f"{ISSUER} two", by=office.boss)


class TestTheCommandLine:
    """Whoever has a shell on this machine."""

    def test_they_have_the_roles_of_whom_they_name(self, office: Office) -> None:
        """The audit log has the account of the machine beside the name."""
        office.add("ben", AUTHOR)

        found = office.desk.at_command_line("BEN", via=f"{COMMAND_LINE} (account b)")

        assert found == Principal("ben", frozenset({AUTHOR}), f"{COMMAND_LINE} (account b)")

    def test_whoever_is_unknown_or_removed_cannot_act(self, office: Office) -> None:
        """Once somebody is registered."""
        office.add("ben", AUTHOR)
        office.desk.remove("ben", by=office.boss)

        for name in ("ben", "zoe"):
            with pytest.raises(UnknownPersonError):
                office.desk.at_command_line(name)

    def test_without_any_administrator_they_can_make_one(self) -> None:
        """Where the provider's groups give that role to nobody, somebody must be able to."""
        office = Office()
        office.desk.sign_in_provider(claims("carla", AUTHOR), browser="")

        by = office.desk.at_command_line("root")
        office.desk.add("anna", roles=[ADMINISTRATOR], password=GOOD, by=by)

        assert by.roles == {ADMINISTRATOR}
        with pytest.raises(FeedsrvError):
            office.desk.at_command_line("root")
