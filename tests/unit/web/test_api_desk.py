from __future__ import annotations

import pytest

from feedsrv.model.lifecycle import Role
from tests.programs import Program, Programs, said
from tests.publisher import CATALOGUE, written

UPDATE = {
    "product": "exchange-2019",
    "build": "15.2.1900.1",
    "name": "CU16",
    "released": "2026-11-10",
    "kb": "KB5099999",
    "fixes": ["CVE-2026-1000"],
}


class TestUpdates:
    """Cumulative updates, with a look before one says yes."""

    def test_an_update_is_planned_registered_and_released(self, programs: Programs) -> None:
        """The plan keeps nothing; registering drafts what was planned; the release waits for a review."""
        anna, ben, carl = published(programs)
        log = len(programs.surface.house.workflow.list_audit())

        plan = said(anna.post("/updates/plan", UPDATE))
        after_plan = len(programs.surface.house.workflow.list_audit())
        registered = said(anna.post("/updates", UPDATE), 201)
        again = said(anna.post("/updates", UPDATE))
        at = "/updates/exchange-2019/15.2.1900.1"
        early = carl.post(f"{at}/release")
        said(ben.act("M0001/approve", {"digest": registered["revisions"][0]["digest"]}))
        released = said(carl.post(f"{at}/release"))
        out = said(carl.post("/publish"))

        assert after_plan == log
        assert [(one["id"], one["number"]) for one in plan["revisions"]] == [("M0001", 2)]
        assert 'fixed="15.2.1900.1"' in plan["revisions"][0]["document"]
        assert registered["revisions"] == plan["revisions"]
        assert again["unchanged"] is True
        assert said(early, 403)["code"] == "publishing.waiting_for_review"
        assert released["releasingBy"] == "carl"
        assert out["released"] == ["exchange-2019 15.2.1900.1"]
        stages = {one["build"]: one["stage"] for one in said(anna.get("/catalogue"))["updates"]}
        assert stages["15.2.1900.1"] == "released"

    def test_a_registered_update_is_discarded(self, programs: Programs) -> None:
        """Unless it is not there, or somebody may not."""
        anna = programs.client("anna", "author")
        said(anna.post("/updates", UPDATE), 201)
        at = "/updates/exchange-2019/15.2.1900.1/discard"

        foreign = programs.client("ben", "reviewer").post(at)
        gone = said(anna.post(at))
        again = anna.post(at)

        assert said(foreign, 403)["code"] == "access.missing_role"
        assert gone["build"] == "15.2.1900.1"
        assert said(again, 404)["code"] == "publishing.unknown_update"

    def test_a_catalogue_is_imported(self, programs: Programs) -> None:
        """The same file again changes nothing; another grammar is refused."""
        anna = programs.client("anna", "author")

        same = said(anna.send("/catalogue/import?source=products.xml", CATALOGUE))
        bad = anna.send("/catalogue/import?source=products.xml", b"<Catalogue/>")

        assert same == {"unchanged": True, "newUpdates": []}
        assert bad.status_code == 400
        assert said(bad, 400)["detail"].startswith("products.xml")

    @pytest.mark.parametrize(
        "field",
        [{"build": "15.2"}, {"product": "A B"}, {"released": "10.11.2026"}, {"fixes": "CVE"}, {"x": 1}],
    )
    def test_a_wrong_field_is_named(self, programs: Programs, field: dict[str, object]) -> None:
        """Before anything is done."""
        anna = programs.client("anna", "author")

        answer = anna.post("/updates", UPDATE | field)

        assert [one["field"] for one in said(answer, 422)["errors"]] == list(field)


class TestFeeds:
    """What was published, by whom, and whether agents would believe it."""

    def test_versions_are_listed_verified_and_compared(self, programs: Programs) -> None:
        """As they lie on the shelf."""
        anna, ben, carl = published(programs)
        bring(anna, ben, "M0002")
        said(carl.post("/publish"))
        at = "/feeds/exchange-2019/production"

        heads = said(anna.get("/feeds"))["items"]
        versions = said(anna.get(f"{at}/versions"))["items"]
        shown = said(anna.get(f"{at}/versions/2"))
        verified = said(anna.get(f"{at}/versions/2/verify"))
        compared = said(anna.get(f"{at}/compare?from=1&to=2"))["items"]

        assert [(one["product"], one["version"]) for one in heads if one["product"] == "exchange-2019"] == [
            ("exchange-2019", 2)
        ]
        assert [(one["number"], one["by"]) for one in versions] == [(2, "carl"), (1, "carl")]
        assert [one["id"] for one in shown["feed"]["entries"]] == ["M0001", "M0002"]
        assert (verified["isAccepted"], verified["refusal"]) == (True, None)
        assert verified["signer"]
        assert [(one["id"], one["kind"]) for one in compared] == [("M0002", "added")]

    def test_what_was_never_published(self, programs: Programs) -> None:
        """404."""
        anna = programs.client("anna", "author")

        for path in ("versions", "versions/1", "versions/1/verify", "compare?from=1&to=2"):
            answer = anna.get(f"/feeds/exchange-2019/nowhere/{path}")
            assert said(answer, 404)["code"] == "publishing.unknown_feed"

    def test_only_a_publisher_publishes(self, programs: Programs) -> None:
        """Whatever else somebody may do."""
        otto = programs.client("otto", *(set(Role) - {Role.PUBLISHER}))

        assert said(otto.post("/publish"), 403)["code"] == "access.missing_role"


class TestKeys:
    """What is known of keys, and who may change that."""

    def test_only_an_administrator_changes_keys(self, programs: Programs) -> None:
        """Everybody who may read sees them; nobody else acts."""
        otto = programs.client("otto", *(set(Role) - {Role.ADMINISTRATOR}))
        said(otto.get("/keys"))

        for verb, body in (("use", {}), ("retire", None), ("revoke", {"reason": "superseded"})):
            answer = otto.post(f"/keys/{'0' * 64}/{verb}", body)
            assert said(answer, 403)["code"] == "access.missing_role"

    def test_a_key_that_is_not_there(self, programs: Programs) -> None:
        """404, and no state is told of it; a fingerprint that is none is a wrong shape."""
        alma = programs.client("alma", "administrator")

        assert alma.post(f"/keys/{'0' * 64}/retire").status_code == 404
        assert said(alma.get("/keys/nothing/deviations"), 422)["code"] == "api.bad_shape"
        assert said(alma.post(f"/keys/{'0' * 64}/revoke", {"reason": "boredom"}), 422)["errors"]


class TestPeople:
    """Who works here."""

    def test_somebody_is_added_changed_and_removed(self, programs: Programs) -> None:
        """By an administrator; no answer ever holds a password or its hash."""
        alma = programs.client("alma", "administrator")
        told = {
            "name": "Zoë",
            "roles": ["author"],
            "password": "correct horse battery",
            "email": "z@example.org",
        }

        added = alma.post("/people", told)
        roles = said(alma.post("/people/Zoë/roles", {"roles": ["reviewer"]}))
        gone = said(alma.post("/people/zoë/remove"))
        again = alma.post("/people", told)

        assert said(added, 201)["isLocal"] is True
        assert "horse" not in added.get_data(as_text=True)
        assert "argon2" not in added.get_data(as_text=True)
        assert roles["roles"] == ["reviewer"]
        assert gone["removedAt"] is not None
        assert again.status_code in {400, 409}
        assert said(alma.get("/people/Zo%C3%AB"))["name"] == "Zoë"

    def test_nobody_else_sees_or_changes_people(self, programs: Programs) -> None:
        """Auditors read; all others learn nothing."""
        otto = programs.client("otto", *(set(Role) - {Role.ADMINISTRATOR, Role.AUDITOR}))

        assert otto.get("/people").status_code == 403
        assert otto.post("/people", {"name": "x", "roles": []}).status_code == 403
        assert otto.get("/people/root/sign-ins").status_code == 403
        assert said(programs.client("olga", "auditor").get("/people"))["items"]

    def test_a_token_makes_no_token(self, programs: Programs) -> None:
        """There is no such operation: whoever steals one must not be able to outlive it."""
        alma = programs.client("alma", "administrator")

        answer = alma.post("/tokens", {"name": "x"})

        assert answer.status_code == 405
        assert [one["owner"] for one in said(alma.get("/tokens"))["items"]] == ["alma"]

    def test_a_token_of_somebody_else_is_not_there(self, programs: Programs) -> None:
        """Neither to see nor to revoke."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        said(anna.get("/me"))

        listed = said(ben.get("/tokens"))["items"]
        answer = ben.post("/tokens/1/revoke")

        assert [one["owner"] for one in listed] == ["ben"]
        assert answer.status_code in {403, 404}
        assert anna.get("/me").status_code == 200


class TestWebhooks:
    """Addresses of programs that are told what happens."""

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://user:pass@example.org/",
            "file:///etc/passwd",
            "gopher://x",
            "https://example.org/\r\nX: y",
            "",
        ],
    )
    def test_no_address_leads_inside(self, programs: Programs, url: str) -> None:
        """Private addresses in any spelling, and what is no address of the web, are refused."""
        alma = programs.client("alma", "administrator")

        answer = alma.post("/webhooks", {"url": url})

        assert answer.status_code in {400, 403, 422}, answer.get_data(as_text=True)
        assert said(alma.get("/webhooks"))["items"] == []

    def test_only_an_administrator_sees_addresses(self, programs: Programs) -> None:
        """An address is often a secret in itself."""
        otto = programs.client("otto", *(set(Role) - {Role.ADMINISTRATOR}))

        for path in ("/webhooks", "/webhooks/1/secret", "/webhooks/1/deliveries"):
            assert otto.get(path).status_code == 403
        assert said(otto.get("/notice-kinds"))["items"]


def bring(anna: Program, ben: Program, mitigation_id: str = "M0001") -> None:
    """A mitigation, approved."""
    said(anna.send("/documents", written(mitigation_id)), 201)
    said(anna.act(f"{mitigation_id}/submit"))
    digest = said(ben.get(f"/mitigations/{mitigation_id}"))["digest"]
    said(ben.act(f"{mitigation_id}/approve", {"digest": digest}))


def published(programs: Programs) -> tuple[Program, Program, Program]:
    """M0001 published, by an author, a reviewer and a publisher."""
    anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
    carl = programs.client("carl", "publisher")
    bring(anna, ben)
    said(carl.post("/publish"))
    return anna, ben, carl
