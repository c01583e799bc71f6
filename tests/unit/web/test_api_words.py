from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from feedsrv.model.mitigation import Draft
from feedsrv.web.api.drafts import DraftWords, draft_words
from tests import words
from tests.desk import AT
from tests.programs import Programs, said
from tests.publisher import written
from tests.unit.web.test_api_conditions import everything

PATTERN = ".*autodiscover\\.json.*powershell.*"
RULE = (
    '<UrlRewrite id="A1" name="inbound"><Application site="Default Web Site" path="/autodiscover"/>'
    f'<Inbound pattern="{PATTERN}"><AbortRequest/></Inbound></UrlRewrite>'
)
HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "'; DROP TABLE revisions; --",
    "a\r\nSet-Cookie: a=b",
    "../../../../etc/passwd",
    "\u202egnp.exe",
    "\u0000",
    "\ud800",
    "${jndi:ldap://x}",
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words.drafts())
def test_a_draft_survives_the_way_through_json(draft: Draft) -> None:
    """Whatever can be kept can be read as JSON, changed nowhere, and handed in again."""
    sent = json.loads(draft_words(draft).model_dump_json(by_alias=True))

    back = DraftWords.model_validate(sent).draft(draft.mitigation.issued)

    assert draft_words(back) == draft_words(draft)
    assert (back.samples, back.notes) == (draft.samples, draft.notes)
    assert back.mitigation.actions == draft.mitigation.actions


class TestJson:
    """A mitigation as JSON is as good as its document."""

    def test_what_is_read_as_json_can_be_handed_in_again(self, programs: Programs) -> None:
        """Changed in one word, it is an edit that says exactly that."""
        anna = programs.client("anna", "author")
        first = anna.send("/documents", written())
        draft = anna.get("/mitigations/M0001/draft")

        answer = anna.post(
            "/mitigations", said(draft) | {"title": "Nobody comes in"}, If_Match=draft.headers["ETag"]
        )

        assert said(answer)["outcome"] == "edited"
        assert said(answer)["revision"]["title"] == "Nobody comes in"
        assert answer.headers["ETag"] != first.headers["ETag"]
        document = anna.get("/mitigations/M0001/authoring.xml")
        assert b"<Title>Nobody comes in</Title>" in document.data
        assert document.content_type == "application/xml; charset=utf-8"

    @pytest.mark.parametrize("value", HOSTILE)
    @pytest.mark.parametrize("field", ["title", "description", "change", "channel", "id"])
    def test_a_hostile_value_is_kept_as_text_or_refused(
        self, programs: Programs, field: str, value: str
    ) -> None:
        """Never 5xx; what is refused changes nothing, and what is taken comes back letter by letter."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written()), 201)
        draft = anna.get("/mitigations/M0001/draft")
        before = everything(programs)

        answer = anna.post("/mitigations", said(draft) | {field: value}, If_Match=draft.headers["ETag"])

        assert answer.status_code in {200, 400, 422}, answer.get_data(as_text=True)
        if answer.status_code == 200:
            assert said(anna.get("/mitigations/M0001/draft"))[field] == value
        else:
            assert everything(programs) == before

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"<a/>",
            b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
            b"<a>" * 5_000,
            b"PK\x03\x04" + b"\x00" * 100,
            b"\x1f\x8b\x08",
            written().replace(b"No way in", b"No \xe2\x80\xae way in"),
            written().replace(b"15.2.221.12", b"15.2"),
        ],
        ids=["nothing", "other", "entity", "deep", "zip", "gzip", "direction", "build"],
    )
    def test_a_bad_document_is_refused(self, programs: Programs, document: bytes) -> None:
        """With the line where there is one, and nothing is kept; nor by trying it."""
        anna = programs.client("anna", "author")

        answer = anna.send("/documents?source=a.xml", document)
        tried = anna.send("/words/judge-document", document)

        assert (answer.status_code, tried.status_code) == (400, 400)
        assert said(answer, 400)["detail"].startswith("a.xml")
        assert programs.surface.house.workflow.list_mitigations() == ()

    def test_where_words_come_from_is_told(self, programs: Programs) -> None:
        """A file and a commit, say; nothing that could break a line."""
        anna = programs.client("anna", "author")

        taken = anna.send("/documents?source=git%20M0001.xml%20at%20abc", written())
        refused = anna.send("/documents?source=a%0d%0ab", written("M0002"))

        assert said(taken, 201)["revision"]["source"] == "git M0001.xml at abc"
        assert said(refused, 422)["code"] == "api.bad_shape"


class TestTrying:
    """Words can be tried before anybody hands them in; nothing is kept."""

    def test_words_are_judged_and_kept_nowhere(self, programs: Programs) -> None:
        """Findings, verdicts of the samples, and what an agent would write."""
        anna = programs.client("anna", "author")
        samples = (
            '<Samples><MustBlock name="attack" url="/autodiscover/autodiscover.json?a=powershell"/>'
            '<MustPass name="mail" url="/owa/"/></Samples></Mitigation>'
        )
        document = written(action=RULE).replace(b"</Mitigation>", samples.encode())
        before = everything(programs)

        found = said(anna.send("/words/judge-document", document))

        assert {"attack", "mail"} <= {one["sample"] for one in found["verdicts"]}
        assert "applicationHost.config" in found["changes"][0]["where"]
        assert all({"code", "remedy"} <= set(one) for one in found["findings"])
        assert everything(programs) == before

    def test_the_same_of_json(self, programs: Programs) -> None:
        """As somebody's editor sends it."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written(action=RULE)), 201)
        draft = said(anna.get("/mitigations/M0001/draft"))

        found = said(anna.post("/words/judge", draft))

        assert draft["actions"][0]["rule"]["pattern"] == PATTERN
        assert found["changes"][0]["actionId"] == "A1"

    def test_a_pattern_is_tried(self, programs: Programs) -> None:
        """As IIS would match it, in either case."""
        anna = programs.client("anna", "author")

        found = said(
            anna.post(
                "/words/pattern", {"pattern": PATTERN, "inputs": ["/owa/", "Autodiscover.json?PowerShell"]}
            )
        )

        assert [one["matched"] for one in found["items"]] == [False, True]

    def test_a_pattern_that_never_ends_is_stopped(self, programs: Programs) -> None:
        """The server says so, and goes on."""
        anna = programs.client("anna", "author")
        body = {"pattern": "^(a+)+$", "inputs": ["a" * 40 + "!"]}

        found = said(anna.post("/words/pattern", body))

        assert [one["cameBack"] for one in found["items"]] == [False]

    def test_what_is_no_pattern_is_refused(self, programs: Programs) -> None:
        """400, and what is wrong with it."""
        anna = programs.client("anna", "author")

        answer = anna.post("/words/pattern", {"pattern": "(", "inputs": ["a"]})

        assert answer.status_code == 400


class TestLooking:
    """Everything that people see of a mitigation."""

    def test_each_view_of_one_mitigation(self, programs: Programs) -> None:
        """Document, difference, findings, verdicts, builds, what an agent would change."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written(action=RULE)), 201)
        at = "/mitigations/M0001"

        assert b"urn:feedsrv:mitigation:1" in anna.get(f"{at}/document.xml").data
        assert said(anna.get(f"{at}/diff"))["summary"]
        assert said(anna.get(f"{at}/findings"))["items"] is not None
        assert said(anna.get(f"{at}/verdicts"))["items"] is not None
        assert {one["state"] for one in said(anna.get(f"{at}/builds"))["items"]} <= {
            "affected",
            "before",
            "fixed",
            "registered",
        }
        assert said(anna.get(f"{at}/server-changes"))["items"][0]["undo"]
        assert [one["number"] for one in said(anna.get(f"{at}/revisions"))["items"]] == [1]
        assert said(anna.get(f"{at}?number=1"))["issued"] == AT.strftime("%Y-%m-%dT%H:%M:%SZ")

    def test_what_is_not_there(self, programs: Programs) -> None:
        """404 for another mitigation, and for another revision."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written()), 201)

        for path in (
            "/mitigations/M0009",
            "/mitigations/M0001?number=2",
            "/mitigations/M0001/diff?against=7",
        ):
            assert said(anna.get(path), 404)["code"] == "publishing.unknown_mitigation"
