"""A desk with an administrator, and what tests of its pages share."""

from __future__ import annotations

from typing import Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import Principal
from tests.surface import Surface, soup

HOSTILE: Final = (
    "<b>x</b>",
    "{{ 7*7 }}",
    "a\r\nX: y",
    "../..",
    "' OR 1=1 --",
    "\u202eabc",
    "x" * 5_000,
    "\x00",
)
"""What somebody types who means harm."""


def administered() -> Surface:
    """A desk with a catalogue and an administrator."""
    made = Surface.in_memory()
    root = Principal("ada", frozenset(Role), "command line (account root)")
    made.desk.people.add("ada", roles=frozenset(Role), password=None, by=root)
    return made


def text(answer: TestResponse) -> str:
    """What a page says."""
    return soup(answer).get_text(" ", strip=True)


def secret_of(client: FlaskClient, page: str) -> str:
    """The secret by which a form of a page is known to be ours."""
    found = soup(client.get(page)).find("input", attrs={"name": "csrf_token"})
    assert found is not None
    return str(found["value"])


def press_in(client: FlaskClient, answer: TestResponse, button: str) -> TestResponse:
    """Press a button of a page that is open already."""
    for form in soup(answer).find_all("form"):
        for one in form.find_all("button"):
            if one.get_text(" ", strip=True) == button:
                held = {str(f["name"]): str(f.get("value", "")) for f in form.find_all("input")}
                return client.post(str(form["action"]), data=held | {str(one["name"]): str(one["value"])})
    raise AssertionError(f"no button {button!r} in {text(answer)}")
