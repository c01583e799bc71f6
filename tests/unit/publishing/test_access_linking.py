from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import Role, Stage
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.access.refusals import (
    BadSubjectError,
    LinkedAlreadyError,
    OpenHandsError,
)
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.people_records import COMMAND_LINE, Principal
from feedsrv.publishing.permits import UnknownPersonError
from feedsrv.publishing.records import BreakGlass
from tests.people import AT, GOOD, ISSUER, Office, claims
from tests.pki import sample_mitigation

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

    def test_an_account_that_is_somebody_elses_is_not_taken_from_them(self, office: Office) -> None:
        """Both may be at work; the refusal says what to do where they are one."""
        office.desk.sign_in_provider(claims("carla", AUTHOR), browser="")

        with pytest.raises(LinkedAlreadyError, match="remove the other name"):
            office.desk.link("anna", claims("carla").person, by=office.boss)

        assert office.person("anna").subject is None
        assert office.person("carla").subject is not None

    @pytest.mark.parametrize("kind", ["open", "alone"])
    def test_nobody_reviews_what_they_wrote_under_another_name(self, office: Office, kind: str) -> None:
        """Two names turn out to be one human: what the other one has a hand in must be done first."""
        office.add("ben", REVIEWER)
        office.desk.sign_in_provider(claims("benedict", AUTHOR), browser="")
        office.desk.remove("benedict", by=office.boss)
        words = sample_mitigation(AT)
        hand = "Benedict" if kind == "open" else "dora"
        begun = begin_revision(Draft(words), source="m.xml", source_digest="sha256-x", by=hand)
        alone = BreakGlass("benedict", AT, "INC-1", "it burns", AT)
        if kind == "alone":
            begun = replace(begun, stage=Stage.PUBLISHED, break_glass=alone)
        with office.store.begin() as work:
            work.revisions.save(begun)

        with pytest.raises(OpenHandsError, match=str(begun)):
            office.desk.link("ben", claims("benedict").person, by=office.boss)

        with office.store.begin() as work:
            done = replace(begun, stage=Stage.DISCARDED)
            if kind == "alone":
                signed = replace(alone, countersigned_by="dora", countersigned_at=AT)
                done = replace(begun, break_glass=signed)
            work.revisions.save(done)
        office.desk.link("ben", claims("benedict").person, by=office.boss)
        _, begun_now = office.desk.sign_in_provider(claims("benedict", AUTHOR), browser="")
        assert begun_now.person == "ben"
        assert office.entries()[-3].detail["instead"] == "benedict"

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
