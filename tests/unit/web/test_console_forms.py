"""The form of a mitigation: the same words there and back, errors where they can be mended, rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from werkzeug.datastructures import MultiDict

from feedsrv.codec.authoring import read_draft, write_draft
from feedsrv.codec.parsing import XmlError
from feedsrv.model.mitigation import Draft
from feedsrv.web.console.form_rows import (
    MOST_FIELDS,
    MOST_ROWS,
    BadFormError,
    bounded,
    change_rows,
    differences,
    fresh_values,
    slips_of,
)
from feedsrv.web.console.form_values import values_of
from feedsrv.web.console.form_words import Meant, meant_by
from feedsrv.web.console.forms import KINDS, WriteForm, new_form, sent_form
from tests.words import QUICK, drafts

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
MITIGATIONS = sorted((Path(__file__).parents[3] / "mitigations").glob("[MP]*[0-9].xml"))


def sent(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """The fields as a browser sends them: a box that is not ticked is not sent."""
    for name, value in values.items():
        if isinstance(value, list):
            for number, row in enumerate(value):
                yield from sent(row, f"{before}{name}-{number}-")
        elif value is True:
            yield before + name, "y"
        elif value is not False:
            yield before + name, str(value)


def judged(values: dict[str, Any], **other: str) -> tuple[WriteForm, Meant]:
    """A form that was sent with these values, some of them replaced, and what it means."""
    form = sent_form(bounded(MultiDict({**dict(sent(values)), **other})))
    return form, meant_by(form, number=1, issued=AT)


def good_values() -> dict[str, Any]:
    """The form of a mitigation with rules and samples that is as it should be."""
    document = next(one for one in MITIGATIONS if one.stem == "M0007")
    values = values_of(read_draft(document.read_bytes(), revision=1, issued=AT, source=document.name))
    condition = {"input": "{REQUEST_METHOD}", "pattern": "GET|POST", "ignore_case": True, "negate": False}
    values["actions"][0]["conditions"] = [condition]
    return values


def _can_be_written(draft: Draft) -> bool:
    """False where the XML library's Unicode is of another year than Python's."""
    try:
        write_draft(draft)
    except XmlError:
        return False
    return True


class TestThereAndBack:
    """Nothing of a draft is lost in its form."""

    @QUICK
    @given(drafts())
    def test_every_draft_comes_back_as_it_was(self, draft: Draft) -> None:
        """Through the values, a browser, and back: every kind of action, condition, sample and text."""
        assume(_can_be_written(draft))
        form = sent_form(MultiDict(list(sent(values_of(draft)))))

        meant = meant_by(form, number=draft.mitigation.revision, issued=draft.mitigation.issued)

        assert slips_of(form) == ()
        assert meant.draft == draft

    @pytest.mark.parametrize("document", MITIGATIONS, ids=lambda path: path.stem)
    def test_every_mitigation_of_ours_can_be_edited(self, document: Path) -> None:
        """Also where its form is shown once and sent again unchanged."""
        draft = read_draft(document.read_bytes(), revision=1, issued=AT, source=document.name)
        shown = new_form(values_of(draft))

        _, meant = judged(shown.data)

        assert meant.draft == draft

    def test_authors_may_wrap_lines_as_they_like(self) -> None:
        """In texts white space is collapsed, as in a file; a pattern is taken letter for letter."""
        values = good_values() | {"description": "  Two\r\n  lines.  "}
        values["actions"][0]["pattern"] = " .* "

        _, meant = judged(values)

        assert meant.draft is not None
        assert meant.draft.mitigation.description == "Two lines."
        assert b'pattern=" .* "' in meant.written


class TestSlips:
    """What is wrong stands beside the field where it can be mended."""

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("id", "", "fill this in"),
            ("id", "../../etc/passwd", "M and four digits"),
            ("title", "", "fill this in"),
            ("title", "x" * 201, "at most 200 fit"),
            ("title", "turned \u202e about", "No characters that cannot be seen"),
            ("description", "x" * 1_000_000, "1000000 characters; at most 4000 fit"),
            ("description", "\x00", "holds a character that no document can hold"),
            ("severity", "<b>", "'<b>' is not known here; choose one of critical"),
            ("channel", "Production'; DROP TABLE revisions; --", "lower-case letters"),
            ("review_by", "2026-02-30", "A day, such as"),
            ("review_by", "tomorrow", "A day, such as"),
            ("vulnerabilities", "CVE-2022-41040\nCVE-22", "line 2: 'CVE-22' does not fit"),
            ("references", "javascript:alert(1)", "line 1: "),
            ("supersedes", "M0007", "M0007 cannot take over from itself"),
            ("affects-0-product", "Exchange", "lower-case words joined by hyphens"),
            ("affects-0-introduced", "15.2", "Four whole numbers"),
            ("affects-0-fixed", "1.0.0.0", "must lie above"),
            ("actions-0-id", "1", "A letter, then"),
            ("actions-0-pattern", "", "fill this in"),
            ("actions-0-pattern", "a\r\nSet-Cookie: x", "none of them unseen"),
            ("actions-0-status", "200", "From 400 to 599"),
            ("actions-0-scope", "application", "takes a site and a path"),
            ("actions-0-conditions-0-input", "", "fill this in"),
            ("samples-0-url", "owa", "Path and query as sent"),
            ("samples-0-action", "A9", "no action here has the id A9"),
            ("samples-0-headers", "Cookie", "line 1: write a header as Name: value"),
            ("samples-0-headers", "Coo kie: x", "line 1: 'Coo kie' does not fit"),
            ("samples-0-known_issue", "Calendars", "leave this empty"),
            ("samples-0-expected", "may", "say by which known issue"),
        ],
    )
    def test_a_bad_value_is_refused_at_its_field(self, field: str, value: str, said: str) -> None:
        """With what is wanted; the value stays where it was typed, and the form means nothing."""
        form, meant = judged(good_values(), **{field: value})

        slips = slips_of(form)
        assert said in slips[0].sentence
        assert slips[0].field in {field, "affects-0-introduced", "samples-0-known_issue"}
        assert meant.draft is None
        assert dict(sent(form.data))[field] == value

    def test_contradictions_are_found_between_rows(self) -> None:
        """Two actions of one id, and ranges that overlap."""
        values = good_values()
        values["actions"].append(dict(values["actions"][0]))
        values["affects"].append(dict(values["affects"][-1]))

        form, meant = judged(values)

        told = {slip.field: slip.sentence for slip in slips_of(form)}
        assert "another action has the id A1" in told["actions-1-id"]
        assert "overlap" in told["affects-3-introduced"]
        assert meant.draft is None

    def test_nothing_at_all_is_refused_with_every_field_named(self) -> None:
        """An empty form has an answer, too."""
        form, meant = judged({})

        labels = {slip.where for slip in slips_of(form)}
        assert {"Id", "Title", "Description", "Look at it again by"} <= labels
        assert {one.split(":")[0] for one in form.form_errors} == {"Affected builds", "Actions"}
        assert meant.draft is None

    def test_a_second_revision_says_what_it_changes(self) -> None:
        """It is published with it, so it is asked for here."""
        form = sent_form(MultiDict(list(sent(good_values() | {"change": ""}))))

        meant = meant_by(form, number=2, issued=AT)

        assert [slip.field for slip in slips_of(form)] == ["change"]
        assert meant.draft is None

    def test_a_kind_that_is_none_is_refused(self) -> None:
        """Its row is kept, to be removed by whoever looks at it."""
        form, meant = judged(good_values(), **{"actions-0-kind": "rm -rf"})

        assert any("kind of action is not known" in slip.sentence for slip in slips_of(form))
        assert meant.draft is None


class TestRows:
    """Rows are added, moved and removed by the server, and nothing else changes."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_action_of_each_kind_is_added(self, kind: str) -> None:
        """With an id of its own; what was typed stays."""
        values = good_values()

        changed = change_rows(values, f"add:actions:{kind}")

        assert [one["kind"] for one in changed.values["actions"]] == ["inbound", kind]
        assert changed.values["actions"][1]["id"] == "A2"
        assert changed.values["actions"][0] == values["actions"][0]
        assert changed.focus == "actions-1-"

    def test_rows_within_a_row(self) -> None:
        """A condition of an action is added, moved up and removed again."""
        added = change_rows(good_values(), "add:actions-0-conditions")
        moved = change_rows(added.values, "up:actions-0-conditions-1")
        gone = change_rows(moved.values, "drop:actions-0-conditions-0")

        assert added.focus == "actions-0-conditions-1-"
        assert moved.values["actions"][0]["conditions"][0] == {}
        assert gone.values["actions"] == good_values()["actions"]

    def test_the_last_row_can_go(self) -> None:
        """There is none to go on with then."""
        changed = change_rows(fresh_values("pool"), "drop:affects-0")

        assert (changed.values["affects"], changed.focus) == ([], "")

    @pytest.mark.parametrize(
        "asked",
        [
            "add:secrets",
            "add:actions:rm",
            "add:actions",
            "drop:actions-7",
            "drop:actions",
            "drop:actions-0-conditions-9",
            "drop:actions-9-conditions-0",
            "up:title-0",
            "add:conditions",
            "add:actions-0-actions",
            "drop:actions-0-conditions",
            "<script>",
            "add:actions:inbound\r\nX: y",
        ],
    )
    def test_what_no_button_says_is_refused(self, asked: str) -> None:
        """With a refusal, never with an accident."""
        with pytest.raises(BadFormError, match=r"open (the form|it) again|there is no kind"):
            change_rows(good_values(), asked)

    def test_there_is_an_end_to_rows(self) -> None:
        """A longer mitigation is uploaded."""
        values = good_values() | {"actions": [{}] * MOST_ROWS["actions"]}

        with pytest.raises(BadFormError, match="at most 40 rows"):
            change_rows(values, "add:actions:pool")


class TestBounds:
    """What a browser of ours never sends."""

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ([("title", "one"), ("title", "two")], "came 2 times"),
            ([("actions-\u00b2-id", "A1")], "no field of this form is called"),
            ([("actions-99999-id", "A1")], "no field of this form is called"),
            ([("a\r\nb", "x")], "no field of this form is called"),
            ([(f"actions-{number}-id", "A") for number in range(41)], "41 rows of actions"),
            ([(f"actions-0-conditions-{n}-input", "A") for n in range(41)], "rows of actions-0-conditions"),
            ([("secrets-0-id", "A")], "rows of secrets"),
            (
                [(f"x_{'a' * (n % 50)}{'b' * (n // 50)}", "") for n in range(MOST_FIELDS + 1)],
                "fields; at most",
            ),
        ],
    )
    def test_are_refused_before_anything_is_read(self, fields: list[tuple[str, str]], said: str) -> None:
        """Twice the same field, names of nobody's, too many rows or fields."""
        with pytest.raises(BadFormError, match=said):
            bounded(MultiDict(fields))


def test_differences_name_the_field_and_both_values() -> None:
    """For whoever must decide between their words and somebody else's."""
    mine, theirs = good_values(), good_values()
    mine["title"] = "Mine"
    theirs["actions"][0]["conditions"][0]["pattern"] = "^/theirs/"

    found = differences(mine, theirs)

    assert [name for name, _, _ in found] == ["Title", "Action 1, condition 1, Pattern"]
    assert found[0][1:] == ("Mine", good_values()["title"])
    assert found[1][2] == "^/theirs/"
