from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.build import Build
from feedsrv.model.lifecycle import FRESH, MOVES, Stage
from feedsrv.publishing.records import Revision
from feedsrv.web.console.acts import VERBS
from feedsrv.web.console.publishing import STEPS
from tests.publisher import PRODUCT, cumulative_update, heartbeat, written
from tests.surface import STALE, Surface, press, soup

PAGE = "/mitigations/M0001"
SHORT = written().replace(b'days="30"', b'days="7"')


@pytest.fixture
def surface() -> Surface:
    """A desk in memory; anna's M0001 waits for its review."""
    made = Surface.in_memory()
    made.house.workflow.import_mitigation(SHORT, source="m.xml", by="anna")
    made.house.workflow.submit("M0001", by="anna")
    return made


@pytest.fixture
def ben(surface: Surface) -> FlaskClient:
    """A reviewer."""
    return surface.client("ben", "reviewer")


def kept(surface: Surface) -> Revision:
    """M0001 as it stands."""
    return surface.house.workflow.show_mitigation("M0001")


def alert(answer: TestResponse) -> str:
    """What a page says was refused."""
    return " ".join(" ".join(one.stripped_strings) for one in soup(answer).select(".message.refused"))


def reasons(answer: TestResponse) -> str:
    """Why some verbs are not for whoever looks."""
    return " ".join(" ".join(one.stripped_strings) for one in soup(answer).select(".others"))


class TestTheVerbs:
    """Each as a form, for whom it is."""

    def test_every_verb_of_the_table_has_words(self) -> None:
        """And none is offered that the table does not know."""
        assert set(VERBS) == {verb for _, verb in MOVES}

    def test_an_approval_names_the_words_that_were_seen(self, surface: Surface, ben: FlaskClient) -> None:
        """And is kept with its digest."""
        seen = kept(surface).digest

        answer = press(ben, PAGE, "Approve these words")

        assert (answer.status_code, answer.location) == (303, f"{PAGE}?done=approve")
        assert (kept(surface).stage, kept(surface).approved_digest) == (Stage.APPROVED, seen)
        assert "It goes out with the next publication" in ben.get(answer.location).text

    def test_nobody_approves_what_they_wrote(self, surface: Surface) -> None:
        """The page says why; whoever sends the form all the same is refused, and nothing changes."""
        anna = surface.client("anna", "author", "reviewer")
        held = {
            one["name"]: one["value"] for one in soup(anna.get(PAGE)).select("main form input[type=hidden]")
        }

        page = anna.get(PAGE)
        forced = anna.post(f"{PAGE}/approve", data={**held, "digest": kept(surface).digest})

        assert "you wrote, edited or submitted it, so somebody else must" in reasons(page)
        assert forced.status_code == 403
        assert "somebody else must approve it" in alert(forced)
        assert kept(surface).stage is Stage.IN_REVIEW

    def test_who_lacks_the_role_reads_which_it_is(self, surface: Surface) -> None:
        """Instead of a button that would be refused."""
        page = surface.client("zoe", "auditor").get(PAGE)

        assert "needs the role reviewer" in reasons(page)
        assert soup(page).select("main form[method=post]") == []

    def test_a_comment_goes_back_with_the_draft(self, surface: Surface, ben: FlaskClient) -> None:
        """Its author reads it on the page."""
        press(ben, PAGE, "Return with a comment", reason="The range <i>begins</i> too late.")

        page = surface.client("anna", "author").get(PAGE)
        assert kept(surface).stage is Stage.DRAFT
        assert "The range &lt;i&gt;begins&lt;/i&gt; too late." in page.text

    def test_what_was_typed_is_not_lost_with_a_refusal(self, surface: Surface) -> None:
        """The form comes back filled in, opened, with the reason above."""
        paula = surface.client("paula", "publisher")

        answer = press(paula, PAGE, "Break the glass: approve alone", incident="INC-1", reason="  ")

        assert answer.status_code == 400
        assert soup(answer).select("details[open] input[value=INC-1]")
        assert kept(surface).stage is Stage.IN_REVIEW

    def test_what_changed_meanwhile_is_shown_instead(self, surface: Surface, ben: FlaskClient) -> None:
        """The old page's form hits nothing: the answer is the page of the new words."""
        form = soup(ben.get(PAGE)).select_one("form[action$='/approve']")
        assert form is not None
        held = {str(one["name"]): str(one["value"]) for one in form.select("input")}
        surface.house.workflow.import_mitigation(
            SHORT.replace(b"No way in", b"Other words"), source="m.xml", by="anna"
        )
        surface.house.workflow.submit("M0001", by="anna")

        answer = ben.post(f"{PAGE}/approve", data=held)

        assert answer.status_code == 409
        assert "Nothing was changed" in alert(answer)
        assert [one.text for one in soup(answer).select("h1")] == ["Other words"]
        assert kept(surface).stage is Stage.IN_REVIEW

    def test_a_form_without_a_tag_is_refused(self, surface: Surface, ben: FlaskClient) -> None:
        """It would hit whatever is there now."""
        form = soup(ben.get(PAGE)).select_one("form[action$='/approve']")
        assert form is not None
        held = {str(one["name"]): str(one["value"]) for one in form.select("input")}
        del held["seen"]

        assert ben.post(f"{PAGE}/approve", data=held).status_code == 409
        assert kept(surface).stage is Stage.IN_REVIEW

    def test_a_form_of_another_site_is_refused(self, surface: Surface, ben: FlaskClient) -> None:
        """Without our proof in it nothing is done, whatever else it knows."""
        revision, tag = kept(surface), surface.house.workflow.show("M0001").tag

        answer = ben.post(f"{PAGE}/approve", data={"digest": revision.digest, "seen": tag})

        assert answer.status_code == 403
        assert "web.foreign_form" in answer.text
        assert kept(surface).stage is Stage.IN_REVIEW

    @pytest.mark.parametrize("verb", sorted(FRESH - {"publish"}))
    def test_a_sign_in_of_an_hour_ago_is_not_enough(self, surface: Surface, verb: str) -> None:
        """For what counts on every server; the page offers the way to sign in again."""
        everything = ("author", "reviewer", "publisher")
        fresh = surface.client("ben", *everything)
        stale = surface.client("ben", *everything, signed_in=STALE)
        token = soup(stale.get(PAGE)).select_one("input[name=csrf_token]")
        assert token is not None

        answer = stale.post(f"{PAGE}/{verb}", data={"csrf_token": str(token["value"])})

        assert answer.status_code == 403
        assert "signin.stale" in answer.text
        assert f'action="{PAGE}/approve"' in fresh.get(PAGE).text
        assert "/signin/again?next=%2Fmitigations%2FM0001" in stale.get(PAGE).text
        assert f'action="{PAGE}/approve"' not in stale.get(PAGE).text


class TestBreakingTheGlass:
    """One person alone, in an emergency."""

    def test_everybody_sees_it_until_a_second_person_countersigns(self, surface: Surface) -> None:
        """On every page, with who, why and until when."""
        paula = surface.client("paula", "publisher")
        zoe = surface.client("zoe")

        press(paula, PAGE, "Break the glass: approve alone", incident="INC-2041", reason="All asleep")
        alarm = soup(zoe.get("/feeds")).select_one(".alarms")
        press(surface.client("carl", "reviewer"), PAGE, "Countersign these words")

        assert alarm is not None
        assert "INC-2041" in alarm.get_text()
        assert "All asleep" in alarm.get_text()
        assert kept(surface).approved_by == "paula"
        assert soup(zoe.get("/feeds")).select(".alarms") == []

    def test_who_broke_it_cannot_countersign(self, surface: Surface) -> None:
        """The page says so."""
        paula = surface.client("paula", "publisher", "reviewer")

        press(paula, PAGE, "Break the glass: approve alone", incident="INC-2041", reason="All asleep")

        assert "you approved it, so somebody else must" in reasons(paula.get(PAGE))


class TestTheNextRevision:
    """Of what is published."""

    def test_it_is_begun_and_discarded(self, surface: Surface) -> None:
        """Its author goes on to edit it; discarded, it stays in the history."""
        surface.house.approve("M0001")
        surface.house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        surface.house.approve("PING1")
        surface.house.publish()
        anna = surface.client("anna", "author")

        begun = press(anna, PAGE, "Begin the next revision", change="Look again later.")
        number = kept(surface).number
        discarded = press(anna, PAGE, "Discard this draft")

        assert (begun.status_code, begun.location, number) == (303, f"{PAGE}/edit", 2)
        assert discarded.location == f"{PAGE}/2?done=discard"
        assert anna.get(discarded.location).status_code == 200
        assert kept(surface).number == 1

    def test_it_is_taken_back_everywhere_by_a_revision_that_somebody_else_approves(
        self, surface: Surface
    ) -> None:
        """The page of that revision says what it does to servers."""
        surface.house.approve("M0001")
        surface.house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        surface.house.approve("PING1")
        surface.house.publish()

        press(surface.client("anna", "author"), PAGE, "Take it back everywhere", reason="It breaks mail.")

        page = surface.client("ben", "reviewer").get(PAGE)
        assert "takes the mitigation back" in page.text
        assert "take back: stop application pool" in page.text


class TestPublishing:
    """From the browser."""

    def test_the_page_shows_what_would_go_out(self, surface: Surface) -> None:
        """To whoever looks; the button is the publisher's."""
        surface.house.approve("M0001")

        page = surface.client("zoe").get("/publish")
        button = surface.client("paula", "publisher").get("/publish")

        assert [one.text for one in soup(page).select("tbody th a")] == ["M0001"]
        assert "needs the role publisher" in page.text
        assert "Sign and publish" in button.text

    def test_what_waits_for_an_update_is_told_before(self, surface: Surface) -> None:
        """It goes out together with the release, which is somebody's own decision."""
        workflow = surface.house.workflow
        surface.house.approve("M0001")
        workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        surface.house.approve("PING1")
        surface.house.publish()
        workflow.register_update(cumulative_update(), by="anna")
        surface.house.approve("M0001")

        before = surface.client("zoe").get("/publish")
        workflow.release_update(PRODUCT, Build.parse("15.2.1900.1"), by="paula")
        after = surface.client("zoe").get("/publish")

        assert "M0001 revision 2" in soup(before).select(".message.wary")[0].get_text()
        assert soup(after).select(".message.wary") == []

    def test_each_step_is_told_as_it_is_done(self, surface: Surface) -> None:
        """In order, then the sentences of the outcome."""
        surface.house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        surface.house.approve("PING1")

        answer = press(surface.client("paula", "publisher"), "/publish", "Sign and publish")
        steps = [" ".join(one.stripped_strings) for one in soup(answer).select(".steps li")]

        assert steps == [f"✓ {number} of 10 {words}" for number, words in STEPS.items()]
        assert "published PING1 revision 1" in answer.text
        assert surface.house.states() == {"PING1": "1 active"}

    def test_a_refusal_is_told_where_it_happened(self, surface: Surface) -> None:
        """After the steps that were done; nothing went out."""
        surface.house.approve("M0001")
        surface.clock.at += timedelta(days=8)

        answer = press(surface.client("paula", "publisher"), "/publish", "Sign and publish")

        assert len(soup(answer).select(".steps li")) == 1
        assert "ReviewBy" in alert(answer)
        assert surface.house.workflow.list_feeds() == ()

    def test_it_goes_on_if_the_browser_leaves(self, surface: Surface) -> None:
        """Only the first step was read."""
        surface.house.workflow.import_mitigation(heartbeat(), source="p.xml", by="anna")
        surface.house.approve("PING1")
        paula = surface.client("paula", "publisher")
        token = soup(paula.get("/publish")).select_one("input[name=csrf_token]")
        assert token is not None

        answer = paula.post("/publish", data={"csrf_token": str(token["value"])}, buffered=False)
        next(iter(answer.response))
        answer.close()
        surface.finish_publications()

        assert surface.house.states() == {"PING1": "1 active"}

    def test_only_a_publisher_who_just_signed_in_may(self, surface: Surface) -> None:
        """Others are refused, and nothing goes out."""
        surface.house.approve("M0001")
        ben = surface.client("ben", "reviewer")
        stale = surface.client("paula", "publisher", signed_in=STALE)

        for client, code in ((ben, "access.missing_role"), (stale, "signin.stale")):
            token = soup(client.get("/")).select_one("input[name=csrf_token]")
            assert token is not None
            answer = client.post("/publish", data={"csrf_token": str(token["value"])})
            assert (answer.status_code, code in answer.text) == (403, True)
        assert surface.house.workflow.list_feeds() == ()
